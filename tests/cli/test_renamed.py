"""Options that were renamed work by their old spelling, which --help does not show."""

from __future__ import annotations

import click
import pytest

from genbench import deprecated
from genbench.cli.main import main
from genbench.cli.options import out_option
from genbench.cli.renamed import RenamedOption


@pytest.fixture(autouse=True)
def _never_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deprecated, "_warned", set())


@click.command()
@out_option("The file.", default="a.txt")
def command(output: object) -> None:
    click.echo(output)


def call(*args: str) -> None:
    command.main(list(args), standalone_mode=False)


@pytest.mark.parametrize("given", ["-o", "--out"])
def test_the_new_spellings_print_no_note(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    call(given, "b.txt")
    assert capsys.readouterr() == ("b.txt\n", "")
    call()
    assert capsys.readouterr() == ("a.txt\n", "")


@pytest.mark.parametrize("given", [("--output", "b.txt"), ("--output=b.txt",)])
def test_the_old_one_works_with_a_note_once(given: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    call(*given)
    note = "genbench: --output is deprecated, use -o or --out: genbench 0.3 removes it\n"
    assert capsys.readouterr() == ("b.txt\n", note)
    call(*given)
    assert capsys.readouterr() == ("b.txt\n", "")


def test_both_are_refused_and_help_shows_the_new_one() -> None:
    with pytest.raises(click.UsageError, match="--output is the old name of --out: give one of them"):
        call("-o", "a", "--output", "b")
    assert "--output" not in command.get_help(click.Context(command))


def test_each_renamed_option_is_in_the_table_of_old_names() -> None:
    from genbench.cli.main import COMMANDS, group

    found = {
        option.key
        for name in COMMANDS
        for option in (group.get_command(click.Context(group), name) or command).params
        if isinstance(option, RenamedOption)
    }
    assert found == {name for name in deprecated.DEPRECATED if "--" in name} - {"validate --format"}


def test_validate_took_a_format(capsys: pytest.CaptureFixture[str], tmp_path) -> None:
    (tmp_path / "run.json").write_text("{}")
    main(["validate", str(tmp_path), "--format", "json"])
    out, err = capsys.readouterr()
    assert out.startswith("{")
    assert "validate --format is deprecated, use --json" in err
    main(["validate", str(tmp_path), "--json"])
    assert capsys.readouterr() == (out, "")
