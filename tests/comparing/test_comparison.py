"""A comparison: its order, summary and exit code."""

import pytest

from genbench.comparing import Comparison, Verdict
from genbench.errors import Inconclusive, Regression


def verdicts(*names):
    return Comparison(tuple(Verdict(f"cell {i}", "energy", name) for i, name in enumerate(names)))


def test_exit_codes():
    assert verdicts("unchanged", "improved", "new").exit_code(strict=True) == 0
    assert verdicts("unchanged", "inconclusive").exit_code() == 0
    assert verdicts("unchanged", "inconclusive").exit_code(strict=True) == 5
    assert verdicts("unchanged", "missing").exit_code(strict=True) == 5
    assert verdicts("not comparable").exit_code(strict=True) == 5  # nothing was decided: that is no pass
    assert verdicts("inconclusive", "regressed").exit_code(strict=True) == 4
    verdicts("inconclusive").check()
    with pytest.raises(Inconclusive):
        verdicts("inconclusive").check(strict=True)
    with pytest.raises(Regression, match="cell 1, energy"):
        verdicts("unchanged", "regressed").check()


def test_the_worst_comes_first_and_the_summary_names_it():
    found = verdicts("unchanged", "improved", "regressed", "inconclusive")
    assert [each.verdict for each in found.verdicts] == ["regressed", "inconclusive", "improved", "unchanged"]
    assert found.summary.startswith("Regressed: cell 2, energy")
    assert list(found.to_frame()["verdict"]) == [each.verdict for each in found.verdicts]
