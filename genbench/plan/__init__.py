"""The plan of a run: the cells of a request, and what can be reused of an earlier run."""

from typing import TYPE_CHECKING

from genbench.lazy import lazy

if TYPE_CHECKING:
    from genbench.plan.plan import Request, make_plan

__all__ = ["Request", "make_plan"]

__getattr__ = lazy(  # tables need the names of devices only
    __name__, dict.fromkeys(("Request", "make_plan"), "genbench.plan.plan")
)
