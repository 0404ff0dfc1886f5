"""Files as users have them: from the file to a run, its tables and pictures, and samples in the file's own format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from genbench.budget import Sizes
from genbench.cli.main import main
from genbench.files import FileConfig, open_data, read, write_samples

pytestmark = pytest.mark.slow
RNG = np.random.default_rng(0)


class Case:
    """A run of a user's file: its records, what the commands printed, and samples of ``kde`` written back."""

    def __init__(self, folder: Path, data: str, models: str, *options: str) -> None:
        self.folder, self.path, self.run = folder, folder / data, folder / "run"
        given = ["-m", models, "--data", str(self.path), *options, "--preset", "smoke", "--budget", "50steps"]
        self.call("run", *given, "--device", "cpu", "--jobs", "1", "--seeds", "1", "--out", str(self.run))
        records = [json.loads(path.read_text()) for path in self.run.glob("cells/*/*/1.json")]
        self.records: dict[str, dict[str, Any]] = {record["label"]: record for record in records}
        assert {record["status"] for record in records} == {"ok"}
        self.config = FileConfig(**self.records["kde"]["dataset_config"])

    def call(self, *arguments: str) -> None:
        assert main([str(argument) for argument in arguments]) == 0

    def values(self, label: str) -> dict[str, float | None]:
        return {score["metric"]: score["value"] for score in self.records[label]["scores"]}

    @property
    def samples(self) -> np.ndarray:
        key = self.records["kde"]["key"]
        return np.load(self.run / "cells" / key[:2] / key / "samples.npz")["samples"]

    def picture(self, figure: str) -> np.ndarray:
        path = self.folder / f"{figure}.png"
        self.call("plot", str(self.run), "--figure", figure, "--dpi", "60", "-o", str(path))
        return np.asarray(Image.open(path).convert("L"))

    def written(self) -> Path:
        notes: list[str] = []
        path = write_samples(self.config, self.samples, self.folder / "generated", notes=notes)
        assert notes == []
        return path


def check_scores(case: Case, with_density: bool = False) -> None:
    """Check that each metric has a value, that likelihoods are refused where there is none, and that none is odd."""
    values = case.values("kde")
    missing = {name for name, value in values.items() if value is None} - {"reconstruction", "denoising"}  # of kde
    assert missing == ({"calibration"} if with_density else {"calibration", "nll"})
    assert all(np.isfinite(value) for value in values.values() if value is not None)
    real = case.values("real")
    assert 0.2 < real["c2st"] < 0.8
    for name in ("precision", "recall"):
        assert real[name] > 0.7
    if "constraints" in real:
        assert real["constraints"] < 0.1


def check_pictures(case: Case, *figures: str) -> None:
    for figure in figures:
        picture = case.picture(figure)
        assert min(picture.shape) > 100
        assert 0.01 < (picture < 250).mean() < 0.9, f"{figure} is empty or full"


def test_a_table_with_text_integers_and_missing_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    n = 300
    kind = RNG.choice(3, n, p=[0.4, 0.2, 0.4])
    male = RNG.random(n) < 0.5
    frame = pd.DataFrame({
        "species": np.array(["Adelie", "Chinstrap", "Gentoo"])[kind],
        "bill_mm": np.round(np.array([38.8, 48.8, 47.5])[kind] + 2 * male + RNG.normal(0, 2.5, n), 1),
        "flipper_mm": np.round(np.array([190, 196, 217])[kind] + RNG.normal(0, 6, n)),
        "sex": np.where(male, "male", "female"),
        "year": RNG.choice([2007, 2008, 2009], n),
    }).astype({"flipper_mm": "Int64"})  # fmt: skip
    for column in ("bill_mm", "flipper_mm", "sex"):
        frame.loc[RNG.random(n) < 0.03, column] = pd.NA
    frame.to_csv(tmp_path / "penguins.csv", index=False)
    case = Case(tmp_path, "penguins.csv", "gaussian,kde,vae", "--na", "drop")
    table = capsys.readouterr().out
    assert "w1_marginal" in table
    assert "dropped" in table
    assert "no likelihood: the columns of a category have no density" in " ".join(table.split())
    check_scores(case)
    check_pictures(case, "marginals", "corner", "equivalent")
    written = pd.read_csv(path := case.written())
    assert path.name == "generated.csv"
    assert list(written) == list(frame)
    assert set(written["species"]) <= {"Adelie", "Chinstrap", "Gentoo"}
    assert set(written["sex"]) <= {"female", "male"}
    assert [str(kind) for kind in written.dtypes[["bill_mm", "flipper_mm", "year"]]] == ["float64", "int64", "int64"]
    assert not written.isna().any().any()


