"""Options in words: the comment after a field is its meaning."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, make_dataclass

from genbench.registry.describe import facts, option_facts
from genbench.registry.discovery import Provenance
from genbench.registry.registry import Entry
from genbench.spec import DatasetSpec, MetricSpec, ModelSpec


@dataclass(frozen=True)
class Base:
    width: int = 128  # units of a hidden layer
    depth: int = 3  # hidden layers

    def helper(self) -> None:
        inside: int = 3  # not a field
        del inside


@dataclass(frozen=True)
class Config(Base):
    depth: int = 4  # residual blocks
    beta: float = field(
        default=1.0,  # weight of the KL term
    )
    path: str | None = None  # what has a # inside
    silent: bool = False
    helped: int = field(default=1, metadata={"help": "from the metadata"})


def test_meanings_are_the_comments_after_the_fields() -> None:
    meanings = {option["name"]: option["meaning"] for option in option_facts(Config)}
    assert meanings == {
        "width": "units of a hidden layer",
        "depth": "residual blocks",
        "beta": "weight of the KL term",
        "path": "what has a # inside",
        "silent": "",
        "helped": "from the metadata",
    }


def test_types_and_defaults_are_those_of_the_fields() -> None:
    options = {option["name"]: option for option in option_facts(Config)}
    assert options["path"]["type"] == "str | none"
    assert options["beta"]["default"] == 1.0
    assert not options["beta"]["required"]


def test_a_class_without_source_has_options_without_meaning() -> None:
    made = make_dataclass("Made", [("size", int, 3), ("name", str, field(default="x", metadata={"help": "a name"}))])
    assert [(option["name"], option["meaning"]) for option in option_facts(made)] == [("size", ""), ("name", "a name")]
    assert option_facts(None) == []


def test_facts_hold_every_field_of_a_spec_and_are_json() -> None:
    source = Provenance("p", "genbench-p", "1.0", "p", "/somewhere/p.py")
    for spec in (
        ModelSpec("m", "p.m:M", Config, "a model", density="bound", steps={"vector": 10, "image": 20}),
        DatasetSpec("d", "p.d:D", None, "a dataset", rows=100),
        MetricSpec("x", "p.x:X", None, "a metric", best=float("inf")),
    ):
        entry = Entry(spec.name, spec, source)
        fact = json.loads(json.dumps(facts(entry), allow_nan=False))
        missing = {name for name in spec.__dataclass_fields__ if name not in fact} - {"config", "_"}
        assert not missing
        assert fact["provenance"]["distribution"] == "genbench-p"
        assert "/somewhere" not in json.dumps(fact)
