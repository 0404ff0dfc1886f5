"""Records become tables: columns, means over seeds, ranks, frames.

What makes frames is imported when it is first asked for: pandas takes half a second.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genbench.table.frame import to_frame
    from genbench.table.results import Results, load

__all__ = ["Results", "load", "to_frame"]

MODULES = {"Results": "results", "load": "results", "to_frame": "frame"}


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
