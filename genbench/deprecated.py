"""Old names that still work: what to write instead, and the version of genbench that removes each.

A line of ``DEPRECATED`` is all that a deprecation needs. The warning is a FutureWarning: Python hides a
DeprecationWarning that is raised outside ``__main__``, so the users of a plugin that relies on an old name would not
see it. It is shown once a process.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

__all__ = ["DEPRECATED", "find_attribute", "rename_options", "warn"]

P = ParamSpec("P")
T = TypeVar("T")
Table = Mapping[str, tuple[str, str]]

# old name -> (new name, version that removes the old one): "genbench.data.old" -> "genbench.data.new" for an attribute,
# "genbench.run(old)" -> "new" for a keyword option
DEPRECATED: Table = {}
_warned: set[str] = set()


def warn(old: str, table: Table = DEPRECATED, *, stacklevel: int = 2) -> str:
    """Warn, once a process, that ``old`` will be removed, and return its new name."""
    new, version = table[old]
    if old not in _warned:
        message = f"{old} is deprecated and will be removed in genbench {version}; use {new}"
        warnings.warn(message, FutureWarning, stacklevel=stacklevel + 1)
        _warned.add(old)
    return new


def find_attribute(module: str, name: str, table: Table = DEPRECATED, *, stacklevel: int = 2) -> Any:
    """Return what an old name of a module stands for; raises AttributeError for any other name.

    For a module's own ``__getattr__``: ``__getattr__ = functools.partial(find_attribute, __name__)``.
    """
    if f"{module}.{name}" not in table:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    home, _, attribute = warn(f"{module}.{name}", table, stacklevel=stacklevel + 1).rpartition(".")
    return getattr(importlib.import_module(home), attribute)


def rename_options(function_name: str, table: Table = DEPRECATED) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorate a function so that it takes old keyword options; raises TypeError where old and new are both given."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def call(*args: P.args, **options: P.kwargs) -> T:
            for old in [name for name in options if f"{function_name}({name})" in table]:
                new = warn(f"{function_name}({old})", table)
                if new in options:
                    raise TypeError(f"{function_name} got both {old!r} and {new!r}, which mean the same")
                options[new] = options.pop(old)
            return function(*args, **options)

        return call

    return decorate
