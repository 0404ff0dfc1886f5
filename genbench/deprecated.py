"""Old names that still work: what to write instead, and the version of genbench that removes each.

The warning is a FutureWarning: Python hides a DeprecationWarning outside ``__main__``, from all users of a plugin.
"""

import functools
import pkgutil
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

__all__ = ["DEPRECATED", "find_attribute", "rename_options", "warn"]

F = TypeVar("F", bound=Callable[..., Any])
Table = Mapping[str, tuple[str, str]]
# old name -> (new name, version that removes the old one); a keyword option is written "genbench.run(option)"
DEPRECATED: Table = {  # of a command, "--old"
    "--output": ("-o or --out", "0.3"),
    "plot --dataset": ("-d or --datasets", "0.3"),
    "validate --format": ("--json", "0.3"),
}
_warned: set[str] = set()


def warn(old: str, table: Table = DEPRECATED, *, stacklevel: int = 3) -> str:
    """Warn, once a process, that ``old`` will be removed, and return its new name; ``stacklevel`` as in warnings."""
    new, version = table[old]
    if old not in _warned:
        warnings.warn(f"{old} is deprecated, use {new}: genbench {version} removes it", FutureWarning, stacklevel)
        _warned.add(old)
    return new


def find_attribute(module: str, name: str, table: Table = DEPRECATED) -> Any:
    """Return what an old name of a module stands for: ``__getattr__ = functools.partial(find_attribute, __name__)``."""
    if f"{module}.{name}" not in table:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    return pkgutil.resolve_name(warn(f"{module}.{name}", table))


def rename_options(path: str, table: Table = DEPRECATED) -> Callable[[F], F]:
    """Decorate the function ``path`` to take old keyword options; raises TypeError for an old beside its new one."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            for old in [name for name in options if f"{path}({name})" in table]:
                new = warn(f"{path}({old})", table).partition("(")[2].rstrip(")")
                if new in options:
                    raise TypeError(f"{path} takes {new!r} or its old name {old!r}, not both")
                options[new] = options.pop(old)
            return function(*args, **options)

        return call  # type: ignore[return-value]

    return decorate
