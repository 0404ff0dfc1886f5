"""Level and power of the comparison of models, in a few hundred simulated columns."""

import pytest
import ranks


@pytest.mark.parametrize(("models", "worse", "seeds"), [(2, 0, 3), (3, 0, 3), (6, 0, 3), (6, 5, 3), (6, 3, 5)])
def test_the_best_models_are_bold_and_equal_ones_are_not_told_apart(models, worse, seeds):
    found = ranks.rates(models, worse, seeds, 0.8, 0.0, repeats=300)
    assert found.any_equal_told <= 0.06 + 3 * (0.06 * 0.94 / 300) ** 0.5
    assert found.best_not_bold <= 0.06


@pytest.mark.parametrize(("models", "worse"), [(3, 1), (6, 3), (6, 5)])
def test_worse_models_are_bold_in_at_most_five_percent(models, worse):
    found = ranks.rates(models, worse, 3, 0.8, 0.0, repeats=200)
    assert found.worse_bold <= 0.05 + 2 * (0.05 * 0.95 / (200 * worse)) ** 0.5


def test_without_pairing_worse_models_would_be_bold(monkeypatch):
    """The deliberately broken subject: differences whose error forgets what the models of a seed share."""
    original = ranks.Differences.difference

    def unpaired(self, one, other):
        found = original(self, one, other)
        values = [list(self.models[name].values.values()) for name in (one, other)]
        error = sum(ranks.np.var(v, ddof=1) / len(v) for v in values) ** 0.5
        return type(found)(found.value, error, 2.0 * (len(values[0]) - 1))

    monkeypatch.setattr(ranks.Differences, "difference", unpaired)
    monkeypatch.setattr(ranks.Differences, "_pairs", None)  # one pair at a time
    assert ranks.rates(6, 3, 3, 0.8, 0.0, repeats=100).worse_bold > 0.25
