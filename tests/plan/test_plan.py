"""Plans: which cells a request means, what is skipped and why, and what a cell's key depends on."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from sessions import DOTS, make, write_plugin

from genbench.budget import RecipeShare
from genbench.errors import ConfigError, PluginError, UnknownName, UserError
from genbench.plan.cell import REAL
from genbench.plan.plan import Plan, Request, halved, make_plan
from genbench.plan.presets import PRESETS
from genbench.registry.options import parse_set
from genbench.registry.registry import Registry


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.discover()


def plan(registry: Registry, models: str = "vae", datasets: str = "ring", *, settings=(), **options) -> Plan:
    options = {"preset": "smoke", "device": "cpu"} | options
    return make_plan(
        Request(models=models, datasets=datasets, settings=tuple(map(parse_set, settings)), **options), registry
    )


def names(made: Plan) -> set[str]:
    return {cell.model.label for cell in made.cells}


# ------------------------------------------------------------------------------------------------------------ the cells


def test_every_table_gets_the_floor_and_the_baselines(registry: Registry) -> None:
    assert names(plan(registry, "vae")) == {REAL, "vae", "gaussian", "memoriser"}


@pytest.mark.parametrize("exclusion", ["-gaussian", "-gauss*", "-genbench:gaussian"])
def test_a_baseline_stays_out_if_it_is_excluded(registry: Registry, exclusion: str) -> None:
    assert names(plan(registry, f"vae,{exclusion}")) == {REAL, "vae", "memoriser"}
    assert "gaussian" not in names(plan(registry, exclusion))


def test_an_option_of_a_baseline_reaches_it_though_it_was_not_asked_for(tmp_path: Path) -> None:
    plugin = write_plugin(
        tmp_path / "plain.py",
        """
        @dataclass(frozen=True)
        class Config:
            rate: float = 0.1

        @hookimpl
        def genbench_register():
            return [ModelSpec("plain", Base, Config, "a baseline", baseline=True)]
        """,
    )
    made, _ = make(tmp_path, plugin, models="exact", settings=("plain.rate=0.5",))
    assert names(made) == {REAL, "exact", "plain[rate=0.5]"}


def test_the_plan_is_models_by_datasets_by_seeds(registry: Registry) -> None:
    made = plan(registry, "vae,kde", "ring,moons", seeds=3)
    assert len(made.cells) == 5 * 2 * 3
    assert len({cell.key for cell in made.cells}) == len(made.cells)


def test_seeds_are_a_range_from_the_first(registry: Registry) -> None:
    assert {cell.seed for cell in plan(registry, seeds=3, first_seed=7).cells} == {7, 8, 9}
    assert {cell.seed for cell in plan(registry, preset="default").cells} == {0, 1, 2}


@pytest.mark.parametrize(
    "options", [{"seeds": 0}, {"seeds": -1}, {"seeds": 10**6}, {"first_seed": -1}, {"first_seed": 2**31}]
)
def test_seeds_out_of_range_are_refused(registry: Registry, options: dict) -> None:
    with pytest.raises(UserError, match="seed"):
        plan(registry, **options)


def test_the_largest_seed_is_a_seed(registry: Registry) -> None:
    assert plan(registry, seeds=1, first_seed=2**31 - 2).cells[0].seed == 2**31 - 2


def test_a_sweep_is_a_model_a_point(registry: Registry) -> None:
    made = plan(registry, "vae[latent=1|8]", settings=("vae.beta=4",))
    assert names(made) >= {"vae[latent=1,beta=4]", "vae[latent=8,beta=4]"}


def test_what_is_the_same_cell_is_planned_once(registry: Registry) -> None:
    beta, sigma = registry.find("model", "vae").spec.config().beta, registry.find("dataset", "ring").spec.config().sigma
    made = plan(registry, f"vae,vae[beta={beta}]", f"ring,ring[sigma={sigma}]")
    assert len({cell.key for cell in made.cells}) == len(made.cells)


def test_the_first_seed_of_all_comes_before_the_second_and_the_floor_before_all(registry: Registry) -> None:
    made = plan(registry, "all", "ring,magic", seeds=2)
    assert [cell.seed for cell in made.cells] == sorted(cell.seed for cell in made.cells)
    first = [cell.model.name for cell in made.cells if cell.seed == 0]
    assert first[:2] == [REAL, REAL]
    assert REAL not in first[2:]
    times = [made.seconds_of(cell) for cell in made.cells if cell.seed == 0][2:]
    assert times == sorted(times, reverse=True)


def test_combinations_that_cannot_be_are_skipped_with_the_reason(tmp_path: Path) -> None:
    made, _ = make(tmp_path, models="good,exact", datasets="dots,digits")
    assert made.skips == ()
    flat = write_plugin(
        tmp_path / "flat.py",
        """
        @hookimpl
        def genbench_register():
            return [ModelSpec("flat", Base, None, "of vectors", data=("vector",))]
        """,
    )
    made, _ = make(tmp_path, flat, models="good,flat", datasets="dots,digits")
    assert [str(skip) for skip in made.skips] == ["flat x digits: needs vector data, digits is image"]
    assert ("flat", "digits") not in {(cell.model.name, cell.dataset.name) for cell in made.cells}
    with pytest.raises(UserError, match="nothing to run: flat x digits: needs vector data"):
        make(tmp_path, flat, models="flat", datasets="digits")


def test_metrics_that_a_dataset_has_nothing_for_are_left_out(registry: Registry) -> None:
    scored = {cell.dataset.name: {m.name for m in cell.metrics} for cell in plan(registry, "kde", "ring,digits").cells}
    assert "modes" in scored["ring"]
    assert "modes" not in scored["digits"]
    assert {"energy", "nll"} <= scored["ring"] & scored["digits"]


# -------------------------------------------------------------------------------------------------------------- budgets


def test_a_recipe_is_scaled_by_the_preset_and_capped(registry: Registry) -> None:
    spec = registry.find("model", "vae").spec
    for name, preset in PRESETS.items():
        [budget] = {c.budget for c in plan(registry, "vae", preset=name).cells if c.model.name == "vae"}
        assert budget == f"{min(preset.cap, round(preset.factor * spec.steps_for('vector')))}steps"
    greedy = replace(PRESETS["default"], cap=5)
    assert greedy.steps(10**9) == 5
    assert replace(greedy, factor=1e-9).steps(10) == 1


def test_a_recipe_may_differ_by_the_kind_of_data(registry: Registry) -> None:
    spec = registry.find("model", "ddpm").spec
    budgets = {
        c.kind: c.budget for c in plan(registry, "ddpm", "ring,digits", preset="full").cells if c.budget != "none"
    }
    for kind, budget in budgets.items():
        assert budget == f"{PRESETS['full'].steps(spec.steps_for(kind))}steps"


def test_budgets_are_halved_to_a_least_length_and_change_the_key(registry: Registry) -> None:
    lengths = {"1000steps": "250steps", "150steps": "100steps", "40steps": "40steps", "60s": "15s", "2s": "1s",
               "10epochs": "3epochs", "0.5s": "0.5s"}  # fmt: skip
    for budget, expected in lengths.items():
        made = plan(registry, "vae,kde", budget=budget, halvings=2)
        budgets = {cell.model.name: cell.budget for cell in made.cells}
        assert (budgets["vae"], budgets["kde"]) == (expected, "none")
        assert made.request["budget"] == f"{budget} x 1/4"
    keys = {cell.key for cell in plan(registry, "vae", budget="1000steps", halvings=2).cells}
    assert keys == {cell.key for cell in plan(registry, "vae", budget="250steps").cells}
    share = halved(RecipeShare(1.0, 20_000), 3)
    assert share == RecipeShare(0.125, 2_500)
    assert halved("none", 3) == "none"


SIZED = """
def by_size(rows, dimensions):
    return 3 * rows / dimensions

