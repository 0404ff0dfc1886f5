"""``--within``: fit the plan of a request to a time on this machine, once, and again as before where a run goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genbench.budget import Budget
from genbench.errors import UserError
from genbench.plan.device_names import DeviceName
from genbench.plan.measured_costs import costs_from, earlier_records
from genbench.plan.plan import Plan, Request
from genbench.plan.within import Reduction, fit
from genbench.record.store import read_run
from genbench.registry.registry import Registry
from genbench.session.options import RunOptions, jobs_for

PROBED_SHARE = 0.1  # of the time, for a probe; the margin of a fit leaves it
ASKED = ("preset", "seeds", "budget", "train_rows")  # of a request, besides the limit: the same are fitted once


@dataclass(frozen=True)
class Within:
    """A time to fit a plan to, in the words of the user; ``dry_run`` forbids a probe."""

    limit: str
    options: RunOptions
    dry_run: bool = False

    @property
    def limit_s(self) -> float:
        """The time in seconds; raises UserError unless it is one."""
        with suppress(UserError):
            budget = Budget.parse(self.limit)
            if budget.unit == "s":
                return budget.amount
        raise UserError(f"--within {self.limit}: expected a time, as 90s or 10min")

    def check(self, request: Request) -> None:
        """Raise UserError for a limit that is no time, and for a request that cannot be fitted to one."""
        _ = self.limit_s
        if request.suite:
            raise UserError(
                f"--within: suite {request.suite!r} has its own protocol; leave it out, or run without --suite"
            )
        if self.options.scheduler is not None:
            raise UserError("--within: the speed of the machines of --scheduler is not known; leave one of them out")

    def fit(self, request: Request, registry: Registry, plan_of: Callable[[Request], Plan]) -> Plan:
        """Return the plan of a request, reduced to the time; its notes say what was done.

        ``plan_of`` makes a plan. Where the run goes on in its folder, its earlier reduction is used again.
        """
        asked = {name: getattr(request, name) for name in ASKED}
        found = self._earlier(asked)
        if found is not None:
            plan = self._reduced(request, plan_of, found)
            words = found.describe(_seeds(plan_of(request))) or "the whole plan"
            return self._noted(plan, asked, found, f"goes on as before with {words}")
        records = earlier_records(None if self.options.out is None else Path(self.options.out))
        source = "earlier records of this machine" if records else "a table of costs"
        costs, whole = costs_from(records), plan_of(request)
        whole = replace(whole, costs=costs)
        jobs = jobs_at_once(self.options, request.device)
        if not self.dry_run and (not records or any(whole.cost_of(cell).guess for cell in whole.cells)):
            from genbench.session.probe import probe

            if probed := probe(whole, registry, self.options, PROBED_SHARE * self.limit_s * jobs):
                costs, source = costs_from([*records, *probed]), f"{len(probed)} short trainings here"
        fitted = fit(
            lambda halvings: replace(plan_of(replace(request, halvings=halvings)), costs=costs), jobs, self.limit_s
        )
        plan = replace(self._reduced(request, plan_of, fitted.reduction), costs=costs)
        return self._noted(plan, asked, fitted.reduction, f"{fitted.describe()} (from {source})")

    def _earlier(self, asked: Mapping[str, Any]) -> Reduction | None:
        """Return the reduction of the latest session in the folder of the run that was to take the same time."""
        if self.options.out is None or not (Path(self.options.out) / "run.json").is_file():
            return None
        run = read_run(self.options.out, [])
        for session in reversed([run, *(run.get("sessions") or ())]):
            known = (session.get("request") or {}).get("within") or {}
            if known.get("limit_s") == self.limit_s and known.get("asked") == asked:
                return Reduction(int(known["halvings"]), int(known["seeds"]))
        return None

    @staticmethod
    def _reduced(request: Request, plan_of: Callable[[Request], Plan], reduction: Reduction) -> Plan:
        return plan_of(replace(request, halvings=reduction.halvings, seeds=reduction.seeds))

    def _noted(self, plan: Plan, asked: Mapping[str, Any], reduction: Reduction, what: str) -> Plan:
        kept = {"limit_s": self.limit_s, "asked": dict(asked), "halvings": reduction.halvings, "seeds": reduction.seeds}
        note = f"within {self.limit}: {what}"
        return replace(plan, request={**plan.request, "within": kept}, notes=(*plan.notes, note))


def _seeds(plan: Plan) -> int:
    return len(plan.request["seeds"])


def jobs_at_once(options: RunOptions, device: str) -> int:
    """Return how many cells go on at a time: as many as asked for, on the CPU at most one on each core."""
    name = DeviceName.parse(device)
    usual = 1 if options.isolation == "none" else jobs_for(name)
    if options.jobs is None:
        return usual
    return options.jobs if name.kind in ("cuda", "mps") else min(options.jobs, usual)
