"""Errors: exit codes, close matches, and a message whatever an exception does."""

from __future__ import annotations

import pickle

import pytest

from genbench import errors
from genbench.errors import CellError, Diverged, GenbenchError, Invalid, UnknownName, UserError, describe, suggestion
from genbench.record.status import Status


def test_each_error_has_an_exit_code_of_its_kind() -> None:
    kinds = [getattr(errors, name) for name in errors.__all__ if isinstance(getattr(errors, name), type)]
    codes = {kind.__name__: kind.exit_code for kind in kinds}
    assert codes == {
        "GenbenchError": 1, "UserError": 2, "UnknownName": 2, "ConfigError": 2, "DataError": 2, "PluginError": 3,
        "CellError": 3, "Diverged": 3, "Invalid": 3, "Unsuitable": 3, "Damaged": 3, "Regression": 4, "Inconclusive": 5,
    }  # fmt: skip
    assert all(issubclass(kind, GenbenchError) for kind in kinds)


def test_the_error_of_a_cell_carries_a_status_of_records() -> None:
    assert [Status(kind.status) for kind in (CellError, Diverged, Invalid, errors.Unsuitable)] == [
        "failed", "diverged", "invalid", "skipped"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("vea", ["vae", "gan"], ", did you mean 'vae'?"),
        ("VAE", ["vae", "gan"], ", did you mean 'vae'?"),
        ("zzz", ["vae", "gan"], ""),
        ("vae", [], ""),
    ],
)
def test_a_close_name_is_suggested(name: str, known: list[str], hint: str) -> None:
    assert suggestion(name, known) == hint


def test_an_unknown_name_lists_what_there_is_and_survives_a_pipe() -> None:
    assert str(UnknownName("model", "vea", ["vae"])) == "no model named 'vea', did you mean 'vae'?"
    assert str(UnknownName("model", "zzz", ["b", "a"])) == "no model named 'zzz'; known: a, b"
    assert str(UnknownName("model", "zzz", [])) == "no model named 'zzz'; none is installed"
    again = pickle.loads(pickle.dumps(UnknownName("model", "vea", ["vae"])))
    assert (str(again), again.known) == ("no model named 'vea', did you mean 'vae'?", ["vae"])


def test_any_exception_is_described() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError

    assert describe(UserError("no")) == "UserError: no"
    assert describe(KeyError()) == "KeyError"
    assert describe(Mute()) == "Mute: (its message cannot be shown)"
