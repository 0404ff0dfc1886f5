"""Names of a package that are imported when they are first asked for."""

from __future__ import annotations

import json

import pytest

from genbench.lazy import lazy


def test_a_name_is_fetched_from_its_home_and_another_is_an_attribute_error() -> None:
    fetch = lazy("mine", {"dumps": "json"})
    assert fetch("dumps") is json.dumps
    with pytest.raises(AttributeError, match=r"^module 'mine' has no attribute 'loads'$"):
        fetch("loads")


@pytest.mark.parametrize("package", ["genbench.session", "genbench.table", "genbench.training"])
def test_packages_hand_out_what_they_list(package: str) -> None:
    import importlib

    module = importlib.import_module(package)
    for name in module.__all__:
        assert getattr(module, name).__module__.startswith(package)
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothing'"):
        module.nothing  # noqa: B018
