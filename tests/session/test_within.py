"""``--within``: what is refused, what a run's folder keeps of it, and that a run goes on as it began."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from genbench.errors import UserError
from genbench.plan.plan import Plan, Request, make_plan
from genbench.record.run_directory import open_run
from genbench.registry.registry import Registry
from genbench.session.options import RunOptions
from genbench.session.within import Within, jobs_at_once

REQUEST = Request("vae,-gaussian,-memoriser", "ring", "energy", device="cpu", seeds=3)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.discover(block=())


def fitted(registry: Registry, limit: str, request: Request = REQUEST, out: Path | None = None) -> Plan:
    within = Within(limit, RunOptions(out, jobs=1), dry_run=True)
    return within.fit(request, registry, lambda each: make_plan(each, registry))


def begin(plan: Plan, out: Path) -> None:
    open_run(out, {"created": "2026-01-01T00:00:00+00:00", "request": plan.request}, [cell.key for cell in plan.cells])


def keys(plan: Plan) -> set[str]:
    return {cell.key for cell in plan.cells}


def test_a_plan_is_reduced_and_its_cells_are_those_of_such_a_budget(registry: Registry) -> None:
    plan, whole = fitted(registry, "30s"), make_plan(REQUEST, registry)
    kept = plan.request["within"]
    assert kept["halvings"] > 0
    assert kept["seeds"] == len({cell.seed for cell in plan.cells})
    [budget] = {cell.budget for cell in plan.cells if cell.model.name == "vae"}
    other = make_plan(replace(REQUEST, budget=budget, seeds=kept["seeds"]), registry)
    assert keys(plan) == keys(other)
    [note] = plan.notes
    assert note.startswith("within 30s: 1/")
    assert note.endswith("(from a table of costs)")
    assert fitted(registry, "15s").request["within"]["seeds"] == 2
    assert keys(fitted(registry, "3h")) == keys(whole)


def test_a_run_goes_on_with_the_reduction_that_it_began_with(
    registry: Registry, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fitted(registry, "30s")
    begin(first, folder / "run")
    monkeypatch.setattr("genbench.session.within.fit", None)  # nothing is estimated again
    again = fitted(registry, "30s", out=folder / "run")
    assert keys(again) == keys(first)
    assert again.request["within"] == first.request["within"]
    assert "goes on as before with 1/" in again.notes[0]
    assert keys(fitted(registry, "0.5min", out=folder / "run")) == keys(first), "the same time in other words"


def test_another_time_or_another_request_is_fitted_anew(registry: Registry, folder: Path) -> None:
    begin(fitted(registry, "30s"), folder / "run")
    longer = fitted(registry, "3h", out=folder / "run")
    assert longer.request["within"]["halvings"] == 0
    begin(longer, folder / "run")
    assert fitted(registry, "3h", out=folder / "run").request["within"] == longer.request["within"]
    more = fitted(registry, "30s", replace(REQUEST, budget="50steps"), out=folder / "run")
    assert more.request["within"]["asked"]["budget"] == "50steps"
    assert {cell.budget for cell in more.cells} == {"none", "50steps"}


@pytest.mark.parametrize(
    ("limit", "request_fields", "options", "message"),
    [
        ("10steps", {}, {}, "--within 10steps: expected a time, as 90s or 10min"),
        ("soon", {}, {}, "--within soon: expected a time"),
        ("1min", {"suite": "moons-flow"}, {}, "--within: suite 'moons-flow' has its own protocol"),
        ("1min", {}, {"scheduler": "local:2"}, "--within: the speed of the machines of --scheduler is not known"),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    limit: str, request_fields: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match="--within") as refused:
        Within(limit, RunOptions(**options)).check(replace(REQUEST, **request_fields))
    assert str(refused.value).startswith(message)


def test_a_core_is_not_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genbench.session.within.jobs_for", lambda name: 1 if name.kind == "cuda" else 4)
    assert [jobs_at_once(RunOptions(jobs=jobs), "cpu") for jobs in (None, 2, 9)] == [4, 2, 4]
    assert [jobs_at_once(RunOptions(jobs=jobs), "cuda:0") for jobs in (None, 3)] == [1, 3]
    assert jobs_at_once(RunOptions(isolation="none"), "cpu") == 1
