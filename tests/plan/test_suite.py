"""Suites in plans: their protocol, what is added to it, what contradicts it, and what is not installed."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from genbench.budget import Sizes
from genbench.errors import UnknownName, UserError
from genbench.plan.plan import Plan, Request, make_plan
from genbench.plan.presets import PRESETS
from genbench.record.field_types import schema
from genbench.registry.registry import Registry

SUITE = """
from genbench import Published, SuiteSpec, hookimpl
from genbench.budget import Sizes

@hookimpl
def genbench_register():
    return [SuiteSpec(
        "tiny", models="gan,kde[bandwidth=0.2],zoo_of_tomorrow,vae[gears=3],-memoriser", datasets="ring,no_data[e=1]",
        metrics="modes,frechet@pca,luck", seeds=4, budget="500steps", sizes=Sizes(700, 200, 300),
        published=[Published("GAN", "modes", 3.3, 0.2, "A. Author 2020"), Published("GAN", "luck", 1, source="B.")],
        summary="a tiny suite", paper="A. Author 2020",
    )]
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    path = tmp_path_factory.mktemp("suite") / "tiny_suite.py"
    path.write_text(SUITE)
    return Registry.discover([path])


def plan(registry: Registry, **options: Any) -> Plan:
    return make_plan(Request(suite="tiny", device="cpu", **options), registry)


def test_a_suite_is_its_protocol(registry: Registry) -> None:
    made = plan(registry)
    assert {cell.model.label for cell in made.cells} == {"real", "gan", "kde[bandwidth=0.2]", "gaussian"}
    assert {cell.dataset.label for cell in made.cells} == {"ring"}
    assert {cell.seed for cell in made.cells} == set(range(4))
    assert {cell.sizes for cell in made.cells} == {Sizes(700, 200, 300)}
    assert {cell.budget for cell in made.cells} == {"none", "500steps"}
    assert {metric.label for cell in made.cells for metric in cell.metrics} == {"modes", "frechet@pca"}
    assert made.request["suite"] == "tiny"


def test_what_is_not_installed_is_a_skip_with_its_reason(registry: Registry) -> None:
    skips = [str(skip) for skip in plan(registry).skips]
    assert skips[0] == "zoo_of_tomorrow: no model named 'zoo_of_tomorrow' is installed"
    assert skips[1].startswith("vae[gears=3]: model 'vae' has no option 'gears'")
    assert skips[2] == "no_data[e=1]: no dataset named 'no_data' is installed"
    assert skips[3] == "luck: no metric named 'luck' is installed"
    assert len(skips) == 4


def test_the_smoke_preset_scales_it_down(registry: Registry) -> None:
    made = plan(registry, preset="smoke")
    assert {cell.seed for cell in made.cells} == {0}
    assert {cell.sizes for cell in made.cells} == {Sizes(700, 200, 300)}  # smaller than those of the preset
    [budget] = {cell.budget for cell in made.cells} - {"none"}
    assert int(budget.removesuffix("steps")) <= PRESETS["smoke"].cap
    assert made.suite is not None
    assert made.suite["scaled"]


def test_models_metrics_and_seeds_may_be_added(registry: Registry) -> None:
    made = plan(registry, models="ae,gan", metrics="energy,modes", seeds=2)
    models = [cell.model.label for cell in made.cells if cell.seed == 0]
    assert sorted(models) == ["ae", "gan", "gaussian", "kde[bandwidth=0.2]", "real"]
    assert {metric.label for cell in made.cells for metric in cell.metrics} == {"modes", "frechet@pca", "energy"}
    assert {cell.seed for cell in made.cells} == {0, 1}
    assert {cell.budget for cell in made.cells if cell.model.label == "ae"} == {"500steps"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"datasets": "grid"}, "-d: suite 'tiny' has its own protocol"),
        ({"budget": "5s"}, "--budget: suite 'tiny' has its own"),
        ({"train_rows": "100|200"}, "--train-rows: suite 'tiny' has its own"),
        ({"preset": "full"}, "--preset full: suite 'tiny' has its own protocol; only smoke scales it down"),
        ({"models": "-gan"}, "-m -gan: suite 'tiny' is run whole; -m can only add to it"),
        ({"metrics": "energy,-modes"}, "--metrics -modes: suite 'tiny' is run whole"),
    ],
)
def test_what_contradicts_it_is_refused(registry: Registry, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        plan(registry, **options)


def test_an_unknown_suite_is_refused(registry: Registry) -> None:
    with pytest.raises(UnknownName, match="no suite named 'tinny', did you mean 'tiny'"):
        make_plan(Request(suite="tinny"), registry)


def test_what_run_json_keeps_holds_all_that_tables_need(registry: Registry) -> None:
    from jsonschema import Draft202012Validator

    kept = plan(registry).suite
    assert kept is not None
    assert kept["datasets"] == ["ring"]
    modes, luck = kept["published"]
    assert (modes["better"], modes["unit"], modes["error"]) == ("higher", "modes", 0.2)
    assert "better" not in luck
    of_suite = {**schema("run")["$defs"]["suite"], "$defs": schema("run")["$defs"]}
    assert not list(Draft202012Validator(of_suite).iter_errors(json.loads(json.dumps(kept))))


def test_a_run_without_a_suite_keeps_none(registry: Registry) -> None:
    made = make_plan(Request(models="kde", datasets="ring", device="cpu"), registry)
    assert made.suite is None
    assert not {"suite", "train_rows"} & set(made.request)


# ------------------------------------------------------------------------------------------------------- training rows


def test_each_number_of_training_rows_is_a_cell_of_its_own(registry: Registry) -> None:
    request = Request(models="kde,-gaussian,-memoriser", datasets="ring", seeds=1, device="cpu")
    [real, kde] = make_plan(request, registry).cells
    asked = Request(
        models="kde,-gaussian,-memoriser", datasets="ring", seeds=1, device="cpu", train_rows="100|10000|100"
    )
    cells = make_plan(asked, registry).cells
    assert [(cell.model.name, cell.sizes.train) for cell in cells] == [
        ("real", 100), ("real", 10_000), ("kde", 10_000), ("kde", 100),  # the longest first
    ]  # fmt: skip
    listed = make_plan(replace(asked, train_rows="100,10000"), registry).cells
    assert [cell.key for cell in listed] == [cell.key for cell in cells]
    assert {real.key, kde.key} < {cell.key for cell in cells}  # 10,000 rows are those of the preset
    assert asdict(cells[0].sizes) == {"train": 100, "test": 10_000, "reference": 10_000}


@pytest.mark.parametrize("text", ["many", "100|", "100,", "5", "-100"])
def test_impossible_numbers_of_training_rows_are_refused(registry: Registry, text: str) -> None:
    with pytest.raises(UserError, match=r"--train-rows .*: expected numbers of rows from 20"):
        make_plan(Request(models="kde", datasets="ring", train_rows=text), registry)


def test_a_plugin_of_one_file_provides_a_suite(registry: Registry) -> None:
    assert [Path(e.provenance.path).name for e in registry.entries("suite") if e.key == "tiny"] == ["tiny_suite.py"]


def test_a_suite_of_which_no_dataset_is_installed_has_a_plan_without_cells(tmp_path: Path) -> None:
    path = tmp_path / "empty_suite.py"
    path.write_text(SUITE.replace('datasets="ring,no_data[e=1]"', 'datasets="no_data"').replace("tiny", "empty"))
    made = make_plan(Request(suite="empty", device="cpu"), Registry.discover([path]))
    assert made.cells == ()
    assert "no_data: no dataset named 'no_data' is installed" in map(str, made.skips)
