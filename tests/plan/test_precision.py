"""Precision: what ``auto`` means, that it is decided once for a run, and that cells in fp32 are what they were."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from genbench import api
from genbench.errors import UserError
from genbench.plan.plan import Plan, Request, make_plan
from genbench.plan.precision import kinds_in_bf16, recorded_kinds
from genbench.plan.recorded import cell_of
from genbench.process import probe_device
from genbench.record.run_directory import write_run
from genbench.registry.registry import Registry

REGISTRY = Registry.discover()
REQUEST = Request("vae,kde", "ring,digits", "energy", "smoke", seeds=1, device="cpu")


def precisions(plan: Plan) -> dict[tuple[str, str], str]:
    return {(cell.model.name, cell.dataset.name): cell.precision for cell in plan.cells}


def test_auto_is_bf16_for_images_where_the_device_multiplies_in_it() -> None:
    assert kinds_in_bf16("auto", native=True) == ("image",)
    assert kinds_in_bf16("auto", native=False) == kinds_in_bf16("fp32", native=True) == ()
    assert set(kinds_in_bf16("bf16", native=False)) == {"vector", "image"}
    with pytest.raises(UserError, match="--precision fp16: expected auto, fp32 or bf16"):
        kinds_in_bf16("fp16", native=True)


def test_only_models_that_train_in_steps_have_another_precision() -> None:
    found = precisions(make_plan(replace(REQUEST, precision="auto", bf16=("image",)), REGISTRY))
    assert found["vae", "digits"] == "bf16"
    assert found["vae", "ring"] == found["kde", "digits"] == found["real", "digits"] == "fp32"


def test_cells_in_fp32_keep_their_keys_and_those_in_bf16_have_their_own() -> None:
    default, bf16 = (
        make_plan(REQUEST, REGISTRY),
        make_plan(replace(REQUEST, precision="bf16", bf16=("vector",)), REGISTRY),
    )
    for one, other in zip(default.cells, bf16.cells, strict=True):
        assert "precision" not in one.identity | one.as_dict()
        if other.precision == "fp32":
            assert one.key == other.key
        else:
            assert other.identity == {**one.identity, "precision": "bf16"}
            assert other.as_dict()["precision"] == "bf16"
            assert one.key != other.key
    assert "precision" not in default.request
    assert (bf16.request["precision"], bf16.request["bf16"]) == ("bf16", ["vector"])


def test_a_cell_of_a_record_trains_in_its_precision(tmp_path: Path) -> None:
    plan = make_plan(replace(REQUEST, precision="bf16", bf16=("vector",)), REGISTRY)
    cell = next(cell for cell in plan.cells if cell.precision == "bf16")
    write_run(tmp_path, {"request": plan.request, "cells": [], "sessions": []})
    recorded = cell_of(tmp_path, {**cell.as_dict(), "key": cell.key}, REGISTRY)
    assert recorded.precision == "bf16"
    assert not recorded.has_changed


def test_what_auto_was_is_kept_and_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_device, "has_bf16", lambda device: True)
    request = replace(REQUEST, precision="auto")
    plan, _ = api.prepare(request)
    assert precisions(plan)["vae", "digits"] == "bf16"
    assert recorded_kinds("auto", tmp_path) is None
    write_run(tmp_path, {"request": plan.request, "cells": [], "sessions": []})
    monkeypatch.setattr(probe_device, "has_bf16", lambda device: pytest.fail("asked again"))
    again, _ = api.prepare(replace(request, bf16=recorded_kinds("auto", tmp_path)))
    assert [cell.key for cell in again.cells] == [cell.key for cell in plan.cells]
    assert recorded_kinds("fp32", tmp_path) is None
    assert recorded_kinds("auto", None) is None


def test_a_processor_without_bf16_trains_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "flags : sse avx2 avx512f")
    assert not probe_device.has_bf16("cpu")
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "flags : sse amx_bf16 avx2")
    assert probe_device.has_bf16("cpu")
    assert not probe_device.has_bf16("mps")
