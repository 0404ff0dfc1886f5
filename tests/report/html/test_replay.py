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


def test_the_number_of_training_rows_is_in_the_command() -> None:
    sizes = {"train": 200, "test": 300, "reference": 300}
    (each,) = seeds("vae", [1.0], identity={"sizes": sizes})
    command = command_of(each, {"request": {"preset": "smoke"}})
    assert "--preset smoke --train-rows 200" in command
    (each,) = seeds("vae", [1.0], identity={"sizes": sizes | {"train": 2000}})
    assert "--train-rows" not in command_of(each, {"request": {"preset": "smoke"}})


def test_a_cell_of_a_suite_is_a_seed_of_the_suite() -> None:
    (each,) = seeds("vae", [1.0], identity={"sizes": {"train": 77, "test": 100, "reference": 100}})
    command = command_of(each, {"request": {"preset": "smoke", "suite": "tiny", "models": "vae"}})
    assert command.startswith("genbench run --suite tiny --preset smoke -m vae --first-seed 0 --seeds 1")
    assert "--budget" not in command
    assert " -d " not in command


def test_a_budget_that_depends_on_the_data_is_left_to_the_preset() -> None:
    (each,) = seeds("vae", [1.0], budget="80steps", identity={"budget": "recipe x 0.02, at most 100steps"})
    assert "--budget" not in command_of(each, {"request": {"preset": "smoke"}})
    (each,) = seeds("vae", [1.0], budget="80steps", identity={"budget": "80steps"})
    assert "--budget 80steps" in command_of(each, {"request": {"preset": "smoke"}})


def test_a_precision_other_than_fp32_is_in_the_command() -> None:
    (each,) = seeds("vae", [1.0], precision="bf16")
    assert "--precision bf16" in command_of(each, {})
    (each,) = seeds("vae", [1.0])
    assert "--precision" not in command_of(each, {})
