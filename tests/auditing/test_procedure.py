"""An audit from beginning to end: data of every kind, and nothing random but the seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from audits import audit, normal

import genbench


def test_what_these_data_cannot_have_is_left_out_and_missed_by_nobody(plugin: Path) -> None:
    found = audit(plugin, normal(4000, 2), "t_mean", "lost_correlation,shift", rows=100)
    assert [fault.fault for fault in found.injected] == ["shift"]
    assert any("lost_correlation: the columns are independent" in line for line in found.verdicts())
    with pytest.raises(KeyError):
        found.of("lost_correlation", "t_mean")


def test_images_are_audited(plugin: Path) -> None:
    images = np.random.default_rng(0).integers(17, size=(800, 1, 4, 4)).astype(np.uint8)
    found = audit(plugin, images, "t_mean,t_copied", "shift,exact_copies,dropped_modes", rows=100)
    assert found.space == "pixels"
    assert found.of("exact_copies", "t_copied").detected


def test_the_seed_is_all_that_is_random(plugin: Path) -> None:
    def told(seed: int) -> str:
        return audit(plugin, normal(3000, 2), "t_mean,energy", "shift,ridges", rows=100, seed=seed).render("json")

    assert told(1) == told(1)
    assert told(1) != told(2)


def test_another_fault_or_metric_changes_no_number(plugin: Path) -> None:
    rows = normal(3000, 2)
    alone = audit(plugin, rows, "t_mean", "shift", rows=100).of("shift", "t_mean")
    beside = audit(plugin, rows, "energy,t_mean", "outliers,shift", rows=100).of("shift", "t_mean")
    assert alone == beside


def test_data_of_every_kind(plugin: Path, tmp_path: Path) -> None:
    rows = normal(600, 2)
    np.save(tmp_path / "rows.npy", rows)
    by_file = genbench.audit(real=tmp_path / "rows.npy", metrics="t_mean", faults="shift", plugins=plugin)
    by_array = audit(plugin, rows, "t_mean")
    assert by_file.n == by_array.n == 150, "a quarter of the data"
    assert by_file.data == "rows.npy"
    ring = genbench.audit(dataset="ring[modes=5]", metrics="t_mean,modes", faults="shift", rows=100, plugins=plugin)
    assert (ring.modes, ring.modes_declared, ring.n) == (5, True, 100)
    sought = genbench.audit(dataset="ring", metrics="t_mean", faults="shift", rows=100, modes=3, plugins=plugin)
    assert (sought.modes, sought.modes_declared) == (3, False)
