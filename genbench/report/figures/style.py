"""What all figures share: what is shown, and how a model looks wherever it appears.

Colours are Okabe and Ito's (2008), which colour-blind readers tell apart; dashes and markers say the same in grey. Real
data are black and grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from genbench.report.numbers import rounded
from genbench.report.text import clean
from genbench.table.summary import Row

__all__ = ["INK", "REAL", "SOFT", "STYLE", "Look", "few_decades", "logarithmic", "looks", "plain_numbers", "plain_text"]

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


@dataclass(frozen=True)
class Look:
    """How a model is drawn, in every figure of every dataset alike."""

    label: str
    colour: str
    dashes: Any
    marker: str


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
