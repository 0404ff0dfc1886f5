"""The command line's frame: help without imports, one line for each error, exit codes by whose fault it is."""

from __future__ import annotations

import errno
import importlib
import os
import subprocess
import sys
from collections.abc import Callable

import click
import pytest
from command_output import run

from genbench import __version__, errors
from genbench.cli import main as cli
from genbench.cli.main import COMMANDS, main
from genbench.text import plain


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Put a subcommand ``try`` into the table that does what it is given."""

    def install(action: Callable[[], object]) -> None:
        monkeypatch.setattr(cli, "tried", click.Command("try", callback=action), raising=False)
        monkeypatch.setitem(COMMANDS, "try", ("genbench.cli.main:tried", "Try."))

    return install


def raising(error: BaseException) -> Callable[[], object]:
    def action() -> None:
        raise error

    return action


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_lists_every_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    out = capsys.readouterr().out
    for name in COMMANDS:
        assert f"\n  {name} " in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"genbench {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_where_the_table_says_and_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert f"Usage: genbench {name}" in capsys.readouterr().out
    module, _, attribute = COMMANDS[name][0].partition(":")
    assert getattr(importlib.import_module(module), attribute).name == name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lsit"], "there is no command 'lsit', did you mean 'list'?; try: genbench --help"),
        (["zzz"], "there is no command 'zzz'; commands: run, table"),
        (["list", "--jsn"], "no such option '--jsn'"),
        (["list", "modles"], "'modles' is not one of 'models'"),
        (["show"], "missing argument 'NAME'; try: genbench show --help"),
        (["show", "vea_vea"], "no model, dataset, metric, space or suite named 'vea_vea'"),
        (["list", "--plugin", "absent.py"], "--plugin absent.py: no such file"),
        (["completion", "tcsh"], "'tcsh' is not one of"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("genbench: ")
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UserError("wrong"), 2),
        (errors.UnknownName("model", "vea", ["vae"]), 2),
        (errors.PluginError("broken"), 3),
        (errors.CellError("failed"), 3),
        (errors.Regression("worse"), 4),
        (errors.Inconclusive("too few"), 5),
        (errors.GenbenchError("odd"), 1),
    ],
)
def test_exit_codes_are_those_of_the_errors(error: errors.GenbenchError, code: int, command, capsys) -> None:
    command(raising(error))
    assert main(["try"]) == code
    assert capsys.readouterr().err == f"genbench: {error}\n"


def test_a_plugins_fault_comes_with_its_traceback(command, capsys) -> None:
    def action() -> None:
        try:
            raise ZeroDivisionError("deep inside")
        except ZeroDivisionError as error:
            raise errors.PluginError("model 'x' of plugin 'y' (genbench-y 1.0)") from error

    command(action)
    assert main(["try"]) == 3
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "deep inside" in err
    assert err.endswith("genbench: model 'x' of plugin 'y' (genbench-y 1.0)\n")


def test_a_fault_of_genbench_shows_its_traceback_and_exits_1(command, capsys) -> None:
    command(raising(RuntimeError("surprise")))
    assert main(["try"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "genbench: internal error: RuntimeError: surprise" in err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_what_a_disk_refuses_is_one_line_and_exit_2(number: int, command, capsys) -> None:
    command(raising(OSError(number, os.strerror(number), "table.csv")))
    assert main(["try"]) == 2
    said = f"genbench: table.csv: {os.strerror(number)}; free some space, or choose another folder\n"
    assert capsys.readouterr().err == said


def test_any_other_error_of_the_system_is_a_fault_of_genbench(command, capsys) -> None:
    command(raising(OSError(errno.EBADF, "Bad file descriptor")))
    assert main(["try"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_exits_130(command, capsys) -> None:
    command(raising(KeyboardInterrupt()))
    assert main(["try"]) == 130
    assert capsys.readouterr().err.strip() == "genbench: interrupted"


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (3, 3), ("text", 0)])
def test_a_command_may_return_its_exit_code(returned: object, code: int, command) -> None:
    command(lambda: returned)
    assert main(["try"]) == code


def test_foreign_text_cannot_move_or_style_the_terminal() -> None:
    assert plain("a\x1b[31mred\x07\n\tb\u202ec\x00 [bold]d[/bold]\u200b") == "a[31mred bc [bold]d[/bold]"


def test_errors_are_stripped_too(command, capsys) -> None:
    command(raising(errors.UserError("no file '\x1b]0;title\x07evil\nsecond line'")))
    assert main(["try"]) == 2
    assert capsys.readouterr().err == "genbench: no file ']0;titleevil second line'\n"


def test_the_program_runs_as_a_module_and_ends_with_the_code() -> None:
    done = run("show", "no_such_name")
    assert done.returncode == 2
    assert done.stderr.startswith("genbench: ")
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_gets_no_traceback() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "genbench", "list", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
