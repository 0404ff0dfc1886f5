"""Round a value and its uncertainty together, to the digits that people read."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Number", "round_number"]

MIN_RELATIVE_ERROR = 1e-5  # a smaller error is not shown: it would take too many digits
PREFIXES = {0: "", 3: "k", 6: "M", 9: "G", 12: "T"}


@dataclass(frozen=True)
class Number:
    """Digits of a value and of its error (empty if unknown or zero), both multiplied by 10 to the ``exponent``."""

    value: str
    error: str = ""
    exponent: int = 0

    def __str__(self) -> str:
        if self.exponent in PREFIXES:
            prefix = PREFIXES[self.exponent]
            return f"{self.value}{prefix}±{self.error}{prefix}" if self.error else f"{self.value}{prefix}"
        return f"({self.value}±{self.error})e{self.exponent}" if self.error else f"{self.value}e{self.exponent}"


def round_number(value: float, error: float | None = None, digits: int = 4) -> Number:
    """Return the value rounded to the digits of its error, by the rule of the Particle Data Group.

    The error keeps two significant digits if they are at most 35, else one. Without an error the value keeps ``digits``
    significant digits. Large numbers are scaled to thousands, millions and so on, small ones by a power of ten.
    """
    if not error or not math.isfinite(error) or error < MIN_RELATIVE_ERROR * abs(value):
        error = None
    size = max(abs(value), error or 0.0)
    if size == 0.0:
        return Number("0")
    exponent = 0
    if size >= 1e4:
        exponent = min(3 * (_order(size) // 3), 12)
    elif size < 1e-3:
        exponent = _order(size)
    value /= 10.0**exponent
    if error is None:
        decimals = digits - 1 - _order(value)
        text = _format_fixed(value, decimals)
        return Number(text.rstrip("0").rstrip(".") if "." in text else text, "", exponent)
    error /= 10.0**exponent
    leading = error / 10.0 ** _order(error)
    decimals = (1 if leading < 3.55 else 0) - _order(error)
    return Number(_format_fixed(value, decimals), _format_fixed(error, decimals), exponent)


def _order(x: float) -> int:
    return math.floor(math.log10(abs(x))) if x else 0


def _format_fixed(x: float, decimals: int) -> str:
    """Return x rounded to this many decimals (if negative, to tens or hundreds), without the sign of -0."""
    text = f"{round(x, decimals):.{max(decimals, 0)}f}"
    return text.lstrip("-") if float(text) == 0.0 else text
