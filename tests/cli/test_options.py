"""Options that several commands share: sizes, formats, folders, completions."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from genbench.cli.options import Size, check_folder, choose_format, complete, given_data_options, run_names
from genbench.errors import UserError

FORMATS = ("rich", "markdown", "json")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("500000", 500_000), ("500MB", 500 * 10**6), ("500 mb", 500 * 10**6), ("4GiB", 4 * 2**30), ("1.5k", 1500),
        ("2Mi", 2 * 2**20), (7, 7),
    ],
)  # fmt: skip
def test_a_size_is_a_number_with_a_unit(text: object, size: int) -> None:
    assert Size().convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "MB", "-5", "5 bananas", "5TB", "1e6"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected a size, as 500MB or 4GiB"):
        Size().convert(text, None, None)


def test_only_options_that_were_given_are_passed_on() -> None:
    assert given_data_options({"log": "a", "columns": None, "jobs": 3}) == {"log": "a"}


@pytest.mark.parametrize(
    ("form", "output", "chosen"),
    [
        (None, None, "rich"),
        ("json", None, "json"),
        (None, "x.md", "markdown"),
        (None, "x.json", "json"),
        ("rich", "x.json", "rich"),
        (None, "x.csv", "rich"),  # a format that this command has not
        (None, "x", "rich"),
    ],
)
def test_the_suffix_of_a_file_is_its_format(form: str | None, output: str | None, chosen: str, tmp_path: Path) -> None:
    assert choose_format(form, tmp_path / output if output else None, FORMATS) == chosen


def test_a_file_needs_a_folder(tmp_path: Path) -> None:
    check_folder(None)
    check_folder(tmp_path / "x.json")
    for call in (check_folder, lambda file: choose_format("rich", file, FORMATS)):
        with pytest.raises(UserError, match="there is no folder"):
            call(tmp_path / "absent" / "x.json")


def test_the_last_of_several_names_is_completed() -> None:
    items = complete("model")(None, None, "kde,va")  # type: ignore[arg-type]
    assert "kde,vae" in [item.value for item in items]
    assert all(item.value.startswith("kde,va") for item in items)
    assert all(item.help for item in items)
    both = {item.value for item in complete("model", "dataset")(None, None, "gaussian")}  # type: ignore[arg-type]
    assert {"gaussian", "gaussian_ring"} <= both
    assert complete("metric")(None, None, "vae") == []  # type: ignore[arg-type]


def test_runs_shown_together_have_different_names(tmp_path: Path) -> None:
    for name in ("a", "b", "c/a"):
        (tmp_path / name).mkdir(parents=True)
    assert run_names([tmp_path / "a", tmp_path / "b" / ".." / "b"]) == ["a", "b"]
    with pytest.raises(UserError, match="two of these runs are called 'a'"):
        run_names([tmp_path / "a", tmp_path / "c" / "a"])
