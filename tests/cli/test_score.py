"""``genbench score``: what it says of files, in a table and in JSON, held against other libraries' values."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genbench.cli.main import main

DATA = Path(__file__).parent.parent / "data" / "reference_metrics"
FIELDS = {"metric", "value", "low", "high", "level", "floor", "floor_sd", "z", "better", "unit", "best"}
FIELDS |= {"n_real", "n_fake", "space", "params", "version", "seconds", "warnings"}
FIELDS |= {"label", "floor_from", "suspect", "ranked"}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of a Gaussian: real, fake (shifted), train, more real data; a folder to be in."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, n, shift in (("real", 300, 0), ("fake", 200, 0.5), ("train", 400, 0), ("more", 250, 0)):
        rows = rng.normal(size=(n, 2)) * [1, 100] + [shift, 100 * shift]
        lines = [",".join(map(repr, row)) + f",{'ab'[i % 2]}" for i, row in enumerate(rows.tolist())]
        (tmp_path / f"{name}.csv").write_text("\n".join(["x,y,kind", *lines]) + "\n")
        np.save(tmp_path / f"{name}.npy", rows)
    return tmp_path


def scores_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert main(["score", *arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found: list[dict[str, Any]] = json.loads(out)
    return found


def scores(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, Any]]:
    return {score["metric"]: score for score in scores_of(capsys, *arguments)}


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["score", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("genbench: ")
    assert err.count("\n") == 1
    return err


def test_globs_bring_what_the_files_suffice_for_and_names_what_they_name(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--real", "real.npy", "--fake", "fake.npy", "--metrics")
    assert set(scores(capsys, *given, "w1*,c*")) == {"w1", "w1_marginal", "correlation", "coverage", "c2st"}
    assert not {"duplicates", "nll", "w2"} & set(scores(capsys, *given, "all,-w2,-c2st"))
    assert scores(capsys, *given, "w1*,ct,mmd[bandwidth=2]")["ct"]["warnings"][0] == "needs train"
    assert scores(capsys, *given, "mode*")["modes"]["value"] is None  # nothing is left: each says why


PLUGIN = """
from genbench.hooks import hookimpl
from genbench.protocol import Score
from genbench.spec import MetricSpec


def mean_gap(evidence):
    return Score(float(abs(evidence.fake.mean() - evidence.real.rows.mean())), n_real=1, n_fake=1)


def broken(evidence):
    raise RuntimeError("kaboom")


@hookimpl
def genbench_register():
    return [MetricSpec(f.__name__, f, None, "of a file") for f in (mean_gap, broken)]
