"""Records become tables: columns, means over seeds, ranks, frames."""

from typing import TYPE_CHECKING

from genbench.lazy import lazy

if TYPE_CHECKING:
    from genbench.table.frame import to_frame
    from genbench.table.results import Results, load

__all__ = ["Results", "load", "to_frame"]

RESULTS = "genbench.table.results"
__getattr__ = lazy(  # pandas takes half a second to import
    __name__, {"Results": RESULTS, "load": RESULTS, "to_frame": "genbench.table.frame"}
)