def test_events_with_counts_charges_angles_and_processes(tmp_path: Path) -> None:
    n = 400
    process = RNG.choice(3, n, p=[0.5, 0.3, 0.2])
    columns = {
        "pt": pa.array(RNG.lognormal(3.5 + 0.4 * (process == 0), 0.6).astype("f4")),
        "phi": pa.array(RNG.uniform(-np.pi, np.pi, n).astype("f4")),
        "njet": pa.array(RNG.poisson(np.array([4.0, 1.5, 1.2])[process]).astype("i4")),
        "charge": pa.array(RNG.choice([-1, 1], n).astype("i1")),
        "process": pa.array(np.array(["tt", "wj", "zj"])[process]).dictionary_encode(),
    }
    units = {"pt": "GeV", "phi": "rad"}
    schema = pa.schema([
        pa.field(name, values.type, metadata={"unit": units[name]} if name in units else None)
        for name, values in columns.items()
    ])  # fmt: skip
    pq.write_table(pa.table(list(columns.values()), schema=schema), tmp_path / "events.parquet")
    case = Case(tmp_path, "events.parquet", "gaussian,kde,vae", "--kinds", "phi=angle,charge=category", "--log", "pt")
    check_scores(case)
    [marginal] = [s for s in case.records["kde"]["scores"] if s["metric"] == "w1_marginal"]
    assert list(marginal["detail"]["features"]) == list(columns)
    [rules] = [s for s in case.records["kde"]["scores"] if s["metric"] == "constraints"]
    assert not any(rule.startswith(("charge", "process")) for rule in rules["detail"]["rules"])
    check_pictures(case, "marginals", "corner")
    written = pq.read_table(path := case.written())
    assert path.name == "generated.parquet"
    assert written.schema.equals(schema, check_metadata=True)
    events = written.to_pandas()
    assert (events["pt"] > 0).all()
    assert events["phi"].abs().max() < np.pi + 0.1
    assert set(events["charge"]) == {-1, 1}
    assert set(events["process"]) == {"tt", "wj", "zj"}


def test_a_table_of_counts_has_a_likelihood(tmp_path: Path) -> None:
    counts = RNG.poisson([2.0, 6.0], (400, 2)).astype("i2")
    np.save(tmp_path / "counts.npy", counts)
    case = Case(tmp_path, "counts.npy", "gaussian,kde")
    check_scores(case, with_density=True)
    shares = [np.unique(column, return_counts=True)[1] / len(counts) for column in counts.T]
    entropy = -sum((share * np.log(share)).sum() for share in shares)
    # a density of the noisy numbers is the mass of the integers; that of rounded samples is not known
    assert 2 * case.values("kde")["nll"] == pytest.approx(entropy, abs=0.3)  # nats for each of two columns
    written = np.load(case.written())
    assert (written.dtype, written.shape[1]) == ("int16", 2)


def test_a_folder_of_images_of_16_bits(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    y, x = np.mgrid[:8, :8]
    for i in range(120):
        centre, height = RNG.uniform(2, 6, 2), RNG.uniform(2e3, 6e4)
        spot = height * np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / 4.5) + RNG.normal(500, 50, (8, 8))
        Image.fromarray(np.clip(spot, 0, 65535).astype("u2")).save(tmp_path / "images" / f"{i:03}.png")
    case = Case(tmp_path, "images", "gaussian,kde,vae")
    assert case.values("kde")["nll"] is not None
    check_pictures(case, "images")
    path = case.written()
    with Image.open(path / "000000.png") as image:
        assert (image.mode, image.size) == ("I;16", (8, 8))
    found = read(path)
    assert (found.rows == case.samples).all()
    assert found.levels == 2**16


def test_a_catalogue_with_units(tmp_path: Path) -> None:
    fits = pytest.importorskip("astropy.io.fits")
    n = 400
    columns = [
        fits.Column("RA", "D", unit="deg", array=RNG.uniform(0, 360, n)),
        fits.Column("MAG", "E", unit="mag", array=20 - RNG.exponential(1.5, n)),
        fits.Column("NOBS", "I", array=RNG.poisson(6, n)),
        fits.Column("CLASS", "6A", array=RNG.choice(["STAR", "GALAXY"], n)),
        fits.Column("GOOD", "L", array=RNG.random(n) > 0.2),
    ]
    fits.BinTableHDU.from_columns(columns, name="SOURCES").writeto(tmp_path / "catalogue.fits")
    case = Case(tmp_path, "catalogue.fits", "gaussian,kde,vae", "--periodic", "RA=360")
    check_scores(case)
    opened = open_data(case.config.path, periodic=case.config.periodic)
    assert [each["kind"] for each in opened.describe(Sizes())["columns"]] == [
        "angle, period 360", "continuous", "integer", "category of 2: GALAXY, STAR", "category of 2: False, True"
    ]  # fmt: skip
    check_pictures(case, "marginals", "corner")
    with fits.open(case.written()) as hdus:
        table = hdus["SOURCES"]
        assert [(c.name, c.format, c.unit) for c in table.columns] == [
            ("RA", "D", "deg"), ("MAG", "E", "mag"), ("NOBS", "I", None), ("CLASS", "6A", None), ("GOOD", "L", None)
        ]  # fmt: skip
        assert 0 <= table.data["RA"].min() < table.data["RA"].max() <= 360.5
        assert set(table.data["CLASS"]) == {"STAR", "GALAXY"}
