"""Audits of metrics whose power is known: what is seen, from which size on, who is blind, who sees all together."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import genbench
from genbench.auditing.faults import FAULTS
from genbench.auditing.findings import DETECTION_Z, FULL_CLAIM_SAMPLES, Finding
from genbench.auditing.measure import SharedReal
from genbench.auditing.result import FORMATS, Audit
from genbench.auditing.set_cover import smallest_cover
from genbench.auditing.workspace import Workspace
from genbench.errors import DataError, UnknownName, UserError
from genbench.protocol import Array, Column, Data
from genbench.training.standardise import transform_of

METRICS = '''
"""Metrics whose power is known, and some that go wrong."""

import numpy as np

from genbench import MetricSpec, hookimpl
from genbench.protocol import Score


def mean(evidence):
    return Score(float(evidence.fake[:, 0].mean()))


def copied(evidence):
    known = set(map(bytes, np.ascontiguousarray(evidence.train)))
    return Score(sum(bytes(row) in known for row in np.ascontiguousarray(evidence.fake)) / len(evidence.fake))


def blind(evidence):
    return Score(float(evidence.rng(str(evidence.fake[0])).normal()))


def far(evidence):
    return Score(float(np.median(evidence.fake[:, 0])))


def shy(evidence):
    if np.abs(evidence.fake).max() > 8:
        return Score(None, warnings=("too far for me",))
    return Score(float(evidence.fake.std()))


def broken(evidence):
    raise ValueError("no such luck")


def likes_far(evidence):
    return Score(float(np.abs(evidence.fake).max()))


@hookimpl
def genbench_register():
    return [
        MetricSpec("t_mean", mean, None, "mean of the first column", ranked=False, detects=("shift",)),
        MetricSpec("t_copied", copied, None, "share of copies", needs=("samples", "train"), detects=("exact_copies",)),
        MetricSpec("t_blind", blind, None, "a random number", detects=("shift", "outliers")),
        MetricSpec("t_far", far, None, "the median", ranked=False, detects=("shift", "quantisation")),
        MetricSpec("t_shy", shy, None, "the width, of rows that are near", detects=("outliers",)),
        MetricSpec("t_broken", broken, None, "raises", detects=("shift",)),
        MetricSpec("t_likes_far", likes_far, None, "the farthest number", better="higher"),
    ]
'''


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "seers.py"
    path.write_text(METRICS)
    return path


def normal(n: int, d: int = 1, seed: int = 0) -> Array:
    rows: Array = np.random.default_rng(seed).standard_normal((n, d))
    return rows


def audit(plugin: Path, real: Array, metrics: str, faults: str = "shift", **given: Any) -> Audit:
    return genbench.audit(real=real, metrics=metrics, faults=faults, plugins=plugin, **given)


# ------------------------------------------------------------------------------------------------------------ z, sizes


@pytest.mark.parametrize("n", [100, 900])
def test_the_mean_sees_a_shift_as_theory_says(plugin: Path, n: int) -> None:
    found = audit(plugin, normal(30 * n), "t_mean", rows=n).of("shift", "t_mean")
    assert found.floor_sd == pytest.approx(1 / math.sqrt(n), rel=0.45)  # 19 degrees of freedom: 16 % is one sigma
    assert found.z is not None
    assert abs(found.z) == pytest.approx(FAULTS["shift"].size / found.floor_sd, rel=0.05)
    assert found.smallest == pytest.approx(5 * found.floor_sd, rel=0.05), "z grows with the size, so 5 is at five sigma"
    assert found.detected == (abs(found.z) >= 5)
    assert not found.flattered, "a metric that is not ranked has no better side"


def test_the_spread_of_a_small_pool_is_that_of_the_law(plugin: Path) -> None:
    spreads = [
        audit(plugin, normal(400, seed=seed), "t_mean", rows=100, seed=seed).of("shift", "t_mean").floor_sd or 0.0
        for seed in range(8)
    ]
    assert np.mean(spreads) == pytest.approx(0.1, rel=0.2), "half of the pool is drawn: uncorrected it would be 0.07"


def test_copies_are_of_the_training_rows_of_the_evidence(plugin: Path) -> None:
    found = audit(plugin, normal(4000, 2), "t_copied", "exact_copies,near_copies,shift", rows=200)
    exact = found.of("exact_copies", "t_copied")
    assert exact.value == pytest.approx(FAULTS["exact_copies"].size)
    assert exact.floor == 0
    assert exact.z is None, "real data have no copies at all"
    assert exact.detected
    assert "no spread" in exact.warnings[0]
    assert exact.smallest == 1 / 200
    for fault in ("near_copies", "shift"):
        assert not found.of(fault, "t_copied").detected
    assert found.unseen == ("shift", "near_copies")


def test_better_than_real_is_told(plugin: Path) -> None:
    found = audit(plugin, normal(8000), "t_likes_far", "outliers", rows=200).of("outliers", "t_likes_far")
    assert found.detected
    assert found.flattered


def test_a_metric_without_a_value_sees_nothing_and_says_why(plugin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = audit(plugin, normal(4000), "t_shy,t_broken,t_mean", "outliers,shift", rows=200)
    shy = found.of("outliers", "t_shy")
    assert shy.z is shy.value is shy.smallest is None
    assert shy.warnings == ("too far for me",)
    assert shy.missed
    assert found.of("shift", "t_shy").z is not None
    broken = found.of("shift", "t_broken")
    assert "no such luck" in broken.warnings[0]
    assert broken.missed
    assert capsys.readouterr().err.count("Traceback") == 1, "what fails on real data is not asked again"


# ----------------------------------------------------------------------------------------------------------- advertised


def test_a_blind_metric_is_told_and_one_that_needs_a_larger_fault_is_not(plugin: Path) -> None:
    found = audit(plugin, normal(4000), "t_blind,t_far,t_mean", "shift,outliers,quantisation", rows=100)
    missed = {(each.metric, each.fault) for each in found.missed}
    assert ("t_blind", "shift") in missed
    assert ("t_blind", "outliers") in missed
    assert ("t_far", "shift") not in missed
    assert not found.of("shift", "t_far").detected, "at its usual size it is too small for the median of 100 rows"
    assert found.of("shift", "t_far").smallest is not None
    assert not any(metric == "t_mean" for metric, _ in missed)
    told = [line for line in found.verdicts() if "'t_blind' advertises shift and misses it" in line]
    assert len(told) == 1


@pytest.mark.parametrize(("n", "held_to"), [(64, 2.0), (100, 2.5), (400, 5.0), (900, 5.0)])
def test_of_few_samples_a_metric_is_held_to_less(n: int, held_to: float) -> None:
    required = DETECTION_Z * math.sqrt(min(1.0, n / FULL_CLAIM_SAMPLES))
    assert required == pytest.approx(held_to)
    given = {"size": 0.3, "z": 0.4, "detected": False, "smallest": None, "value": 1.0, "floor": 1.0, "floor_sd": 1.0}
    for strongest, missed in ((held_to + 0.1, False), (held_to - 0.1, True), (None, True)):
        finding = Finding(
            "shift", "m", **given, better="lower", advertised=True, flattered=False, strongest=strongest,
            required=required,
        )  # fmt: skip
        assert finding.missed == missed
        assert not replace(finding, advertised=False).missed


def test_what_few_rows_cannot_show_is_nobodys_fault() -> None:
    rng = np.random.default_rng(12)
    modes = np.array([[0, 0], [3, 1], [-2, 3]])[rng.integers(0, 3, 240)]
    rows = modes + rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 0.8]], 240)
    found = genbench.audit(real=rows, metrics="precision", faults="lost_correlation")
    [finding] = found.findings
    assert (found.n, finding.advertised, finding.detected, finding.smallest) == (60, True, False, None)
    assert found.missed == ()


def test_what_these_data_cannot_have_is_left_out_and_missed_by_nobody(plugin: Path) -> None:
    found = audit(plugin, normal(4000, 2), "t_mean", "lost_correlation,shift", rows=100)
    assert [fault.fault for fault in found.injected] == ["shift"]
    assert any("lost_correlation: the columns are independent" in line for line in found.verdicts())
    with pytest.raises(KeyError):
        found.of("lost_correlation", "t_mean")


@pytest.mark.parametrize("field", ["shfit", ("shift", "noise")])
def test_only_known_faults_can_be_advertised(field: Any) -> None:
    with pytest.raises(ValueError, match="detects must be a tuple of some of"):
        genbench.MetricSpec("m", lambda _: None, None, "a metric", detects=field)


# ------------------------------------------------------------------------------------------------------------- together


def test_the_smallest_set_beats_the_greedy_one() -> None:
    strengths = {
        "large": dict.fromkeys("abcd", 9.0),  # greedy begins here, and then needs two more
        "left": dict.fromkeys("abe", 6.0),
        "right": dict.fromkeys("cdf", 6.0),
    }
    assert smallest_cover(strengths) == ("left", "right")


def test_of_equal_sets_the_strongest_is_taken() -> None:
    strengths = {"weak": {"a": 5.1, "b": 99.0}, "strong": {"a": 8.0, "b": 8.0}, "blind": {}}
    assert smallest_cover(strengths) == ("strong",)
    assert smallest_cover({"blind": {}}) == ()
    many = {f"m{i}": {str(i): 6.0} for i in range(12)}
    assert smallest_cover(many) == tuple(many)


def test_verdicts_name_the_set_and_what_nobody_sees(plugin: Path) -> None:
    found = audit(plugin, normal(8000), "t_copied,t_mean,t_far", "exact_copies,shift,quantisation", rows=800)
    assert found.together == ("t_copied", "t_mean")
    first, second, *_ = found.verdicts()
    assert first == "Together t_copied, t_mean see 2 of 3 faults at n = 800; no fewer metrics do."
    assert second.startswith("No metric sees quantisation, 0.1 standard deviations, at n = 800; ")


# ------------------------------------------------------------------------------------------------------------ real side


def test_the_real_side_is_computed_once_and_samples_are_forgotten() -> None:
    real, computed = SharedReal(normal(5)), []

    def ask(key: object) -> None:
        real.once(key, lambda: computed.append(key))

    for number in range(6):
        for key in ("radii", ("held", number), ("held", number)):
            ask(key)
        real.next_sample()
    assert computed.count("radii") == 1
    assert computed.count(("held", 3)) == 1
    assert len(real._found) == 1, "what belongs to one sample goes with it"


@pytest.mark.parametrize("levels", [None, 16, 1000])
def test_images_go_there_and_back(levels: int | None) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(levels, size=(50, 1, 4, 4)) if levels else rng.random((50, 1, 4, 4))
    images = pixels.astype(np.uint8) if levels == 16 else pixels
    work = Workspace(transform_of(Data(images, images, images, levels=levels)), images.shape[1:])
    back = work.to_data(work.from_data(images))
    assert back.shape == images.shape
    assert np.allclose(back, images, atol=0 if levels else 1e-12)
    if levels:
        moved = work.to_data(work.from_data(images) + 0.3)
        assert moved.dtype.kind in "ui"
        assert moved.max() == levels - 1


def test_tables_go_there_and_back_and_stay_finite() -> None:
    rng = np.random.default_rng(0)
    rows = np.stack([rng.normal(5, 3, 200), np.exp(rng.normal(3, 2, 200)), rng.random(200) * 360], 1)
    columns = (Column("x"), Column("pt", log=True), Column("phi", period=360.0))
    work = Workspace(transform_of(Data(rows, rows, rows, columns=columns)), (3,))
    once = work.to_data(work.from_data(rows))
    assert np.allclose(work.space.to_scores(once), work.space.to_scores(rows), atol=1e-5)
    again = work.from_data(once)
    assert (again == work.from_data(work.to_data(again))).mean() > 0.99, "single precision is kept"
    assert np.isfinite(work.space.to_scores(work.to_data(1e6 * work.from_data(rows)))).all()


def test_images_are_audited(plugin: Path) -> None:
    images = np.random.default_rng(0).integers(17, size=(800, 1, 4, 4)).astype(np.uint8)
    found = audit(plugin, images, "t_mean,t_copied", "shift,exact_copies,dropped_modes", rows=100)
    assert found.space == "pixels"
    assert found.of("exact_copies", "t_copied").detected


# ------------------------------------------------------------------------------------------------- same seed, same bits


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


# -------------------------------------------------------------------------------------------------------------- formats


@pytest.fixture
def found(plugin: Path) -> Audit:
    return audit(plugin, normal(4000, 2), "t_mean,t_blind,t_copied", "shift,exact_copies,lost_correlation", rows=200)


def test_json_holds_everything(found: Audit) -> None:
    told = json.loads(found.render("json"))
    assert {"data", "n", "space", "modes", "seed", "threshold", "metrics", "faults", "together", "unseen"} <= set(told)
    assert len(told["findings"]) == 6
    fields = {"fault", "size", "metric", "z", "detected", "smallest", "n", "value", "floor", "floor_sd", "better"}
    for finding in told["findings"]:
        assert fields <= set(finding)
        for name in ("z", "smallest"):
            assert finding[name] is not None or finding["warnings"], f"{name} is null without a reason"
    assert told["faults"][0]["left_out"] == ""
    assert "independent" in next(f["left_out"] for f in told["faults"] if f["fault"] == "lost_correlation")
    assert told["missed"] == [line for line in found.verdicts() if "advertises" in line]


def test_csv_is_the_frame(found: Audit, tmp_path: Path) -> None:
    path = tmp_path / "audit.csv"
    path.write_text(found.render("csv"))
    read, frame = pd.read_csv(path), found.frame()
    assert list(read) == list(frame)
    assert len(frame) == 6
    assert np.allclose(read["z"], frame["z"].astype(float), equal_nan=True)


@pytest.mark.parametrize("width", [60, 100, 300])
def test_the_terminal_shows_marks_without_colour(found: Audit, width: int) -> None:
    text = found.render("rich", width)
    assert max(map(len, text.splitlines())) <= width
    assert "✗" in text
    assert "✓" in text
    assert "∞" in text
    flat = " ".join(text.split())
    assert "'t_blind' advertises shift and misses it" in flat
    for metric in found.metrics:
        assert text.count(metric) >= 2


def test_markdown_tables_are_regular(found: Audit) -> None:
    lines = [line for line in found.render("markdown").splitlines() if line.startswith("|")]
    assert len(lines) == 2 * (2 + 2)
    assert len({line.count("|") for line in lines}) == 1


def test_a_notebook_shows_tables(found: Audit) -> None:
    assert found._repr_html_().count("<table>") == found._repr_html_().count("</table>") == 2
    assert "<script" not in replace(found, data="<script>")._repr_html_()


def test_formats_are_named(found: Audit) -> None:
    assert all(found.render(form) for form in FORMATS)
    with pytest.raises(ValueError, match="format must be one of rich, markdown, json, csv, got 'latex'"):
        found.render("latex")


# ------------------------------------------------------------------------------------------------------------- mistakes


def test_mistakes(plugin: Path) -> None:
    rows = normal(1000, 2)
    for given, error, said in (
        ({}, UserError, "name the data"),
        ({"real": rows, "dataset": "ring"}, UserError, "name the data"),
        ({"real": rows, "metrics": "t_maen"}, UnknownName, "did you mean 't_mean'"),
        ({"real": rows, "faults": "shfit"}, UnknownName, "no fault named 'shfit', did you mean 'shift'"),
        ({"real": rows, "rows": 300}, UserError, "--rows 300: an audit takes 4 times as many, and real has 1000"),
        ({"real": rows, "rows": 10}, UserError, "--rows 10: expected at least 50"),
        ({"real": rows, "modes": 0}, UserError, "--modes 0"),
        ({"real": rows[:100]}, DataError, "100 distinct rows are too few"),
        ({"real": np.full((1000, 2), np.nan)}, DataError, "real"),
        ({"real": rows, "metrics": "nll"}, UserError, "nll needs density of a model"),
        ({"real": rows, "metrics": "modes"}, UserError, "needs modes"),
        ({"dataset": "rign"}, UnknownName, "did you mean 'ring'"),
        ({"dataset": "ring,grid"}, UserError, "one dataset, got 2"),
        ({"dataset": "ring", "data_options": {"log": "x"}}, UserError, "--log describes a file"),
        ({"real": rows, "settings": {"mmd.bnd": 1}}, UserError, "has no option 'bnd'"),
    ):  # fmt: skip
        with pytest.raises(error, match=said):
            genbench.audit(**{"metrics": "t_mean"} | given, plugins=plugin)  # type: ignore[arg-type]


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
