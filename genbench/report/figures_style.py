"""What all figures share: what is shown, and how a model looks wherever it appears.

Colours are Okabe and Ito's (2008), which colour-blind readers tell apart; dashes and markers say the same in grey. Real
data are black and grey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from genbench.errors import DataError
from genbench.record.store import Record
from genbench.report.numbers import rounded
from genbench.report.text import clean
from genbench.table.summary import REFERENCES, Row, Summary, summarise

if TYPE_CHECKING:  # real rows and samples are found again only for the figures that show them
    from genbench.report.figures_samples import Kept, Shown

__all__ = [
    "INK",
    "REAL",
    "SOFT",
    "STYLE",
    "Look",
    "Subject",
    "Unsuited",
    "few_decades",
    "logarithmic",
    "looks",
    "plain_numbers",
    "plain_text",
    "warn_of_clocks",
]

INK = "#222222"  # words, axes
SOFT = "#767676"  # what stands behind
REAL = "#8a8a8a"  # real data where they are a cloud or an area: seen on white and on black
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],  # the first is there; of the same width elsewhere
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.6,
    "figure.constrained_layout.use": True,
    "pdf.fonttype": 42,  # letters stay letters, which journals ask for
    "svg.fonttype": "none",
    "svg.hashsalt": "genbench",
    "text.parse_math": False,  # a name is no formula
}
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#A0522D")
MARKERS = ("o", "s", "D", "v", "P", "X", "p")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
REFERENCE_LOOKS = {"real": (INK, "-", "*"), "gaussian": ("#999999", (0, (4, 2)), "h"), "memoriser": (
    "#777777", (0, (1.2, 1.2)), "8")}  # fmt: skip
LONGEST = 40  # letters of a label
CACHED = ("summaries", "every_row", "looks", "shown")  # of a subject


class Unsuited(DataError):
    """A figure that is not for such data: of images where there is a table, say."""


@dataclass(frozen=True)
class Look:
    """How a model is drawn, in every figure of every dataset alike."""

    label: str
    colour: str
    dashes: Any
    marker: str


@dataclass(frozen=True)
class Subject:
    """One dataset, the records of its cells, and the folders of the runs that they come from, by ``record["run"]``.

    ``order`` holds the labels of all models of the runs, so that each has its colour whatever the dataset; ``only``
    the labels of those to draw, where it is not all; ``kept`` finds samples and real rows.
    """

    dataset: str
    records: tuple[Record, ...]
    runs: Mapping[str, Path] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    kept: Kept | None = field(default=None, compare=False)

    @cached_property
    def summaries(self) -> tuple[Summary, ...]:
        """The tables of the dataset: one, or one for each of its configs."""
        return tuple(summarise(self.records))

    @cached_property
    def every_row(self) -> tuple[Row, ...]:
        """One row a model, as in the tables: models in the order of the plan, then references."""
        rows = [row for summary in self.summaries for row in summary.rows]
        return tuple(sorted(rows, key=lambda row: (row.role == "reference", _place(row))))

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows to draw."""
        return tuple(row for row in self.every_row if not self.only or row.label in self.only)

    @property
    def models(self) -> tuple[Row, ...]:
        """The rows to draw that are models."""
        return tuple(row for row in self.rows if row.role != "reference")

    @cached_property
    def looks(self) -> dict[str, Look]:
        """The look of each row by its label."""
        return looks(self.every_row, self.order)

    @cached_property
    def shown(self) -> Shown:
        """Real rows and samples of the first seed that has any; raises DataError where there are none."""
        from genbench.report.figures_samples import shown_of

        return shown_of(self)

    def narrowed(self, labels: Sequence[str]) -> Subject:
        """Return the same, to draw these rows only; what was loaded is shared."""
        narrow = replace(self, only=tuple(labels))
        narrow.__dict__.update({name: self.__dict__[name] for name in CACHED if name in self.__dict__})
        return narrow


def _place(row: Row) -> int:
    model = row.records[0]["model"]
    return REFERENCES.index(model) if row.role == "reference" and model in REFERENCES else 0


def looks(rows: Sequence[Row], order: Sequence[str] = ()) -> dict[str, Look]:
    """Return the look of each row by its label: colours in the order given, else in that of the rows."""
    models = list(dict.fromkeys([*order, *(row.label for row in rows if row.role != "reference")]))
    return {row.label: _reference(row) if row.role == "reference" else _look(row, models) for row in rows}


def _reference(row: Row) -> Look:
    known = REFERENCE_LOOKS.get(str(row.records[0]["model"]), REFERENCE_LOOKS["gaussian"])
    return Look(plain_text(row.label), *known)


def _look(row: Row, models: Sequence[str]) -> Look:
    at = models.index(row.label)
    colour, marker = COLOURS[at % len(COLOURS)], MARKERS[at % len(MARKERS)]
    return Look(plain_text(row.label), colour, DASHES[at % len(DASHES)], marker)  # 7 and 4: 28 looks


def plain_text(value: object) -> str:
    """Return a short line that matplotlib shows as it is: a leading underscore would hide it from a legend."""
    text = clean(value, LONGEST)
    return f" {text}" if text.startswith("_") else text


def warn_of_clocks(figure: Figure, subject: Subject) -> None:
    """Say above a figure with an axis of time where its times cannot be compared."""
    if not all(summary.one_clock for summary in subject.summaries):
        figure.suptitle("times of several runs, machines or devices: not comparable", fontsize=8, color="#B00020")


def logarithmic(axes: Axes) -> None:
    """Make both axes logarithmic, their ticks plain numbers: 0.01, 300, 10k."""
    axes.set(xscale="log", yscale="log")
    plain_numbers(axes, "xy")


def plain_numbers(axes: Axes, which: str) -> None:
    """Write the ticks of the axes in ``which`` as plain numbers: 0.01, 300, 10k."""
    for axis in (getattr(axes, f"{name}axis") for name in which):
        axis.set_major_formatter(FuncFormatter(lambda value, _: str(rounded(value, digits=3))))
        axis.set_minor_formatter(NullFormatter())


def few_decades(axes: Axes, low: float, high: float) -> None:
    """Give a logarithmic x-axis that spans little at most four ticks, or ticks at 1, 2 and 5."""
    if low > 0 and high < 100 * low:
        near = high < 6 * low
        axes.xaxis.set_major_locator(MaxNLocator(3) if near else LogLocator(subs=(1.0, 2.0, 5.0)))
