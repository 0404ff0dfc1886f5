"""All errors that genbench raises on purpose, with the exit code of each.

GenbenchError                 1
├── UserError                 2   an invalid request, option or file
│   ├── UnknownName           2   no such model, dataset, metric; suggests close matches
│   ├── ConfigError           2   an option of a plugin, named by its path
│   └── DataError             2   an unusable file or array of the user's
├── PluginError               3   a plugin breaks its contract; names its distribution
├── CellError                 3   a cell ended without scores; holds the status of its record
│   ├── Damaged               3   saved samples are not those that the cell drew
│   ├── Diverged              3   the loss or the weights are no longer finite
│   ├── Invalid               3   samples or densities cannot be scored
│   └── Unsuitable            3   the model does not take data of this kind
├── Regression                4   head is worse than base
└── Inconclusive              5   too few runs to compare
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "CellError",
    "ConfigError",
    "Damaged",
    "DataError",
    "Diverged",
    "GenbenchError",
    "Inconclusive",
    "Invalid",
    "PluginError",
    "Regression",
    "UnknownName",
    "Unsuitable",
    "UserError",
    "describe",
    "suggestion",
]


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ", did you mean 'x'?" for the closest known name, or an empty string."""
    known = list(known)
    folded = {each.casefold(): each for each in known}  # so that VAE suggests vae
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    close = close or [folded[each] for each in difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)]
    return f", did you mean {close[0]!r}?" if close else ""


class GenbenchError(Exception):
    """The base class of all errors raised on purpose; shown as one line, without a traceback."""

    exit_code = 1


class UserError(GenbenchError):
    """The request, its files or its options are invalid; nothing was written."""

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
    """A file or array cannot be used as data; the message says where, and what was expected."""


class PluginError(GenbenchError):
    """A plugin breaks its contract; the message names the distribution that provides it."""

    exit_code = 3


class CellError(GenbenchError):
    """A cell ended without scores; ``status`` is the status of its record."""

    exit_code = 3
    status = "failed"


class Damaged(CellError):
    """The saved samples of a cell are not those that it drew: they were changed or replaced."""

    status = "lost"


class Diverged(CellError):
    """The loss or the weights became infinite or NaN in training."""

    status = "diverged"


class Invalid(CellError):
    """Samples or log-densities cannot be scored: they are empty, have the wrong shape, or are not finite."""

    status = "invalid"


class Unsuitable(CellError):
    """The model does not take such data; its own reason."""

    status = "skipped"


class Regression(GenbenchError):
    """The runs of head are significantly worse than those of base."""

    exit_code = 4


class Inconclusive(GenbenchError):
    """There are too few runs to find a difference between base and head."""

    exit_code = 5


def describe(error: BaseException) -> str:
    """Return the type and message of an error, even if its ``__str__`` raises."""
    try:
        message = str(error)
    except Exception:
        message = "(its message cannot be shown)"
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