"""


def test_a_metric_of_the_users_own_file(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "own.py").write_text(PLUGIN)
    given = ("--real", "real.npy", "--fake", "fake.npy", "--plugin", "own.py", "--metrics")
    found = scores(capsys, *given, "mean_gap,energy")
    assert found["mean_gap"]["value"] == pytest.approx(0.5, abs=0.2)
    assert found["mean_gap"]["floor_sd"] > 0
    assert main(["score", *given, "energy,broken"]) == 3  # a plugin's fault
    out, err = capsys.readouterr()
    assert "failed: RuntimeError: kaboom" in " ".join(out.split())
    assert "Traceback" in err


def test_all_metrics_that_need_only_samples(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = scores(capsys, "--real", "real.npy", "--fake", "fake.npy")
    assert {"energy", "w1", "w2", "sliced_w2", "frechet", "kid", "mmd", "coverage", "density"} <= set(found)
    assert not {"duplicates", "nll", "kl", "modes"} & set(found)
    for score in found.values():
        assert set(score) >= FIELDS
        assert np.isfinite(score["value"])
        assert (score["n_real"], score["n_fake"]) == (300, 200)
        assert score["space"] == "standardised"
        assert score["better"] in ("lower", "higher")
        assert np.isfinite(score["floor"])
        assert score["floor_from"] == "random halves of the real rows"
        assert score["z"] is None or score["floor_sd"] > 0
        assert score["seconds"] >= 0


def test_training_data_bring_their_metrics(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--real", "real.npy", "--fake", "fake.npy", "--train", "train.npy", "--metrics", "duplicates,authenticity")
    found = scores(capsys, *given)
    assert found["duplicates"]["value"] == 0
    copied = scores(capsys, "--real", "real.npy", "--fake", "train.npy", "--train", "train.npy", "--metrics", "dupl*")
    assert copied["duplicates"]["value"] == 1
    assert found["duplicates"]["z"] == 0
    assert copied["duplicates"]["z"] > 10, "fresh real rows hold no copy, and that has a spread"
    assert copied["duplicates"]["warnings"][0].startswith("suspect copies")


def test_a_floor_of_few_rows_has_a_wide_error_and_one_of_too_few_says_so(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("few.npy", np.load("real.npy")[:40])
    found = scores(capsys, "--real", "few.npy", "--fake", "fake.npy", "--metrics", "c2st")["c2st"]
    assert abs(found["floor"] - 0.5) < 4 * found["floor_sd"] > 0.2
    np.save("few.npy", np.load("real.npy")[:10])
    found = scores(capsys, "--real", "few.npy", "--fake", "fake.npy", "--metrics", "c2st")["c2st"]
    assert found["floor"] is found["z"] is None
    assert any(text.startswith("no floor") for text in found["warnings"])


def test_a_metric_that_lacks_something_says_so(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = scores(capsys, "--real", "real.npy", "--fake", "fake.npy", "--metrics", "nll,duplicates")
    assert found["nll"]["value"] is found["duplicates"]["value"] is None
    assert found["nll"]["warnings"]
    assert found["duplicates"]["warnings"]


def test_standardised_forgets_units_and_raw_keeps_them(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--real", "real.npy", "--fake", "fake.npy", "--metrics", "w2")
    standardised, raw = scores(capsys, *given)["w2"], scores(capsys, *given, "--space", "raw")["w2"]
    assert (standardised["space"], raw["space"]) == ("standardised", "raw")
    assert 0.2 < standardised["value"] < 2
    assert 20 < raw["value"] < 200  # the second column has standard deviation 100
    np.save("real100.npy", 100 * np.load("real.npy"))
    np.save("fake100.npy", 100 * np.load("fake.npy"))
    scaled = scores(capsys, "--real", "real100.npy", "--fake", "fake100.npy", "--metrics", "w2")["w2"]
    assert scaled["value"] == pytest.approx(standardised["value"], rel=1e-9)


def test_the_training_data_standardise(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--real", "real.npy", "--fake", "fake.npy", "--metrics", "w2")
    by_real, by_train = scores(capsys, *given), scores(capsys, *given, "--train", "train.npy")
    assert by_real["w2"]["value"] != by_train["w2"]["value"]
    assert by_real["w2"]["value"] == pytest.approx(by_train["w2"]["value"], rel=0.2)


def test_a_reference_gives_floors(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--real", "real.npy", "--reference", "more.npy", "--metrics", "energy")
    shifted = scores(capsys, *given, "--fake", "fake.npy")["energy"]
    alike = scores(capsys, *given, "--fake", "more.npy")["energy"]
    assert alike["floor"] == alike["value"]
    assert alike["z"] == 0
    assert shifted["floor"] != alike["floor"], "200 samples are held against the score of 200 real rows"
    assert shifted["floor_from"] == alike["floor_from"] == "reference"
    assert shifted["floor_sd"] > 0
    assert shifted["z"] > 3


def test_formats_are_read_alike(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arrays = scores(capsys, "--real", "real.npy", "--fake", "fake.npy", "--metrics", "energy")["energy"]
    given = ("--real", "real.csv", "--fake", "fake.csv", "--metrics", "energy")
    for chosen in (("--labels", "kind"), ("--columns=-kind",), ("--columns", "x,y")):
        table = scores(capsys, *given, *chosen)["energy"]
        assert table["value"] == arrays["value"]


def test_one_column(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = scores(capsys, "--real", "real.csv", "--fake", "fake.csv", "--columns", "x")
    real, fake = np.load("real.npy")[:, 0], np.load("fake.npy")[:, 0]
    assert found["frechet"]["value"] == pytest.approx(
        ((real.mean() - fake.mean()) ** 2 + (real.std(ddof=1) - fake.std(ddof=1)) ** 2) / real.std() ** 2, rel=1e-6
    )
    assert all(score["value"] is not None for name, score in found.items() if name != "correlation")


def test_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    real, fake = (rng.integers(0, 256, size=(60, 1, 8, 8), dtype=np.uint8) for _ in range(2))
    np.save(tmp_path / "real.npy", real)
    np.save(tmp_path / "fake.npy", fake)
    given = ("--real", f"{tmp_path}/real.npy", "--fake", f"{tmp_path}/fake.npy", "--metrics", "energy,w2")
    pixels, raw = scores(capsys, *given), scores(capsys, *given, "--space", "raw")
    assert pixels["energy"]["space"] == "pixels"
    assert raw["w2"]["value"] == pytest.approx(255 * pixels["w2"]["value"], rel=1e-6)


def test_options_of_metrics(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--real", "real.npy", "--fake", "fake.npy")
    by_set = scores(capsys, *given, "--metrics", "mmd", "--set", "mmd.bandwidth=2")["mmd"]
    by_bracket = scores(capsys, *given, "--metrics", "mmd[bandwidth=2]")["mmd"]
    assert by_set["params"]["bandwidth"] == 2
    assert by_set["value"] == by_bracket["value"]


def test_columns_that_are_conditions_are_no_part_of_the_rows(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--real", "real.csv", "--fake", "fake.csv", "--train", "train.csv", "--reference", "more.csv")
    found = scores(capsys, *given, "--given", "kind", "--metrics", "w1_marginal,energy_by_condition,class_accuracy")
    assert {"x", "y"} <= set(found["w1_marginal"]["detail"]["features"])
    assert set(found["energy_by_condition"]["detail"]["by_condition"]) == {"kind=a", "kind=b"}
    assert found["class_accuracy"]["n_fake"] == 200
    assert "energy_by_condition" not in scores(capsys, *given, "--labels", "kind")


def test_the_seed_is_all_that_is_random(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--real", "real.npy", "--fake", "fake.npy", "--metrics", "energy,sliced_w2,coverage,c2st")
    first, again = scores(capsys, *given), scores(capsys, *given)
    for name, score in first.items():
        assert score | {"seconds": 0} == again[name] | {"seconds": 0}


def test_the_table(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["score", "--real", "real.npy", "--fake", "fake.npy", "--metrics", "energy,coverage"]
    assert main(given) == 0
    halves = capsys.readouterr().out
    assert "200 samples against 300 real rows, space: standardised" in halves
    assert "energy" in halves
    assert "floor: the score of random halves of --real" in halves
    assert "the floor is the score of 150 against 150 rows; for z, as many samples are scored" in halves
    assert "no best value" not in halves
    assert main([*given, "--reference", "more.npy"]) == 0
    said = capsys.readouterr().out
    assert "floor: the score of --reference" in said
    assert "150 rows" not in said


def test_spaces(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--real", "real.csv", "--fake", "fake.csv", "--train", "train.csv", "--labels", "kind")
    found = {s["label"]: s for s in scores_of(capsys, *given, "--metrics", "energy,energy@pca,energy@raw")}
    assert [s["space"] for s in found.values()] == ["standardised", "pca", "raw"]
    assert {s["metric"] for s in found.values()} == {"energy"}
    [pca] = scores_of(capsys, *given, "--metrics", "energy", "--space", "pca")
    assert (pca["label"], pca["value"]) == ("energy@pca", found["energy@pca"]["value"])
    assert main(["score", *given, "--metrics", "energy@pca"]) == 0
    assert "energy@pca" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("--fake", "fake.npy"), ("missing option '--real'", "genbench score --help")),
        (("--real", "absent.npy", "--fake", "fake.npy"), ("absent.npy: no such file",)),
        (("--real", "real.npy", "--fake", "fake.npy", "--metrics", "enrgy"), ("did you mean 'energy'?",)),
        (("--real", "real.npy", "--fake", "fake.npy", "--metrics", "kid@pac"), ("no space named 'pac'", "'pca'")),
        (
            ("--real", "real.npy", "--fake", "fake.npy", "--space", "rwa"),
            ("--space rwa", "standardised, raw, pixels, pca"),
        ),
        (("--real", "real.npy", "--fake", "fake.npy", "--set", "mmd.bnd=2"), ("mmd.bnd=2", "has no option 'bnd'")),
        (("--real", "real.npy", "--fake", "fake.npy", "--seed", "-1"), ("'--seed'", "-1")),
        (("--real", "real.npy", "--fake", "wide.npy"), ("--fake wide.npy and --real real.npy do not fit", "3 columns")),
        (("--real", "real.npy", "--fake", "nan.npy"), ("nan.npy", "missing (NaN)")),
        (("--real", "real.npy", "--fake", "row.npy"), ("row.npy: one row is too few",)),
        (("--real", "real.csv", "--fake", "other.csv", "--labels", "kind"), ("lacks 'y'", "adds 'z'")),
        (("--real", "real.csv", "--fake", "bare.csv", "--given", "kind"), ("bare.csv: --given: no column 'kind'",)),
        (("--real", "real.csv", "--fake", "bare.csv", "--given", "kind,z"), ("real.csv: --given: no column 'z'",)),
        (("--real", "real.csv", "--fake", "coded.csv", "--given", "kind"), ("column 'kind' holds text in --real",)),
        (("--real", "real.csv", "--fake", "fake.csv", "--given", "x,y,kind"), ("no column is left",)),
    ],
)
def test_mistakes_are_one_line(
    files: Path, arguments: tuple[str, ...], parts: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = np.load("real.npy")
    np.save("wide.npy", rows[:, [0, 0, 1]])
    np.save("nan.npy", np.where(rows == rows.max(), np.nan, rows))
    np.save("row.npy", rows[:1])
    Path("other.csv").write_text(Path("fake.csv").read_text().replace("x,y,", "x,z,", 1))
    lines = Path("fake.csv").read_text().splitlines()
    Path("bare.csv").write_text("\n".join(line.rpartition(",")[0] for line in lines))
    Path("coded.csv").write_text("\n".join([lines[0], *(line[:-1] + "1" for line in lines[1:])]))
    said = refusal(capsys, *arguments)
    for part in parts:
        assert part in said


def library(case: str, metric: str, *names: str) -> float:
    lines = (DATA / "values.jsonl").read_text().splitlines()
    found = {(r["case"], r["pair"], r["metric"], r["library"]): r["value"] for r in map(json.loads, lines)}
    value: float = next(found[k] for name in names if (k := (case, "real-fake", metric, name)) in found)
    return value


@pytest.mark.parametrize("case", ["c01_gauss1d", "c04_ring8_drop3", "c06_gauss16_shift"])
def test_raw_scores_agree_with_other_libraries(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = DATA / "cases" / f"{case}.npz"
    chosen = "energy,energy_v,frechet,kid,mmd,w1,w2,density,coverage,precision,recall"
    found = scores(capsys, "--real", f"{path}:real", "--fake", f"{path}:fake", "--space", "raw", "--metrics", chosen)
    expected = {
        "energy": ("energy_u", "dcor"), "energy_v": ("energy_v", "dcor"), "frechet": ("frechet", "torch-fidelity"),
        "kid": ("mmd2_poly3_unbiased", "jetnet"), "mmd": ("mmd2_rbf_unbiased", "sbibm"),
        "w1": ("w1_exact", "scipy", "POT"), "w2": ("w2_exact", "scipy", "POT"),
    }  # fmt: skip
    for name, (metric, *names) in expected.items():
        assert found[name]["value"] == pytest.approx(library(case, metric, *names), rel=1e-7), name
    prdc: Any = library(case, "prdc_k5", "prdc")
    for name, value in prdc.items():
        assert found[name]["value"] == pytest.approx(value, abs=1e-9), name


def test_torch_stays_out(files: Path) -> None:
    program = (
        "import sys; from genbench.cli.main import main; code = main(sys.argv[1:]); "
        "assert 'torch' not in sys.modules; sys.exit(code)"
    )
    given = ["score", "--real", "real.npy", "--fake", "fake.npy", "--metrics", "energy,w2,coverage,frechet"]
    done = subprocess.run([sys.executable, "-c", program, *given], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
