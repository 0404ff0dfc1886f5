"""Stored arrays are read when their bytes are those of the card, and refused in one line otherwise."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from genbench.errors import DataError
from genbench.stored import load_stored


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "rows.npz"
    np.savez_compressed(path, rows=np.arange(1000.0), labels=np.arange(10))
    write_card(path)
    return path


def write_card(path):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(path.name + ".json").write_text(json.dumps({"sha256": digest, "licence": "CC0"}))


def refused(path, message):
    with pytest.raises(DataError, match=message) as error:
        load_stored(path)
    assert str(error.value).startswith("rows.npz: ")
    assert "\n" not in str(error.value)
    assert "install its package again" in str(error.value)


def test_arrays_are_read_back(stored):
    arrays = load_stored(stored)
    assert set(arrays) == {"rows", "labels"}
    np.testing.assert_array_equal(arrays["rows"], np.arange(1000.0))


@pytest.mark.parametrize("place", [0, 100, -1])
def test_a_flipped_bit_is_refused(stored, place):
    content = bytearray(stored.read_bytes())
    content[place] ^= 1
    stored.write_bytes(content)
    refused(stored, "the stored data are damaged: sha256 .*, expected ")


def test_truncated_data_are_refused(stored):
    stored.write_bytes(stored.read_bytes()[:-1])
    refused(stored, "the stored data are damaged")


@pytest.mark.parametrize("missing", ["rows.npz", "rows.npz.json"])
def test_a_missing_file_is_told(stored, missing):
    stored.with_name(missing).unlink()
    refused(stored, "cannot read the stored data")


@pytest.mark.parametrize("card", ["", "{}", "not JSON", "[]", '"text"', '{"sha256": 1}'])
def test_a_damaged_card_is_told(stored, card):
    stored.with_name("rows.npz.json").write_text(card)
    refused(stored, "cannot read the stored data|the stored data are damaged")


def test_a_pickle_is_never_loaded(tmp_path):
    path = tmp_path / "rows.npz"
    np.savez(path, rows=np.array([print], dtype=object))
    write_card(path)
    with pytest.raises(ValueError, match="allow_pickle"):
        load_stored(path)
