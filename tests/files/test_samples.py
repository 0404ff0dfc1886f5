"""Samples to be scored, which must be alike."""

from __future__ import annotations

import numpy as np
from user_files import TABLE, refusal, saved_csv, says

from genbench.files import align_columns, read_samples


def test_samples_must_be_alike(tmp_path):
    saved_csv(tmp_path / "real.csv")
    TABLE[["phi", "pt", "eta"]].to_parquet(tmp_path / "fake.parquet")
    np.save(tmp_path / "plain.npy", TABLE.to_numpy())
    np.save(tmp_path / "narrow.npy", np.zeros((9, 2)))
    np.save(tmp_path / "images.npy", np.zeros((9, 8, 8)))
    TABLE.rename(columns={"pt": "energy"}).to_csv(tmp_path / "other.csv", index=False)
    real, fake, plain, narrow, images, other = (
        read_samples(tmp_path / name)
        for name in ("real.csv", "fake.parquet", "plain.npy", "narrow.npy", "images.npy", "other.csv")
    )
    alike = align_columns({"--real": real, "--fake": fake, "--train": plain})
    np.testing.assert_array_equal(alike["--fake"].rows, real.rows)
    says(" ".join(alike["--fake"].notes), "order of --real")
    says(refusal(align_columns, {"--real": real, "--fake": narrow}), "--fake", "--real", "2 columns", "3 columns")
    says(refusal(align_columns, {"--real": real, "--fake": images}), "images 1x8x8")
    says(refusal(align_columns, {"--real": real, "--fake": other}), "lacks 'pt'", "adds 'energy'")


def test_one_sample_is_too_few(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((1, 2)))
    says(refusal(read_samples, tmp_path / "a.npy"), "one row is too few", "at least 2")
