"""The samples of a cell on the disk: whole or not there, and of the data that they were made with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_cells import Truth, cell_of

from genbench.errors import Invalid
from genbench.protocol import Data
from genbench.record.store import cell_folder
from genbench.training.samples_file import (
    MAX_PROBE_ROWS,
    digest_of_samples,
    probe_rows,
    probes_of,
    probes_on_disk,
    read_samples,
    save_samples,
)

CELL = cell_of(Truth)
ROWS = np.random.default_rng(0).normal(size=(1000, 2))
DATA = Data(ROWS, ROWS, ROWS)


def test_a_digest_is_of_shape_type_and_bytes() -> None:
    one = digest_of_samples(ROWS)
    assert digest_of_samples(np.asfortranarray(ROWS)) == one, "not of how they lie in memory"
    changed = ROWS.copy()
    changed[-1, -1] = np.nextafter(changed[-1, -1], 9)
    for other in (changed, ROWS.reshape(500, 4), ROWS.astype(">f8"), ROWS[:-1]):
        assert digest_of_samples(other) != one
    assert len(one) == 64


def test_what_is_saved_is_read_again_and_nothing_else_lies_there(tmp_path: Path) -> None:
    save_samples(tmp_path, CELL, {"samples": ROWS[:5], "test_probe": probe_rows(DATA)})
    found = read_samples(tmp_path, CELL, DATA)
    np.testing.assert_array_equal(found["samples"], ROWS[:5])
    assert [path.name for path in cell_folder(tmp_path, CELL.key).iterdir()] == ["samples.npz"]


def test_what_an_earlier_attempt_left_stays_until_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_samples(tmp_path, CELL, {"samples": ROWS[:5]})
    save = np.savez

    def full(file: Path, **arrays: np.ndarray) -> None:
        save(file, **arrays)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        save_samples(tmp_path, CELL, {"samples": ROWS[:7]})
    assert len(read_samples(tmp_path, CELL, DATA)["samples"]) == 5
    assert [path.name for path in cell_folder(tmp_path, CELL.key).iterdir()] == ["samples.npz"]


def test_samples_of_other_data_are_refused_and_last_digits_may_differ(tmp_path: Path) -> None:
    save_samples(tmp_path, CELL, {"samples": ROWS, "test_probe": probe_rows(DATA)})
    near, far = ROWS * (1 + 1e-9), ROWS + 0.01
    read_samples(tmp_path, CELL, Data(near, near, near))
    for other in (Data(far, far, far), Data(ROWS, ROWS[:, :1], ROWS)):
        with pytest.raises(Invalid, match=r"dataset 'Normal' gives other data .* use --force"):
            read_samples(tmp_path, CELL, other)


def test_a_probe_is_of_rows_from_all_over() -> None:
    probe = probe_rows(DATA)
    assert len(probe) == MAX_PROBE_ROWS
    np.testing.assert_array_equal(probe, ROWS[:: 1000 // MAX_PROBE_ROWS][:MAX_PROBE_ROWS])
    few = Data(ROWS, ROWS[:3], ROWS)
    np.testing.assert_array_equal(probe_rows(few), ROWS[:3])


def test_probes_on_disk_have_no_name_and_are_read_as_often_as_needed(tmp_path: Path) -> None:
    expected = probes_of(DATA)
    with probes_on_disk(tmp_path, CELL, DATA) as first, probes_on_disk(tmp_path, CELL, DATA) as second:
        assert list(cell_folder(tmp_path, CELL.key).iterdir()) == [], "a killed cell leaves nothing behind"
        for read in (first, second, first):
            found = read()
            assert found.keys() == expected.keys()
            assert all(np.array_equal(found[name], rows) for name, rows in expected.items())
