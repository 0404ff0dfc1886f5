"""``genbench list``, ``show`` and ``plugins``: what is installed, in words, columns and JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from genbench.cli import output
from genbench.cli.main import main

SOURCE = """
from dataclasses import dataclass
from typing import Literal
from genbench import DatasetSpec, MetricSpec, ModelSpec, hookimpl

@dataclass(frozen=True)
class Config:
    latent: int = 2  # dimensions of the code
    sampler: Literal["ddim", "ancestral"] = "ddim"  # \\x1b[31mhow\\x1b[0m [red]it[/red] samples
    hidden: tuple[int, ...] = (128, 64)  # units of each layer
    limit: float | None = None  # of what

@hookimpl
def genbench_register():
    return [
        ModelSpec("mine", "heavy:M", Config, "a \\x1b[31mloud\\x1b[0m [bold]model[/bold]\\nof two lines",
                  density="bound", steps={"vector": 10, "image": 20}, paper="A. Author 2020"),
        DatasetSpec("mine", "heavy:D", None, "a dataset", rows=7, density=True, licence="CC0"),
        MetricSpec("mine_score", "heavy:s", None, "a metric", unit="nats", needs=("samples", "modes")),
    ]
"""


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    path = tmp_path / "mine.py"
    path.write_text(SOURCE.replace("\\x1b[31mhow\\x1b[0m", "\x1b[31mhow\x1b[0m"))
    return f"--plugin={path}"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    return out


def parsed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    found = json.loads(printed(capsys, *arguments, "--json"))
    assert isinstance(found, list)
    return found


def test_list_has_a_line_for_each(plugin: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "list", plugin).splitlines()
    [model, dataset] = [line.split("  ") for line in lines if line.startswith("mine ")]
    assert "a [31mloud[0m [bold]model[/bold] of two lines" in model
    assert {"7", "density", "a dataset"} <= {cell.strip() for cell in dataset}
    assert [line for line in lines if line in ("models", "datasets", "metrics")] == ["models", "datasets", "metrics"]


@pytest.mark.parametrize(("kind", "name"), [("models", "mine"), ("datasets", "mine"), ("metrics", "mine_score")])
def test_list_of_one_kind(plugin: str, kind: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = parsed(capsys, "list", kind, plugin)
    assert {fact["kind"] for fact in found} == {kind.removesuffix("s")}
    assert name in {fact["name"] for fact in found}


def test_list_tells_of_broken_plugins_on_stderr(install, capsys: pytest.CaptureFixture[str]) -> None:
    install("genbench-bad", "1 / 0")
    assert main(["list", "--json"]) == 0
    out, err = capsys.readouterr()
    json.loads(out)
    assert "genbench: plugin 'bad' (genbench-bad 1.0) is broken: ZeroDivisionError: division by zero\n" in err


def test_show_tells_options_with_type_default_and_meaning(plugin: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "show", "model:mine", plugin)
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "density bound" in lines
    assert "paper A. Author 2020" in lines
    assert "training 10 steps on vector data, 20 steps on image data" in lines
    assert "provided by mine (plugin mine)" in lines
    assert "latent int 2 dimensions of the code" in lines
    assert "sampler 'ddim' | 'ancestral' ddim [31mhow[0m [red]it[/red] samples" in lines
    assert "hidden int, ... (128, 64) units of each layer" in lines
    assert "limit float | none none of what" in lines


def test_show_of_a_name_of_two_kinds_shows_both(plugin: str, capsys: pytest.CaptureFixture[str]) -> None:
    model, dataset = parsed(capsys, "show", "mine", plugin)
    assert [model["kind"], dataset["kind"]] == ["model", "dataset"]
    assert [option["name"] for option in model["options"]] == ["latent", "sampler", "hidden", "limit"]
    assert model["options"][2]["default"] == [128, 64]
    assert dataset["licence"] == "CC0"
    out = printed(capsys, "show", "mine", plugin)
    assert "no options" in out


def test_show_works_for_everything_that_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"{fact['kind']}:{fact['name']}" for fact in parsed(capsys, "list")]
    assert names
    for name in names:
        assert printed(capsys, "show", name)
        [fact] = parsed(capsys, "show", name)
        assert all(option["meaning"] for option in fact["options"]), f"{name}: an option without a meaning"


def test_plugins_tells_what_each_provides_and_costs(plugin: str, capsys: pytest.CaptureFixture[str]) -> None:
    [row] = [row for row in parsed(capsys, "plugins", plugin) if row["name"] == "mine"]
    assert row["provides"] == ["model mine", "dataset mine", "metric mine_score"]
    assert row["status"] == "ok"
    assert row["seconds"] > 0
    out = printed(capsys, "plugins", plugin)
    assert "model mine; dataset mine; metric mine_score" in out


def test_plugins_tells_what_is_broken_and_why(install, capsys: pytest.CaptureFixture[str]) -> None:
    install("genbench-bad", "import \\\n  no_such_thing")
    install("genbench-old", "", requires=("genbench>=90",))
    out = printed(capsys, "plugins")
    assert "plugin 'bad' (genbench-bad 1.0) is broken: ModuleNotFoundError: No module named 'no_such_thing'" in out
    assert "plugin 'old' (genbench-old 1.0) needs genbench>=90" in out
    assert "Traceback" not in out
    assert "Traceback" in printed(capsys, "plugins", "bad")
    [row] = parsed(capsys, "plugins", "bad")
    assert row["status"] == "broken"
    assert "no_such_thing" in row["traceback"]


def test_plugins_names_what_is_blocked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("GENBENCH_BLOCK", "toys")
    assert "plugin 'toys' (genbench" in printed(capsys, "plugins", "toys")
    assert "is blocked by GENBENCH_BLOCK" in printed(capsys, "plugins", "toys")
    assert main(["plugins", "tosy"]) == 2
    assert "did you mean 'toys'?" in capsys.readouterr().err


def test_in_a_terminal_tables_are_drawn_and_foreign_text_stays_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    output.print_table(("name", "what"), [("a", "[red]not red[/red] \x1b[31m"), ("b", None)], "things")
    out = capsys.readouterr().out
    assert "[red]not red[/red] [31m" in out
    assert "things" in out
    assert "─" in out