def wrong(rows, dimensions):
    return -rows

@hookimpl
def genbench_register():
    return [
        ModelSpec("sized", Base, None, "a recipe by size", steps={"vector": by_size, "image": 4000}),
        ModelSpec("wrong", Base, None, "no recipe", steps=wrong),
        DatasetSpec("known", Base, None, "of three columns", shape=(3,)),
        DatasetSpec("few", Base, None, "of three columns and 1000 rows", shape=(3,), rows=1000),
        DatasetSpec("unknown", Base, None, "of some columns"),
    ]
"""


def test_a_recipe_by_size_is_asked_where_rows_and_shape_are_known(tmp_path: Path) -> None:
    registry = Registry.discover([write_plugin(tmp_path / "sized.py", SIZED)])

    def budgets(datasets: str, **options) -> list[str]:
        cells = plan(registry, "sized", datasets, **{"preset": "default", "seeds": 1} | options).cells
        return [cell.budget for cell in cells if cell.model.name == "sized"]

    assert budgets("known") == ["10000steps"]
    assert budgets("few") == ["700steps"]
    assert sorted(budgets("known", train_rows="1000|3000")) == ["1000steps", "3000steps"]
    assert budgets("known", preset="smoke") == ["20steps"]  # a hundredth, of 2000 rows
    assert budgets("unknown") == ["recipe x 1.0, at most 20000steps"]
    assert budgets("unknown", budget="7steps") == ["7steps"]
    assert budgets("digits") == ["4000steps"]


def test_a_recipe_that_waits_for_the_data_is_found_with_them(tmp_path: Path) -> None:
    registry = Registry.discover([write_plugin(tmp_path / "sized.py", SIZED)])
    [cell] = [c for c in plan(registry, "sized", "unknown", seeds=1).cells if c.model.name == "sized"]
    assert cell.recipe_steps is None
    assert cell.length(2000, 3) == {"budget": "20steps", "recipe_steps": 2000}
    [cell] = [c for c in plan(registry, "sized", "unknown", seeds=1, budget="7steps").cells if c.model.name == "sized"]
    assert cell.length(2000, 3) == {"budget": "7steps", "recipe_steps": 2000}
    [cell] = [c for c in plan(registry, "sized", "known", seeds=1).cells if c.model.name == "sized"]
    assert (cell.recipe_steps, cell.length(5, 5)) == (2000, {})


def test_a_recipe_by_size_that_is_no_number_ends_the_plan(tmp_path: Path) -> None:
    registry = Registry.discover([write_plugin(tmp_path / "sized.py", SIZED)])
    with pytest.raises(PluginError, match=r"model 'wrong': steps\(rows=2000, dimensions=3\) returned -2000"):
        plan(registry, "wrong", "known")


@pytest.mark.parametrize(("said", "meant"), [("7steps", "7steps"), ("1min", "60s"), ("1000000steps", "1000000steps")])
def test_a_budget_replaces_every_recipe_but_of_models_that_do_not_iterate(
    registry: Registry, said: str, meant: str
) -> None:
    budgets = {cell.model.name: cell.budget for cell in plan(registry, "vae,ddpm,kde", budget=said).cells}
    assert budgets == {
        "vae": meant,
        "ddpm": meant,
        "kde": "none",
        REAL: "none",
        "gaussian": "none",
        "memoriser": "none",
    }


# ------------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("models", "options", "error", "message"),
    [
        ("vea", {}, UnknownName, "no model named 'vea', did you mean 'vae'"),
        ("vae", {"datasets": "events.csv"}, UserError, "a file of yours is named by --data events.csv"),
        ("vae", {"datasets": "rign"}, UnknownName, "did you mean 'ring'"),
        ("vae", {"metrics": "enrgy"}, UnknownName, "did you mean 'energy'"),
        ("vae", {"preset": "smok"}, UnknownName, "did you mean 'smoke'"),
        ("vae", {"budget": "10"}, UserError, "--budget 10: expected"),
        ("vae[bta=4]", {}, ConfigError, "no option 'bta', did you mean 'beta'"),
        ("vae", {"settings": ("vae.bta=4",)}, ConfigError, "--set vae.bta=4: model 'vae' has no option 'bta'"),
        ("vae", {"settings": ("kde.bandwidth=1",)}, ConfigError, "--set kde.bandwidth=1: model 'kde' is not part of"),
        ("vae", {"settings": ("moons.noise=1",)}, ConfigError, "--set moons.noise=1"),
        ("vae", {"settings": ("vae.latent=two",)}, ConfigError, "--set vae.latent=two: expected int"),
        ("-*", {}, UserError, "selects nothing"),
    ],
)
def test_what_cannot_be_meant_is_told(
    registry: Registry, models: str, options: dict, error: type, message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)) as caught:
        plan(registry, models, **options)
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------------------------------------------------- the keys


def key(registry: Registry, models: str = "vae", datasets: str = "ring", **options) -> str:
    cells = plan(registry, models, datasets, **options).cells
    return next(cell.key for cell in cells if cell.model.name == "vae" and cell.dataset.name == "ring")


def test_a_key_does_not_depend_on_what_else_is_run_or_how_it_was_said(registry: Registry) -> None:
    known = key(registry)
    assert key(registry, "kde,ddpm,vae", "moons,ring") == known
    assert key(registry, seeds=3) == known
    assert key(registry, metrics="energy") == known
    assert key(registry, "vae[beta=1]") == known == key(registry, settings=("vae.beta=1.0",))
    assert key(registry, device="cpu") == known
    assert key(Registry.discover()) == known


@pytest.mark.parametrize(
    "options",
    [
        {"models": "vae[beta=4]"},
        {"datasets": "ring[sigma=0.3]"},
        {"settings": ("vae.latent=3",)},
        {"first_seed": 1},
        {"budget": "99steps"},
        {"preset": "default"},
        {"device": "cuda"},
    ],
)
def test_a_key_changes_with_what_changes_the_samples(registry: Registry, options: dict) -> None:
    assert key(registry, **options) != key(registry)


def test_a_key_does_not_depend_on_which_of_equal_devices(registry: Registry) -> None:
    assert key(registry, device="cuda:1") == key(registry, device="cuda:0")


def test_a_key_changes_with_the_source_of_a_plugins_file(tmp_path: Path) -> None:
    keys = []
    for i, text in enumerate((DOTS, DOTS, DOTS.replace("1e-3", "2e-3"))):
        folder = tmp_path / str(i)
        folder.mkdir()
        (folder / "dots.py").write_text(text)
        made, _ = make(folder)
        keys.append([cell.key for cell in made.cells if cell.model.name == "good"])
    assert keys[0] == keys[1] != keys[2]


def test_what_a_record_says_of_a_cell_can_be_written(registry: Registry) -> None:
    for cell in plan(registry, "all", "ring").cells:
        said = cell.as_dict()
        assert said["key"] == cell.key
        assert (said["model"], said["dataset"], said["seed"]) == (cell.model.name, "ring", 0)
        assert said["provenance"]["distribution"] == "genbench"


def test_no_plugin_can_take_the_place_of_the_floor(tmp_path: Path) -> None:
    plugin = write_plugin(
        tmp_path / "hijack.py",
        """
        @hookimpl
        def genbench_register():
            return [ModelSpec("real", Base, None, "not real")]
        """,
    )
    with pytest.raises(PluginError, match="'real' is the name of the floor"):
        make(tmp_path, plugin, models="real")


# ----------------------------------------------------------------------------------------------------------- conditions


def test_models_and_data_must_agree_on_conditions(registry: Registry) -> None:
    given = plan(registry, "ae,gaussian", "digits[given=label]")
    assert names(given) == {REAL, "gaussian", "memoriser"}
    assert {skip.model: skip.reason for skip in given.skips} == {
        "ae": "takes no conditions, and these rows are drawn given some"
    }
    without = plan(registry, "ae,gaussian", "digits")
    assert names(without) == {REAL, "ae", "gaussian", "memoriser"}
    scored = {metric.label for cell in given.cells for metric in cell.metrics}
    assert {"class_accuracy", "energy_by_condition"} <= scored
    assert not {"class_accuracy"} & {metric.label for cell in without.cells for metric in cell.metrics}


def test_a_model_that_needs_conditions_is_skipped_without(tmp_path: Path) -> None:
    plugin = write_plugin(
        tmp_path / "needs.py",
        """
        @hookimpl
        def genbench_register():
            return [ModelSpec("needs", Base, None, "a model", conditions="required")]
        """,
    )
    registry = Registry.discover([plugin])
    made = plan(registry, "needs,ae", "digits,digits[given=label]")
    assert {(skip.model, skip.dataset): skip.reason for skip in made.skips} == {
        ("needs", "digits"): "needs conditions",
        ("ae", "digits[given=label]"): "takes no conditions, and these rows are drawn given some",
    }
    assert {cell.dataset.label for cell in made.cells if cell.model.name == "needs"} == {"digits[given=label]"}


def test_what_rows_are_given_changes_the_cell_but_not_the_rows(registry: Registry) -> None:
    cells = [plan(registry, "gaussian", name).cells[0] for name in ("digits", "digits[given=label]")]
    assert cells[0].key != cells[1].key
    assert cells[0].dataset.stream_identity == cells[1].dataset.stream_identity


def test_a_model_that_does_not_iterate_knows_the_seconds_of_the_others(registry: Registry) -> None:
    for budget, expected in (("60s", 60.0), ("100steps", None), (None, None)):
        made = plan(registry, "kde,vae", budget=budget)
        assert {cell.budget_s for cell in made.cells if cell.model.name == "kde"} == {expected}
        assert {cell.budget_s for cell in made.cells if cell.model.name == "vae"} == {None}
        assert {cell.key for cell in made.cells} >= {c.key for c in plan(registry, "kde").cells if c.budget == "none"}


def test_only_a_model_that_is_trained_with_helpers_is_known_by_them(registry: Registry) -> None:
    made = plan(registry, "vae,gan,wgan_gp,ddpm,ae,kde", "ring")
    known = {cell.model.name: "training" in cell.identity["model"] for cell in made.cells}
    expected = {"vae": True, "gan": True, "wgan_gp": True, "ddpm": True, "ae": True, "gaussian": True, REAL: False}
    assert expected.items() <= known.items()
    assert not any("training" in cell.identity["dataset"] for cell in made.cells)


def test_data_that_a_model_cannot_take_are_skipped_with_its_reason(tmp_path: Path) -> None:
    plugin = write_plugin(
        tmp_path / "picky.py",
        """
        def only_binary(facts):
            if facts.levels not in (None, 2):
                return f"needs binary images, these have {facts.levels} grey levels"

        def broken(facts):
            raise KeyError("nothing")

        @hookimpl
        def genbench_register():
            return [
                ModelSpec("picky", Base, None, "of binary images", suits=only_binary),
                ModelSpec("broken", Base, None, "asks wrongly", suits=broken),
            ]
        """,
    )
    registry = Registry.discover([plugin])
    made = plan(registry, "picky", "digits,ising,moons")
    assert [str(skip) for skip in made.skips] == ["picky x digits: needs binary images, these have 17 grey levels"]
    with pytest.raises(PluginError, match="model 'broken': suits raised KeyError"):
        plan(registry, "broken", "moons")


def test_a_model_with_several_likelihoods_is_scored_by_each(tmp_path: Path) -> None:
    plugin = write_plugin(
        tmp_path / "two.py",
        """
        @hookimpl
        def genbench_register():
            return [ModelSpec("two", Base, None, "two likelihoods", density="bound", densities={"ode": "estimate"})]
        """,
    )
    made = plan(Registry.discover([plugin]), "two,vae", "moons", metrics="nll,energy")
    scored = {cell.model.name: [metric.label for metric in cell.metrics] for cell in made.cells}
    assert scored["two"] == ["nll", "energy", "nll[density=ode]"]
    assert scored["vae"] == ["nll", "energy"]
