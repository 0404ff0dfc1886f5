"""Old names warn once, with the version that removes them, and do what the new ones do."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from types import ModuleType

import pytest
from packaging.version import Version

import genbench
from genbench import deprecated, text
from genbench.deprecated import DEPRECATED, find_attribute, rename_options, warn

TABLE = {
    "genbench.old.one_line": ("genbench.text.plain", "99.0"),
    "old_function(size)": ("old_function(rows)", "99.0"),
}


@pytest.fixture(autouse=True)
def _never_warned(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(deprecated, "_warned", set())
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        yield


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module with an old name, as one of genbench would have it."""
    module = ModuleType("genbench.old")
    monkeypatch.setattr(
        module, "__getattr__", functools.partial(find_attribute, "genbench.old", table=TABLE), raising=False
    )
    return module


@rename_options("old_function", TABLE)
def old_function(rows: int = 1, *, scale: int = 1) -> int:
    """Return a product."""
    return rows * scale


def test_a_warning_names_old_new_version_and_the_line_that_uses_it(module: ModuleType) -> None:
    with pytest.warns(FutureWarning) as caught:
        assert module.one_line is text.plain
    [warning] = caught
    assert str(warning.message) == (
        "genbench.old.one_line is deprecated, use genbench.text.plain: genbench 99.0 removes it"
    )
    assert warning.filename == __file__


def test_a_name_warns_once_a_process(module: ModuleType) -> None:
    with pytest.warns(FutureWarning) as caught:
        assert [module.one_line for _ in range(3)] == [text.plain] * 3
    assert len(caught) == 1


def test_a_warning_that_is_raised_as_an_error_is_raised_again(module: ModuleType) -> None:
    warnings.simplefilter("error")
    for _ in range(2):
        with pytest.raises(FutureWarning, match=r"old\.one_line"):
            module.one_line  # noqa: B018


def test_a_name_that_never_was_is_an_attribute_error(module: ModuleType) -> None:
    with pytest.raises(AttributeError, match=r"module 'genbench\.old' has no attribute 'one_lime'"):
        module.one_lime  # noqa: B018


def test_an_old_option_is_passed_on_under_its_new_name() -> None:
    with pytest.warns(FutureWarning, match=r"old_function\(size\) is deprecated, use old_function\(rows\)") as caught:
        assert old_function(size=3, scale=2) == 6
    assert caught[0].filename == __file__


def test_new_options_do_not_warn() -> None:
    with warnings.catch_warnings(record=True) as caught:
        assert old_function(3, scale=2) == old_function(rows=3, scale=2) == 6
    assert caught == []
    assert old_function.__doc__ == "Return a product."


def test_an_option_under_both_names_is_refused() -> None:
    with (
        pytest.warns(FutureWarning),
        pytest.raises(TypeError, match="old_function takes 'rows' or its old name 'size', not both"),
    ):
        old_function(rows=1, size=3)


def test_warn_serves_what_is_neither_an_attribute_nor_an_option() -> None:
    with pytest.warns(FutureWarning, match="genbench run --old is deprecated"):
        assert warn("genbench run --old", {"genbench run --old": ("--new", "99.0")}, stacklevel=2) == "--new"


def test_no_version_is_released_with_a_name_that_it_removes() -> None:
    overdue = [old for old, (_, version) in DEPRECATED.items() if Version(version) <= Version(genbench.__version__)]
    assert overdue == []
