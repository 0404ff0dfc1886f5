"""Audits of metrics whose power is known: what is seen, from which size on, who is blind, who sees all together."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from audits import audit, normal

import genbench
from genbench.auditing.findings import DETECTION_Z, FULL_CLAIM_SAMPLES, Finding
from genbench.auditing.result import FORMATS, Audit


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


def test_verdicts_name_the_set_and_what_nobody_sees(plugin: Path) -> None:
    found = audit(plugin, normal(8000), "t_copied,t_mean,t_far", "exact_copies,shift,quantisation", rows=800)
    assert found.together == ("t_copied", "t_mean")
    first, second, *_ = found.verdicts()
    assert first == "Together t_copied, t_mean see 2 of 3 faults at n = 800; no fewer metrics do."
    assert second.startswith("No metric sees quantisation, 0.1 standard deviations, at n = 800; ")


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


def test_a_notebook_shows_tables(found: Audit) -> None:
    assert found._repr_html_().count("<table>") == found._repr_html_().count("</table>") == 2
    assert "<script" not in replace(found, data="<script>")._repr_html_()


def test_formats_are_named(found: Audit) -> None:
    assert all(found.render(form) for form in FORMATS)
    with pytest.raises(ValueError, match="format must be one of rich, markdown, json, csv, got 'latex'"):
        found.render("latex")


def test_the_last_lines_say_what_the_core_metrics_see_and_miss(plugin: Path) -> None:
    found = audit(plugin, normal(8000, 2), "t_copied,energy,w1_marginal", "shift,exact_copies,outliers", rows=400)
    assert found.core == ("energy", "w1_marginal")
    assert found.data_kind == "vector"
    lines = found.verdicts()
    [seen] = [line for line in lines if line.startswith("The core metrics energy, w1_marginal see ")]
    size = found.seen_from("shift", found.core)
    assert size is not None
    assert size < 0.3
    assert f"faults at n = 400: shift from {size:.2g}" in seen
    [missed] = [line for line in lines if line.startswith("Missed by the core: ")]
    assert "exact_copies (0.3 of the rows; no size up to 1 is seen)" in missed
    document = found.document()
    assert document["core"] == ["energy", "w1_marginal"]
    assert document["core_seen_from"]["exact_copies"] is None
    assert document["core_seen_from"]["shift"] == size


def test_without_a_core_metric_nothing_is_said_of_them(found: Audit) -> None:
    assert found.core == ()
    assert not [line for line in found.verdicts() if "core" in line]
    assert set(found.document()["core_seen_from"].values()) == {None}
