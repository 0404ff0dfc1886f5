"""A comparison in every format."""

import json
from dataclasses import replace

import jsonschema
import pytest
from comparisons import example

from genbench.comparing import FORMATS, Comparison, Verdict, render


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_also_holds_a_comparison_of_nothing(form):
    assert render(example(), form)
    assert render(Comparison(()), form)


def test_json_holds_every_field():
    found = json.loads(render(example(), "json"))
    assert found["exit_code"] == 4
    assert found["counts"] == {"regressed": 1, "inconclusive": 1, "changed": 1, "improved": 1, "unchanged": 1}
    assert found["verdicts"][0]["head_runs"] == [0.2, 0.4]
    assert set(found["verdicts"][0]) == set(Verdict.__dataclass_fields__)


def test_trackers_that_take_smaller_as_better_get_what_is_better_higher_turned_over():
    found = {each["name"]: each for each in json.loads(render(example(), "github-action-benchmark"))}
    assert found["vae x ring - energy"]["value"] == 0.3
    (turned,) = [each for name, each in found.items() if "coverage (1/x)" in name]
    assert turned["value"] == pytest.approx(1 / 0.8)
    assert all(
        {"name", "unit", "value"} <= set(each) and isinstance(each["value"], (int, float)) for each in found.values()
    )


def test_a_run_of_zero_is_a_run():
    zero = Comparison((Verdict("vae x ring", "kl", "unchanged", base=0.1, head=0.1, head_runs=(0.0, 0.2, None)),))
    [entry] = json.loads(render(zero, "github-action-benchmark"))
    assert entry["range"] == "± 0.1"
    [row] = json.loads(render(zero, "asv"))["results"].values()
    assert row[-1] == [[0.0, 0.2]]
    turned = Comparison((replace(zero.verdicts[0], better="higher"),))
    assert "range" not in json.loads(render(turned, "github-action-benchmark"))[0]


def test_bencher_gets_what_its_schema_asks():
    metric = {"type": "object", "required": ["value"], "properties": {"value": {"type": "number"}}}
    schema = {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": metric}}
    found = json.loads(render(example(), "bmf"))
    jsonschema.validate(found, schema)
    assert found["vae x ring"]["energy"] == {"value": 0.3, "lower_value": 0.2, "upper_value": 0.4}


def test_asv_gets_a_result_file():
    found = json.loads(render(example(), "asv"))
    assert found["version"] == 2
    assert found["date"] == 1767225600000
    rows = {name: dict(zip(found["result_columns"], row, strict=True)) for name, row in found["results"].items()}
    assert rows["vae_x_ring.track_energy"]["result"] == [0.3]
    assert rows["vae_x_ring.track_energy"]["samples"] == [[0.2, 0.4]]
