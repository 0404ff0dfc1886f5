"""The command that repeats a cell."""

import json
import shlex

import pytest
from synthetic import record, seeds, write_run

from genbench.cli.main import main
from genbench.report.html.replay import command_of
from genbench.table.results import load


@pytest.fixture
def run(tmp_path):
    trained = {"trace": [[0.1, 10, {"loss": 2.0}], [0.2, 20, {"loss": 1.0}]],
               "timings": {"fit_s": 2.0, "samples_per_s": 100.0}}  # fmt: skip
    return write_run(tmp_path / "run", [
        *seeds("vae", [0.1, 0.2], **trained), *seeds("gan", [0.5, 0.7], **trained), *seeds("real", [0.0, 0.01]),
        record("kde", 0, status="failed", phase="fit", reason="boom", label="kde"),
    ])  # fmt: skip


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
