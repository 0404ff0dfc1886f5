"""Specs: each field that cannot be is refused when it is declared, and a spec survives the way to a process."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass
from typing import Any

import pytest

from genbench.budget import Sizes
from genbench.errors import PluginError
from genbench.spec import FAULTS, DataFacts, DatasetSpec, MetricSpec, ModelSpec, Published, SpaceSpec, SuiteSpec


@dataclass(frozen=True)
class Config:
    density: str = "bound"


def declare(kind: type, **fields: Any) -> Any:
    given = {"name": "mine", "target": "package.module:Name", "config": None, "summary": "a thing"} | fields
    return kind(**given)


@pytest.mark.parametrize("kind", [ModelSpec, DatasetSpec, MetricSpec, SpaceSpec])
@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "", "name must match"),
        ("name", "a b", "name must match"),
        ("name", "-a", "name must match"),
        ("name", "a" * 65, "name must match"),
        ("name", 3, "name must match"),
        ("target", "package.module", "'package.module:Attribute', got 'package.module'"),
        ("target", "package:1", "'package.module:Attribute'"),
        ("target", 3, "or a class, got 3"),
        ("config", Config(), "config must be a dataclass or None"),
        ("config", int, "config must be a dataclass or None"),
        ("summary", " ", "summary must describe"),
    ],
)
def test_what_all_kinds_declare(kind: type, field: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        declare(kind, **{field: value})


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (ModelSpec, {"density": "sure"}, "density must be one of"),
        (ModelSpec, {"data": "vector"}, "data must be a tuple"),
        (ModelSpec, {"data": ()}, "data must be a tuple"),
        (ModelSpec, {"data": ("graph",)}, "data must be a tuple"),
        (ModelSpec, {"steps": 0}, "steps must be positive"),
        (ModelSpec, {"steps": {"vector": 5}}, "one number or one for each of"),
        (ModelSpec, {"capabilities": ("fly",)}, "capabilities must be a tuple"),
        (DatasetSpec, {"data": "graph"}, "data must be a tuple"),
        (MetricSpec, {"better": "larger"}, "better must be"),
        (MetricSpec, {"needs": ()}, "needs must be a tuple"),
        (MetricSpec, {"needs": ("luck",)}, "needs must be a tuple"),
        (MetricSpec, {"snapshots": True, "needs": ("samples", "train")}, "can need samples only"),
        (MetricSpec, {"detects": ("shfit",)}, "detects must be a tuple"),
        (SpaceSpec, {"needs": ("train",)}, "needs must be a tuple"),
        (SpaceSpec, {"image_metrics": "frechet"}, "image_metrics must be a tuple of names"),
    ],
)
def test_what_one_kind_declares(kind: type, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        declare(kind, **fields)


def test_a_recipe_is_one_number_or_one_for_each_kind_of_data() -> None:
    one = declare(ModelSpec, steps=7)
    assert (one.steps_for("vector"), one.steps_for("image")) == (7, 7)
    two = declare(ModelSpec, steps={"vector": 5, "image": 9})
    assert (two.steps_for("vector"), two.steps_for("image")) == (5, 9)
    with pytest.raises(TypeError):
        two.steps["vector"] = 6


def by_size(rows: int, dimensions: int) -> float:
    return 0.5 * rows / dimensions


def test_a_recipe_may_depend_on_the_numbers_of_rows_and_dimensions() -> None:
    spec = declare(ModelSpec, steps={"vector": by_size, "image": 9})
    assert spec.steps_for("vector", 1000, 2) == 250
    assert spec.steps_for("vector", 1, 64) == 1
    assert [spec.steps_for("vector"), spec.steps_for("vector", 1000), spec.steps_for("image")] == [None, None, 9]
    assert pickle.loads(pickle.dumps(spec)) == spec
    with pytest.raises(ValueError, match="or functions of a module"):
        declare(ModelSpec, steps=lambda rows, dimensions: 5)


@pytest.mark.parametrize("value", [0, -3, math.nan, math.inf, None, "7", True])
def test_a_recipe_that_is_no_positive_number_is_refused(value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.returned", value)
    with pytest.raises(PluginError, match=r"steps\(rows=9, dimensions=2\) returned") as caught:
        declare(ModelSpec, steps=returns).steps_for("vector", 9, 2)
    assert "\n" not in str(caught.value)


returned: object = None


def returns(rows: int, dimensions: int) -> object:
    return returned


def test_a_config_may_change_what_a_density_is() -> None:
    spec = declare(ModelSpec, density="exact")
    assert spec.density_of(None) == "exact"
    assert spec.density_of(Config()) == "bound"


def test_a_spec_survives_the_way_to_a_process() -> None:
    for spec in (
        declare(ModelSpec, steps={"vector": 5, "image": 9}, baseline=True, capabilities=("encode",), paper="p"),
        declare(DatasetSpec, rows=7, modes=True),
        declare(MetricSpec, detects=FAULTS),
        declare(SpaceSpec, image_metrics=("frechet",)),
        suite(published=[Published("GAN", "modes", 3.3, 0.1, "A. Author 2020", dataset="ring")], budget="60s"),
    ):
        assert pickle.loads(pickle.dumps(spec)) == spec


@pytest.mark.parametrize(
    ("option", "given"), [(None, False), (False, False), ("", False), (0, True), (True, True), ("b", True)]
)
def test_an_option_decides_whether_there_are_outliers(option: object, given: bool) -> None:
    @dataclass(frozen=True)
    class WithOutliers:
        outliers: object

    assert declare(DatasetSpec).outliers_of(WithOutliers(option)) is given
    assert [declare(DatasetSpec, outliers=flag).outliers_of(Config()) for flag in (False, True)] == [False, True]


# --------------------------------------------------------------------------------------------------------------- suites


def suite(**fields: Any) -> SuiteSpec:
    parts: dict[str, Any] = {"models": "vae", "datasets": "ring", "metrics": "energy", "summary": "a suite"}
    return SuiteSpec(**{"name": "tiny", **parts, **fields})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "a b"}, "name must match"),
        ({"summary": " "}, "summary must describe"),
        ({"models": ""}, "models must be a selection"),
        ({"datasets": ["ring"]}, "datasets must be a selection"),
        ({"seeds": 0}, "seeds must be their number"),
        ({"budget": "soon"}, "expected a positive number and a unit"),
        ({"sizes": (100, 100, 100)}, "sizes must be Sizes"),
        ({"sizes": Sizes(100, 0, 100)}, "each at least 1"),
        ({"published": [("GAN", 3.3)]}, "published must hold Published"),
    ],
)
def test_a_suite_that_cannot_be_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        suite(**fields)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("GAN", "modes", 3.3), "must be texts that are not empty"),
        (("", "modes", 3.3, None, "A."), "must be texts that are not empty"),
        (("GAN", "modes", float("nan"), None, "A."), "must be finite"),
        (("GAN", "modes", 3.3, -0.1, "A."), "must be finite"),
    ],
)
def test_a_published_value_has_a_source_and_is_a_number(values: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Published(*values)


def test_a_suite_has_no_code_and_no_options() -> None:
    assert (suite().kind, suite().target, suite().config) == ("suite", "", None)
    assert suite(published=[]).published == ()


def grumpy(facts: DataFacts) -> str | None:
    return "never" if facts.kind == "image" else None


def test_what_a_model_suits_is_a_function_that_other_processes_import() -> None:
    made = ModelSpec("a", "b:C", None, "a model", suits=grumpy)
    assert pickle.loads(pickle.dumps(made)).suits is grumpy
    with pytest.raises(ValueError, match="suits must be a function of a module"):
        ModelSpec("a", "b:C", None, "a model", suits=lambda facts: None)


@pytest.mark.parametrize(("field", "value"), [("conditions", "maybe"), ("support", "both")])
def test_words_that_a_model_spec_does_not_know_are_refused(field: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{field} must be one of"):
        ModelSpec("a", "b:C", None, "a model", **{field: value})


@dataclass(frozen=True)
class Sized:
    size: int = 3
    given: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        return (1, self.size, self.size)


def test_the_facts_of_data_follow_the_options() -> None:
    made = DatasetSpec("a", "b:C", Sized, "data", data="image", shape=(1, 2, 2), levels=4, rows=7)
    assert made.facts(Sized(5)) == DataFacts("image", shape=(1, 5, 5), levels=4, rows=7)
    assert not made.is_conditional(Sized())
    assert made.is_conditional(Sized(given="label"))
    assert DatasetSpec("a", "b:C", None, "data", conditions=True).is_conditional(None)
