"""What all figures share: what is shown, and how a model looks wherever it appears.

Colours are Okabe and Ito's (2008), which colour-blind readers tell apart; dashes and markers say the same in grey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from genbench.entry import Record
from genbench.report.numbers import rounded
from genbench.report.text import clean
from genbench.summary import REFERENCES, Row, summarise

__all__ = ["STYLE", "Look", "Subject", "logarithmic", "looks", "plain_text"]

STYLE: dict[Any, Any] = {
    "font.size": 9,
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
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "D", "v", "P", "X", "p")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
REFERENCE_LOOKS = {"real": ("#555555", "-", "*"), "gaussian": ("#999999", (0, (4, 2)), "."), "memoriser": (
    "#777777", (0, (1.2, 1.2)), ".")}  # fmt: skip
LONGEST = 40  # letters of a label


@dataclass(frozen=True)
class Subject:
    """One dataset, the records of its cells, and the folders of the runs that they come from, by ``record["run"]``."""

    dataset: str
    records: tuple[Record, ...]
    runs: Mapping[str, Path] = field(default_factory=dict)

    @property
    def rows(self) -> tuple[Row, ...]:
        """One row a model, as in the tables: models in the order of the plan, then references."""
        rows = [row for summary in summarise(self.records) for row in summary.rows]
        return tuple(sorted(rows, key=lambda row: (row.role == "reference", _place(row))))


def _place(row: Row) -> int:
    model = row.records[0]["model"]
    return REFERENCES.index(model) if row.role == "reference" and model in REFERENCES else 0


@dataclass(frozen=True)
class Look:
    """How a model is drawn, in every figure of a dataset alike."""

    label: str
    colour: str
    dashes: Any
    marker: str


def looks(rows: Sequence[Row]) -> dict[str, Look]:
    """Return the look of each row by its label; references are grey."""
    found: dict[str, Look] = {}
    models = [row.label for row in rows if row.role != "reference"]
    for row in rows:
        label = plain_text(row.label)
        if row.role == "reference":
            known = REFERENCE_LOOKS.get(str(row.records[0]["model"]), REFERENCE_LOOKS["gaussian"])
            found[row.label] = Look(label, *known)
            continue
        at = models.index(row.label)
        colour, marker = COLOURS[at % len(COLOURS)], MARKERS[at % len(MARKERS)]
        found[row.label] = Look(label, colour, DASHES[at % len(DASHES)], marker)  # 7 and 4: 28 looks
    return found


def plain_text(value: object) -> str:
    """Return a short line that matplotlib shows as it is: a leading underscore would hide it from a legend."""
    text = clean(value, LONGEST)
    return f" {text}" if text.startswith("_") else text


def logarithmic(axes: Axes) -> None:
    """Make both axes logarithmic, their ticks plain numbers: 0.01, 300, 10k."""
    axes.set(xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: str(rounded(value, digits=3))))
        axis.set_minor_formatter(NullFormatter())
