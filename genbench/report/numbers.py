"""Round a value and its interval together, to the digits that people read."""

from __future__ import annotations

import math
from dataclasses import dataclass

MIN_RELATIVE_WIDTH = 1e-5  # of an interval that is shown: a narrower one would take too many digits
MAX_END_DIGITS = 3  # of an end far from the value
MIN_DIGITS = 2  # of a value, however wide its interval is, unless it is close to 0
MAX_DECIMALS = 17  # more are not in a float
PREFIXES = {0: "", 3: "k", 6: "M", 9: "G", 12: "T"}
INFINITY = "∞"


@dataclass(frozen=True)
class Number:
    """Digits of a value and of the ends of its interval, all multiplied by 10 to the ``exponent``.

    The ends are empty where there is no interval, and ``∞`` or ``-∞`` where it is open.
    """

    value: str
    low: str = ""
    high: str = ""
    exponent: int = 0

    @property
    def interval(self) -> str:
        """The interval as text, without the exponent: ``[919, ∞)``; empty if there is none."""
        if not self.low:
            return ""
        left = "(" if self.low.endswith(INFINITY) else "["
        return f"{left}{self.low}, {self.high}{')' if self.high == INFINITY else ']'}"

    @property
    def scale(self) -> str:
        """The exponent as text: ``k`` for thousands, ``e-4``; empty for 0."""
        return PREFIXES.get(self.exponent, f"e{self.exponent}")

    def __str__(self) -> str:
        if not self.low:
            return f"{self.value}{self.scale}"
        if self.exponent and self.exponent not in PREFIXES:
            return f"({self.value} {self.interval}){self.scale}"
        low, high = (end if end.endswith(INFINITY) else f"{end}{self.scale}" for end in (self.low, self.high))
        return f"{self.value}{self.scale} {Number('', low, high).interval}"


def round_number(value: float, interval: tuple[float, float] | None = None, digits: int = 4) -> Number:
    """Return the value rounded to the digits that its interval leaves certain, and the interval to as many.

    The shorter side of the interval keeps two significant digits if they are at most 35, else one (the rule of the
    Particle Data Group). Without an interval the value keeps ``digits`` significant digits. Large numbers are scaled to
    thousands, millions and so on, small ones by a power of ten.
    """
    gaps = [] if interval is None else [abs(end - value) for end in interval if math.isfinite(end)]
    side = min((gap for gap in gaps if gap and gap >= MIN_RELATIVE_WIDTH * abs(value)), default=0.0)
    if interval is not None and not side and not any(math.isinf(end) for end in interval):
        interval = None
    size = max(abs(value), side)
    if size == 0.0:
        return Number("0")
    exponent = 0
    if size >= 1e4:
        exponent = min(3 * (_order(size) // 3), 12)
    elif size < 1e-3:
        exponent = _order(size)
    unit = 10.0**exponent
    if interval is None:
        text = _format_fixed(value / unit, digits - 1 - _order(value / unit))
        return Number(text.rstrip("0").rstrip(".") if "." in text else text, exponent=exponent)
    decimals = digits - 1 - _order(value / unit)
    if side:
        leading = side / unit / 10.0 ** _order(side / unit)
        certain = (1 if leading < 3.55 else 0) - _order(side / unit)
        least = MIN_DIGITS - 1 - _order(size / unit)
        decimals = min(max(certain, least), max(decimals, certain))
    while True:  # a value close to an end takes as many digits as that end, to stay within the interval
        text = _format_fixed(value / unit, decimals)
        digits = max(MAX_END_DIGITS, decimals + 1 + _order(value / unit))
        low, high = (_end(end, unit, decimals, digits) for end in interval)
        if _parse(low) <= float(text) <= _parse(high) or decimals >= MAX_DECIMALS:
            return Number(text, low, high, exponent)
        decimals += 1


def _end(end: float, unit: float, decimals: int, digits: int) -> str:
    """Return an end with these decimals, but with one significant digit at least and ``digits`` at most."""
    if math.isinf(end):
        return ("-" if end < 0 else "") + INFINITY
    order = _order(end / unit)
    return _format_fixed(end / unit, max(min(decimals, digits - 1 - order), -order) if end else decimals)


def _parse(end: str) -> float:
    return float(end.replace(INFINITY, "inf"))


def _order(x: float) -> int:
    return math.floor(math.log10(abs(x))) if x else 0


def _format_fixed(x: float, decimals: int) -> str:
    """Return x rounded to this many decimals (if negative, to tens or hundreds), without the sign of -0."""
    text = f"{round(x, decimals):.{max(decimals, 0)}f}"
    return text.lstrip("-") if float(text) == 0.0 else text
