"""``genbench show``: options with type, default and meaning."""

from __future__ import annotations

from pathlib import Path

import pytest
from listed_plugins import SOURCE, parsed, printed


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    path = tmp_path / "mine.py"
    path.write_text(SOURCE.replace("\\x1b[31mhow\\x1b[0m", "\x1b[31mhow\x1b[0m"))
    return f"--plugin={path}"


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
