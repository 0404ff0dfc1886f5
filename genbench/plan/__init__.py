"""The plan of a run: the cells of a request, and what can be reused of an earlier run."""

from genbench.plan.plan import Request, make_plan

__all__ = ["Request", "make_plan"]
