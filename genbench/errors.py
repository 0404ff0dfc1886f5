"""Every error genbench raises on purpose, and the exit code each one ends the program with.

GenbenchError                 1
├── UserError                 2   something the user asked for or gave
│   ├── UnknownName           2   no such model, dataset, metric; carries close matches
│   ├── ConfigError           2   an option of a plugin, named by its path
│   └── DataError             2   a file or an array of the user's
├── PluginError               3   a plugin breaks the contract; names its distribution
├── CellError                 3   a cell did not end well; carries the status of its record
│   ├── Diverged              3   the loss or the weights left the finite numbers
│   └── Invalid               3   samples or densities that cannot be scored
├── Regression                4
└── Inconclusive              5
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "CellError",
    "ConfigError",
    "DataError",
    "Diverged",
    "GenbenchError",
    "Inconclusive",
    "Invalid",
    "PluginError",
    "Regression",
    "UnknownName",
    "UserError",
    "describe",
    "suggestion",
]


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ", did you mean 'x'?" for the closest known name, or an empty string."""
    known = list(known)
    folded = {each.casefold(): each for each in known}  # VAE is near vae
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    close = close or [folded[each] for each in difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)]
    return f", did you mean {close[0]!r}?" if close else ""


class GenbenchError(Exception):
    """Base of all errors raised on purpose; shown as one line, without a traceback."""

    exit_code = 1


class UserError(GenbenchError):
    """The request, its files or its options are wrong; nothing was written."""

    exit_code = 2


class UnknownName(UserError):
    """No plugin of this kind has this name."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        hint = suggestion(name, known)
        if not hint:
            hint = f"; known: {', '.join(known)}" if known else "; none is installed"
        super().__init__(f"no {kind} named {name!r}{hint}")
        self.kind, self.name, self.known = kind, name, known

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.kind, self.name, self.known)


class ConfigError(UserError):
    """An option has no such name, the wrong type, or a value out of its range."""


class DataError(UserError):
    """A file or array cannot be used as data; says where and what was expected."""


class PluginError(GenbenchError):
    """A plugin breaks the contract; the message names the distribution that provides it."""

    exit_code = 3


class CellError(GenbenchError):
    """A cell ended without scores; ``status`` is what its record says."""

    exit_code = 3
    status = "failed"


class Diverged(CellError):
    """Training left the finite numbers."""

    status = "diverged"


class Invalid(CellError):
    """Samples or log-densities that cannot be scored: empty, of the wrong shape, not finite."""

    status = "invalid"


class Regression(GenbenchError):
    """Head is worse than base, beyond noise."""

    exit_code = 4


class Inconclusive(GenbenchError):
    """Too few runs to tell base from head."""

    exit_code = 5


def describe(error: BaseException) -> str:
    """Return an error's type and message, whatever its ``__str__`` does."""
    try:
        message = str(error)
    except Exception:
        message = "(its message cannot be shown)"
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
