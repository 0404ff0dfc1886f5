"""Rates of cost from records, the speed of a machine by them, and how well they predict records left out."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from genbench.plan import measured_costs
from genbench.plan.cell import REAL
from genbench.plan.costs import Costs, CostTable, DataSize
from genbench.plan.measured_costs import costs_from, earlier_records, rates_of
from genbench.plan.recorded import cell_of
from genbench.record.run_directory import open_run
from genbench.record.store import read_records, write_record
from genbench.registry.registry import Registry

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
METRICS = [f"metric{i}" for i in range(20)]


def record(model: str = "vae", fit_s: float = 12.0, score_s: float = 4.0, **fields: Any) -> dict[str, Any]:
    steps, trained = fields.pop("steps", 1000), fields.pop("trained", 10.0)
    return {
        "key": fields.pop("key", "aa11"), "model": model, "label": model, "dataset": "ring", "dataset_label": "ring",
        "data_kind": "vector", "status": "ok", "phase": "score", "seed": 0, "device": "cpu", "shape": [2],
        "sizes": {"train": 10_000, "test": 10_000, "reference": 10_000},
        "timings": {} if model == REAL else {"steps": steps, "fit_cpu_s": trained},
        "usage": {"fit": {"cpu_s": fit_s}, "score": {"cpu_s": score_s}},
        "scores": [{"metric": name, "seconds": 0.1 if i else 2.1} for i, name in enumerate(METRICS)],
        **fields,
    }  # fmt: skip


def rate(table: CostTable, what: str, name: str) -> Any:
    [found] = [each for each in table.rates if (each.what, each.name) == (what, name)]
    return found


def test_a_step_is_what_training_took_and_the_rest_is_all_else() -> None:
    table = rates_of([record(), record(fit_s=13.0), record(fit_s=40.0), record(REAL, 0.5, 6.0)])
    found = rate(table, "train", "vae")
    assert (found.step_s, found.rest_s) == (0.01, pytest.approx(13.0 - 10.0 - 0.5))
    assert found.size == DataSize("vector", 2, 10_000, 10_000)
    assert rate(table, "load", "ring").rest_s == 0.5
    assert (rate(table, "score", "").rest_s, rate(table, "score", REAL).rest_s) == (4.0, 6.0)
    assert table.shares["vector"]["metric0"] == pytest.approx(2.1 / 4.0, abs=1e-3)


def test_the_start_of_a_short_training_is_no_cost_of_steps() -> None:
    short = record(fit_s=2.0, steps=10, trained=1.0, sizes={"train": 2_000, "test": 1_000, "reference": 1_000})
    table = rates_of([record(), short])
    [small] = [each for each in table.rates if each.what == "train" and each.size.test == 1_000]
    assert small.step_s is None
    assert small.rest_s == pytest.approx(2.0 - 10 * 0.01)
    [alone] = [each for each in rates_of([short]).rates if each.what == "train"]
    assert alone.step_s == pytest.approx(0.1), "better than nothing"
    [known] = [each for each in rates_of([short], table).rates if each.what == "train"]
    assert known.step_s is None


def test_what_was_not_scored_whole_says_nothing_of_scoring() -> None:
    few = rates_of([record(scores=[{"metric": "energy", "seconds": 0.1}], score_s=0.1)])
    assert [each for each in few.rates if each.what == "score"] == []
    assert few.shares == {}
    assert rates_of([record(status="failed"), record(usage={}), record(shape=None)]).rates == ()


def test_a_machine_that_takes_twice_the_table_is_half_as_fast() -> None:
    table = rates_of([record(), record("gan", 21.0, trained=20.0), record(REAL, 0.5, 6.0)])
    here = costs_from([record(fit_s=24.0, score_s=8.0, trained=20.0)], table)
    assert here.slowness == pytest.approx(2.0)
    assert costs_from([], table) == Costs(table)


def test_records_of_this_machine_are_found_and_others_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = measured_costs.machine()
    runs = {"mine": (here, here), "another": ({**here, "id": "elsewhere"},) * 2, "merged": ({}, here)}
    for name, (of_run, of_record) in runs.items():
        open_run(tmp_path / name, {"created": "2026-01-01T00:00:00+00:00", "machine": of_run, "request": {}}, ["aa11"])
        path = write_record(tmp_path / name, record(machine=of_record, reason=name), compress=name == "merged")
    (path.parent / "2.json").write_text("{")  # the attempt before it is not looked for
    found = earlier_records(None, tmp_path)
    assert {each["reason"] for each in found} == {"mine"}
    (path.parent / "2.json").unlink()
    for out, folder in ((None, tmp_path), (tmp_path / "new", tmp_path / "absent")):
        assert {each["reason"] for each in earlier_records(out, folder)} == {"mine", "merged"}
    assert earlier_records(None, tmp_path / "absent") == []
    monkeypatch.setattr(measured_costs, "MAX_RECORDS", 0)
    assert earlier_records(None, tmp_path) == []


def test_records_left_out_are_predicted_within_half_on_each_dataset() -> None:
    """Each seed of the reference run by the table of the others, and its cells by the one that is shipped."""
    records, registry = read_records(REFERENCE), Registry.discover(block=())
    for left_out in {each["seed"] for each in records}:
        others = Costs(rates_of([each for each in records if each["seed"] != left_out]))
        _compare(others, [each for each in records if each["seed"] == left_out], registry)
    _compare(Costs(), records, registry)


def _compare(costs: Costs, records: list[dict[str, Any]], registry: Registry) -> None:
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for each in records:
        if each["model"] != REAL:
            cost = costs.of(cell_of(REFERENCE, each, registry))
            sums[each["dataset"]][0] += cost.fit_s
            sums[each["dataset"]][1] += each["usage"]["fit"]["cpu_s"]
    for dataset, (predicted, measured) in sums.items():
        assert 1 / 1.5 < predicted / measured < 1.5, dataset


def test_each_model_of_the_reference_is_predicted_at_another_size_within_a_factor_of_three() -> None:
    """Its training on the grid by its rate on the table of ten columns alone, and the other way round."""
    records, registry = read_records(REFERENCE), Registry.discover(block=())
    for dataset, other in (("grid", "magic"), ("magic", "grid")):
        costs = Costs(rates_of([each for each in records if each["dataset"] == other]))
        found = [each for each in records if each["dataset"] == dataset and each["seed"] == 0 and each["model"] != REAL]
        predicted = sum(costs.of(cell_of(REFERENCE, each, registry)).fit_s for each in found)
        measured = sum(each["usage"]["fit"]["cpu_s"] for each in found)
        assert 1 / 3 < predicted / measured < 3
