"""The file of samples is what the record states, or its damage is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genbench.record.evidence_file import damage_of, digest_of_evidence, evidence_path
from genbench.training.samples_file import digest_of_samples

ROWS = np.arange(12.0).reshape(6, 2)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = evidence_path(tmp_path)
    np.savez(path, samples=ROWS, log_prob_test=ROWS[:, 0])
    return path


def test_a_digest_is_of_all_arrays_and_not_of_how_they_are_packed(file: Path) -> None:
    one = digest_of_evidence(file)
    np.savez_compressed(file, log_prob_test=ROWS[:, 0], samples=ROWS)
    assert digest_of_evidence(file) == one
    for other in (
        {"samples": ROWS},
        {"samples": ROWS, "log_prob_fake": ROWS[:, 0]},
        {"samples": ROWS, "log_prob_test": ROWS[:, 1]},
        {"samples": ROWS[:, ::-1], "log_prob_test": ROWS[:, 0]},
    ):
        np.savez(file, **other)
        assert digest_of_evidence(file) != one


def test_what_is_as_stated_is_whole(file: Path) -> None:
    assert damage_of(file, {"evidence_sha256": digest_of_evidence(file)}) == ""
    assert damage_of(file, {"samples_sha256": digest_of_samples(ROWS)}) == "", "a record of an older genbench"
    assert damage_of(file, {}) == "", "one of before"


@pytest.mark.parametrize("name", ["samples_sha256", "evidence_sha256"])
def test_what_is_not_as_stated_is_damaged(file: Path, name: str) -> None:
    stated = {"samples_sha256": digest_of_samples(ROWS), "evidence_sha256": digest_of_evidence(file)}[name]
    np.savez(file, samples=ROWS + 1, log_prob_test=ROWS[:, 0])
    assert f"the record states {stated[:12]}.." in damage_of(file, {name: stated})


def test_log_densities_that_were_replaced_are_damage_too(file: Path) -> None:
    stated = {"evidence_sha256": digest_of_evidence(file), "samples_sha256": digest_of_samples(ROWS)}
    np.savez(file, samples=ROWS, log_prob_test=ROWS[:, 1])
    assert "its evidence has" in damage_of(file, stated)


@pytest.mark.parametrize("share", [0, 0.5, 0.9])
def test_a_file_that_was_cut_is_damaged(file: Path, share: float) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    assert damage_of(file, {}).startswith("cannot be read")


def test_samples_in_column_order_are_held_to_the_checksums_of_the_file(file: Path) -> None:
    np.savez(file, samples=np.asfortranarray(ROWS))
    assert damage_of(file, {"samples_sha256": digest_of_samples(ROWS)}) == ""
