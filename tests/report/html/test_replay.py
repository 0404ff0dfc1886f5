"""The command that repeats a cell."""

import json
import shlex

from synthetic import seeds

from genbench.cli.main import main
from genbench.report.html.replay import command_of
from genbench.table.results import load


def test_the_command_of_a_cell_is_that_cell(real_run, capsys) -> None:
    about = json.loads((real_run / "run" / "run.json").read_text())
    for each in load(real_run / "run").records:
        words = shlex.split(command_of(each, about))
        words[words.index("--plugin") + 1] = str(real_run / "dots.py")
        assert words[:2] == ["genbench", "run"]
        assert main([*words[1:], "--dry-run", "--json"]) == 0
        planned = json.loads(capsys.readouterr().out)["cells"]
        assert each["key"] in {cell["key"] for cell in planned}
        assert len(planned) <= 2  # it, and the floor


def test_a_command_is_safe_to_paste() -> None:
    (each,) = seeds("vae", [1.0], label="x; rm -rf ~ `id` $(id)\n'\"")
    words = shlex.split(command_of(each, {"request": {"preset": "$(id)", "metrics": "`id`"}}))
    assert any("rm -rf" in word for word in words)
    assert "rm" not in words
