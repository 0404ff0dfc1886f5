"""Verdicts: one of a few names."""

import pytest

from genbench.comparing import Verdict


def test_a_verdict_of_another_name_is_refused():
    with pytest.raises(ValueError, match="expected one of"):
        Verdict("a", "b", "fine")
