"""A plugin with text that would move a terminal, and what the commands print of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

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


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    return out


def parsed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    found = json.loads(printed(capsys, *arguments, "--json"))
    assert isinstance(found, list)
    return found
