"""The style that all figures share: fonts, colours, ticks, and the line and marker of each model.

Half of the colours are those of Okabe and Ito (2008), which colour-blind readers can distinguish; dashes and markers
distinguish all models, also in greyscale. Real data are black and grey.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from genbench.report.numbers import round_number
from genbench.report.text import clean
from genbench.table.summary import Row

TEXT_COLOUR = "#222222"  # text and axes
MUTED_COLOUR = "#767676"  # grid lines and references
REAL_COLOUR = "#8a8a8a"  # points or areas of real data: visible on white and on black
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],  # matplotlib ships the first; the others are as wide
    "text.color": TEXT_COLOUR,
    "axes.edgecolor": TEXT_COLOUR,
    "axes.labelcolor": TEXT_COLOUR,
    "axes.titlecolor": TEXT_COLOUR,
    "xtick.color": TEXT_COLOUR,
    "ytick.color": TEXT_COLOUR,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.6,
    "figure.constrained_layout.use": True,
    "pdf.fonttype": 42,  # text is stored as text, which journals require
    "svg.fonttype": "none",
    "svg.hashsalt": "genbench",
    "text.parse_math": False,  # a $ in a name does not start a formula
}
COLOURS = (
    "#8C9A00", "#6A4FB3", "#0072B2", "#E69F00", "#CC79A7", "#56B4E9", "#C2185B", "#D55E00", "#009E73", "#A0522D",
    "#00838F", "#33691E",
)  # fmt: skip
MARKERS = ("o", "s", "D", "v", "P", "X", "p", "^", "d", "H", ">", "<")  # one a colour
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
MAX_LOOKS = len(COLOURS) * len(DASHES)
NAME_SALT = "79484"  # the models of genbench and of genbench-peers all get looks of their own, ten of them a colour
REFERENCE_STYLES = {"real": (TEXT_COLOUR, "-", "*"), "gaussian": ("#999999", (0, (4, 2)), "h"), "memoriser": (
    "#777777", (0, (1.2, 1.2)), "8")}  # fmt: skip
MAX_LABEL_CHARS = 40


@dataclass(frozen=True)
class LineStyle:
    """The style in which a model is drawn in every figure of every dataset."""

    label: str
    colour: str
    dashes: Any
    marker: str


def line_styles(rows: Sequence[Row], others: Sequence[str] = ()) -> dict[str, LineStyle]:
    """Return the style of each row by its label; ``others`` are labels of further models of the same runs."""
    looks = looks_of([*others, *(row.label for row in rows if row.role != "reference")])
    return {row.label: line_style_of(row.label, str(row.records[0]["model"]), row.role, looks) for row in rows}


def looks_of(labels: Iterable[str]) -> dict[str, int]:
    """Return the look of each model, a number below ``MAX_LOOKS`` that depends on its label alone.

    Where two labels have the same, the one that comes later in the alphabet takes the next that is free.
    """
    names = sorted(set(labels))
    own = {name: zlib.crc32((NAME_SALT + name).encode("utf-8", "replace")) % MAX_LOOKS for name in names}
    owners = {look: name for name, look in reversed(own.items())}
    looks = {name: look for name, look in own.items() if owners[look] == name}
    taken = set(looks.values())
    for name in names:
        if name not in looks:
            free = [(own[name] + step) % MAX_LOOKS for step in range(MAX_LOOKS)]
            looks[name] = next((look for look in free if look not in taken), own[name])
            taken.add(looks[name])
    return looks


def line_style_of(label: str, model: str, role: str, looks: Mapping[str, int]) -> LineStyle:
    """Return the style of a model by its look in ``looks``, or that of a reference.

    Any two of colour, dashes and marker tell the ``MAX_LOOKS`` looks apart.
    """
    if role == "reference":
        return LineStyle(plain_text(label), *REFERENCE_STYLES.get(model, REFERENCE_STYLES["gaussian"]))
    dashes, colour = divmod(looks[label], len(COLOURS))
    marker = MARKERS[(colour + 3 * dashes) % len(MARKERS)]
    return LineStyle(plain_text(label), COLOURS[colour], DASHES[dashes], marker)


def plain_text(value: object) -> str:
    """Return a short line that matplotlib shows as it is; it would leave a leading underscore out of a legend."""
    text = clean(value, MAX_LABEL_CHARS)
    return f" {text}" if text.startswith("_") else text


def percent(share: float) -> str:
    """Return a share as a percentage of two digits: ``25``, ``0.03``, ``100``."""
    return f"{float(f'{100 * share:.2g}'):g}"


def set_log_axes(axes: Axes) -> None:
    """Make both axes logarithmic, with plain numbers at the ticks: 0.01, 300, 10k."""
    axes.set(xscale="log", yscale="log")
    format_ticks(axes, "xy")


def finite_ends(interval: tuple[float, float], value: float) -> tuple[float, float]:
    """Return the ends of an interval as they can be drawn: an open end, which an arrow shows, is at the value."""
    low, high = (end if math.isfinite(end) else value for end in interval)
    return low, high


def format_ticks(axes: Axes, axis_names: str) -> None:
    """Write the ticks of the axes in ``axis_names`` (``x``, ``y`` or ``xy``) as plain numbers: 0.01, 300, 10k."""
    for axis in (getattr(axes, f"{name}axis") for name in axis_names):
        axis.set_major_formatter(FuncFormatter(lambda value, _: str(round_number(value, digits=3))))
        axis.set_minor_formatter(NullFormatter())


def limit_ticks(axes: Axes, low: float, high: float, axis_name: str = "x") -> None:
    """Set the ticks of a logarithmic axis of less than two decades: at 1, 2 and 5, or few if it is very narrow."""
    if low > 0 and high < 100 * low:
        is_narrow = high < 6 * low
        axis = getattr(axes, f"{axis_name}axis")
        axis.set_major_locator(MaxNLocator(3) if is_narrow else LogLocator(subs=(1.0, 2.0, 5.0)))
