"""A request and the registry make the cells of a run; what of an earlier run stands is used again."""

from genbench.plan.plan import Request, make_plan

__all__ = ["Request", "make_plan"]
