"""The ways into the checks: names, kinds, decorator, expected failures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from genbench.errors import UnknownName
from genbench.testing import conformance, subjects

HERE = Path(__file__).parent / "checks"


DATA = str(HERE / "broken_datasets.py")


def test_a_name_may_stand_for_several_specs() -> None:
    assert {subject.spec.kind for subject in subjects("gaussian")} == {"model", "dataset"}
    assert [subject.spec.kind for subject in subjects("gaussian", kind="model")] == ["model"]
    assert [subject.config.latent for subject in subjects("vae[latent=7]")] == [7]
    assert {subject.entry.key for subject in subjects("gans")} == {"gan", "wgan", "wgan_gp"}
    with pytest.raises(UnknownName, match="did you mean 'vae'"):
        subjects("vea")


def test_the_decorator_refuses_what_no_check_is_called() -> None:
    with pytest.raises(ValueError, match="no check named 'x' for a dataset"):
        conformance("dataset:sound", plugins=[DATA], expected_failures={"x": "why"})


def test_of_a_clash_each_is_checked(install: Callable[..., Path]) -> None:
    for name in ("one", "two"):
        install(
            f"genbench-{name}",
            "import genbench\n@genbench.hookimpl\ndef genbench_register():\n"
            "    return [genbench.DatasetSpec('same', 'no:Where', None, 'x')]\n",
        )
    assert [subject.entry.key for subject in subjects("same")] == ["genbench-one:same", "genbench-two:same"]
    assert [subject.entry.key for subject in subjects("genbench-two:same")] == ["genbench-two:same"]
    with pytest.raises(UnknownName, match="no metric named 'same'") as caught:
        subjects("metric:same")
    assert "same" not in caught.value.known
