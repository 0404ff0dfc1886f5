"""The README and the tutorials are true: commands and examples run, the table is that of the reference run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genbench.registry.registry import Registry

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TUTORIALS = (
    "simulator",
    "new_model",
    "continuous_integration",
    "first_steps",
    "reading_tables",
    "report",
    "anomalies",
    "replace_a_simulator",
    "dark_matter_maps",
    "models",
)  # in docs/
PAGES = "\n".join([README, *((ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in TUTORIALS)])
MAX_README_LINES = 130
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGES, re.DOTALL)
COMMANDS = list(dict.fromkeys(line for block in BLOCKS for line in block.splitlines() if line))
SETUP = [line for line in COMMANDS if line.startswith("python3 -m venv")]
GENBENCH = [line for line in COMMANDS if line.startswith("genbench ")]
SHOWN = "print(len(frame), scores[0])\n"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGES, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder: the files that the README's commands name."""
    path = tmp_path_factory.mktemp("readme")
    rng = np.random.default_rng(0)
    signal = rng.random(2000) < 0.3
    process = np.where(signal, "signal", "background")
    pt, phi = rng.lognormal(3 + signal, 0.3), rng.uniform(-3.14, 3.14, 2000)
    columns = {"pt": pt, "mass": rng.lognormal(1 + 1.5 * signal, 0.2), "phi": phi}
    pd.DataFrame({**columns, "process": process}).to_parquet(path / "events.parquet")
    for name in ("held_out", "generated", "training"):
        np.save(path / f"{name}.npy", rng.normal(size=(300, 3)))
    (path / "my_model.py").write_text(next(e for e in EXAMPLES if "# my_model.py" in e))
    return path


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    assert len(README.splitlines()) <= MAX_README_LINES
    for name in ("README.md", *(f"docs/{each}.md" for each in TUTORIALS)):
        page = ROOT / name
        found = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        assert [link for link in found if not (page.parent / link).exists()] == [], name


def test_every_command_of_the_pages_is_one_of_those_tested_here() -> None:
    assert len(SETUP) == 2
    assert len(GENBENCH) >= 10
    assert sorted(COMMANDS) == sorted(SETUP + GENBENCH)


@pytest.mark.slow
def test_the_commands_run_one_after_the_other(folder: Path) -> None:
    for command in GENBENCH:
        done = subprocess.run(
            ["bash", "-c", f"{shlex.quote(sys.executable)} -m {command}"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert r"\begin{tabular}" in (folder / "mine.tex").read_text()
    assert (folder / "cells.json").stat().st_size > 1000
    assert len(pd.read_csv(folder / "showers.csv").query("energy == 50")) == 1000
    for name, shown in (("showers", "showers.shape"), ("maps", "log_likelihood[0]")):
        [example] = [text for text in EXAMPLES if f'genbench.load("results/{name}")' in text]
        done = subprocess.run(
            [sys.executable, "-c", f"{example}\nprint({shown})"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        if name == "showers":
            assert lines == ["(500, 24)"]
        else:
            assert 0.65 <= float(lines[0]) <= 0.95
            assert np.isfinite(float(lines[1]))


def test_every_model_of_genbench_is_described() -> None:
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    models = [e.spec for e in Registry.discover().models.values() if e.provenance.distribution == "genbench"]
    described = dict(re.findall(r"^### (\w+)\n\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL))
    assert [spec.name for spec in models if spec.name not in described] == []
    for spec in models:
        numbers = re.findall(r"arXiv:[^\s;,]+|doi:[^\s;,]+", spec.paper)
        assert [number for number in numbers if number not in described[spec.name]] == [], spec.name


@pytest.mark.slow
def test_the_python_example_runs(folder: Path) -> None:
    """As a script without a main guard, which cells must not run again."""
    (folder / "example.py").write_text(
        next(e for e in EXAMPLES if "genbench.run(" in e) + "print(len(frame), scores[0])\n"
    )
    done = subprocess.run([sys.executable, "example.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows, _, score = done.stdout.partition(" ")
    assert int(rows) >= 4  # the two models and the reference rows
    assert "'metric': 'energy'" in score


def test_the_set_up_is_what_ci_does() -> None:
    """The second set-up command is run by CI in a new environment; the first installs the same without its extra."""
    script = (ROOT / ".ci" / "run").read_text()
    install = re.search(r"pip install (.*) && \.venv/bin/pytest", SETUP[1])
    assert install is not None
    assert install[1] in script
    assert "-m venv" in script
    everything = "genbench run --models all --within 10min"
    assert SETUP[0] == SETUP[1].replace("-e '.[test]'", ".").replace("pytest", everything)


def test_the_table_is_that_of_the_reference_run() -> None:
    table = re.search(r"<!-- table -->\n(.*?)<!-- /table -->", README, re.DOTALL)
    assert table is not None
    reference = (ROOT / "results" / "reference" / "tables.md").read_text(encoding="utf-8")
    assert table[1].strip()
    lines = [line for line in table[1].splitlines() if line.startswith("|")]
    assert lines
    assert all(line in reference.splitlines() for line in lines)
