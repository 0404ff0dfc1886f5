"""``genbench completion``: scripts of shells, and what they complete."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_output import run

from genbench.cli.main import main


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "_GENBENCH_COMPLETE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "number", "expected"),
    [
        ("genbench pl", 1, "plugins"),
        ("genbench show rin", 2, "ring"),
        ("genbench run --preset sm", 3, "smoke"),
        ("genbench plot --figure cor", 3, "corner"),
    ],
)
def test_completion_completes_commands_and_names(line: str, number: int, expected: str, tmp_path: Path) -> None:
    done = run(_GENBENCH_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(number))
    assert f"plain,{expected}" in done.stdout
