"""Requirements on scores: parsed, judged with intervals, and told in one line."""

from __future__ import annotations

import pytest

from genbench.errors import UnknownName, UserError
from genbench.table.aggregate import Aggregate
from genbench.table.columns import ColumnInfo
from genbench.table.estimate import Estimate
from genbench.table.requirements import Requirement, judge, parse_requirements, sentence
from genbench.table.summary import Row, Summary


def entry(value: float, low: float, high: float) -> Aggregate:
    return Aggregate(Estimate({0: value}), interval=(low, high))


ROWS = (
    Row("ddpm", "model", (), {"c2st": entry(0.52, 0.51, 0.53), "coverage": entry(0.95, 0.93, 0.97)}),
    Row("vae", "model", (), {"c2st": entry(0.59, 0.57, 0.61), "coverage": entry(0.92, 0.91, 0.93)}),
    Row("gan", "model", (), {"c2st": entry(0.86, 0.84, 0.88), "coverage": entry(0.3, 0.2, 0.4)}),
    Row("new", "model", (), {"c2st": Aggregate(None, "no samples")}),
    Row("real", "reference", (), {"c2st": entry(0.5, 0.49, 0.51), "coverage": entry(0.97, 0.96, 0.98)}),
)
COLUMNS = (ColumnInfo("c2st", "lower"), ColumnInfo("coverage", "higher"))
SUMMARY = Summary("moons", "vector", COLUMNS, ROWS)


def test_limits_are_parsed_with_blanks_and_signs() -> None:
    found = parse_requirements("c2st<.6, coverage > 0.9,frechet@pca<=1e-2")
    assert found == [
        Requirement("c2st", False, 0.6),
        Requirement("coverage", True, 0.9),
        Requirement("frechet@pca", False, 0.01),
    ]
    assert [str(each) for each in found] == ["c2st<0.6", "coverage>0.9", "frechet@pca<0.01"]


@pytest.mark.parametrize("text", ["", "c2st", "c2st=.6", "c2st<", "<.6", "c2st<six", "c2st<nan", "c2st<.6>.5"])
def test_what_is_no_requirement_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="expected METRIC<NUMBER or METRIC>NUMBER"):
        parse_requirements(text)


def test_a_model_is_good_enough_by_its_mean_and_surely_by_its_interval() -> None:
    judged = {each.model: each for each in judge(SUMMARY, parse_requirements("c2st<.6,coverage>.9"))}
    assert list(judged) == ["ddpm", "vae", "gan", "new"]  # real rows are no model
    assert (judged["ddpm"].met, judged["ddpm"].sure) == (True, True)
    assert (judged["vae"].met, judged["vae"].sure) == (True, False)
    assert judged["gan"].failed == ("c2st 0.86", "coverage 0.3")
    assert judged["new"].failed == ("c2st: no samples", "coverage: no value")
    assert not judged["gan"].sure


def test_the_limit_itself_is_allowed() -> None:
    assert judge(SUMMARY, [Requirement("c2st", False, 0.52)])[0].met
    assert judge(SUMMARY, [Requirement("coverage", True, 0.95)])[0].met


def test_an_unknown_column_is_named_with_a_hint() -> None:
    with pytest.raises(UnknownName, match="no metric named 'covrage', did you mean 'coverage'"):
        judge(SUMMARY, [Requirement("covrage", True, 0.5)])


def test_one_line_says_who_meets_them_and_what_the_others_miss() -> None:
    requirements = parse_requirements("c2st<.6")
    line = sentence(judge(SUMMARY, requirements), requirements)
    assert line == "c2st<0.6: met by ddpm, vae (not surely); not by gan (c2st 0.86), new (c2st: no samples)"
    requirements = parse_requirements("c2st<.1")
    assert "met by no model" in sentence(judge(SUMMARY, requirements), requirements)
