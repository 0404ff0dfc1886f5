"""The pages of reference are whole and true: metrics, suites, plugins, clusters, GPUs; their commands work."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from genbench.cli.main import COMMANDS, group, main
from genbench.registry.registry import Registry

ROOT = Path(__file__).parent.parent
NAMES = ("metrics", "suites", "clusters", "gpu", "faq", "known_plugins")
PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in NAMES}
RUN = [line for text in PAGES.values() for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
       for line in block.splitlines()]  # fmt: skip
SHOWN = [line.removeprefix("$ ") for text in PAGES.values()
         for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]  # fmt: skip
QUICK = [line for line in RUN if "--out" not in line and " merge " not in line]
SPECS = {e.spec.name: e.spec for e in Registry.discover().entries("metric") if e.provenance.distribution == "genbench"}
DIRECTIONS = {"lower": "lower is better", "higher": "higher is better"}


def entries(page: str) -> dict[str, str]:
    """Return the text below each heading of the third level."""
    return dict(re.findall(r"^### (\S+)\n\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL))


# ------------------------------------------------------------------------------------------------------------- metrics


def test_every_metric_of_genbench_has_an_entry_and_no_other() -> None:
    assert sorted(entries(PAGES["metrics"])) == sorted(SPECS)


@pytest.mark.parametrize("name", SPECS)
def test_an_entry_has_formula_unit_range_floor_and_source(name: str) -> None:
    text, spec = entries(PAGES["metrics"])[name], SPECS[name]
    facts = dict(re.findall(r"^- (\w+): (.*)$", text, re.MULTILINE))
    assert list(facts) == ["unit", "range", "floor", "source"]
    assert facts["unit"] == (spec.unit or "none")
    direction = DIRECTIONS[spec.better] if spec.ranked else "neither direction is better"
    assert direction in facts["range"]
    formula = text[: text.index("- unit:")].strip().splitlines()[-1]
    assert formula.startswith("`"), "the formula stands on a line of its own, above the facts"
    named = re.findall(r"arXiv:[^\s;,)]+|doi:[^\s;,)]+", spec.paper)
    assert [paper for paper in named if paper not in facts["source"]] == []


# ------------------------------------------------------------------------------------------------- suites and plugins


def table(page: str, mark: str) -> list[str]:
    """Return the lines of the table between two marks."""
    found = re.search(rf"<!-- {mark} -->\n(.*?)<!-- /{mark} -->", page, re.DOTALL)
    assert found is not None
    return found[1].splitlines()


def suite_rows() -> list[str]:
    rows = ["| suite | question | datasets | seeds | published values of | paper |", "|:--|:--|:--|--:|:--|:--|"]
    for entry in Registry.discover().entries("suite"):
        spec = entry.spec
        if entry.provenance.distribution == "genbench":
            published = ", ".join(dict.fromkeys(each.model for each in spec.published)) or "–"
            datasets = f"`{spec.datasets}`".replace("|", "\\|")
            facts = (f"`{spec.name}`", spec.summary, datasets, str(spec.seeds), published, spec.paper or "–")
            rows.append(f"| {' | '.join(facts)} |")
    return rows


def plugin_rows() -> list[str]:
    rows = ["| distribution | what it is | licence | extras |", "|:--|:--|:--|:--|"]
    for path in sorted(ROOT.glob("plugins/*/pyproject.toml")):
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        link = f"[{project['name']}](../plugins/{path.parent.name}/README.md)"
        extras = ", ".join(f"`{name}`" for name in project.get("optional-dependencies", {})) or "–"
        rows.append(f"| {link} | {project['description']} | {project['license']} | {extras} |")
    return rows


@pytest.mark.parametrize(
    ("name", "mark", "rows"), [("suites", "suites", suite_rows), ("known_plugins", "plugins", plugin_rows)]
)
def test_a_table_is_that_of_what_there_is(name: str, mark: str, rows) -> None:
    assert table(PAGES[name], mark) == rows(), "write in the page:\n" + "\n".join(rows())


def test_the_questions_are_twelve() -> None:
    assert len(re.findall(r"^## .*\?$", PAGES["faq"], re.MULTILINE)) == 12


# ------------------------------------------------------------------------------------------------------------ commands


@pytest.mark.parametrize("line", QUICK)
def test_a_command_that_only_shows_something_runs(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(line)[1:]) == 0
    assert len(capsys.readouterr().out) > 100


@pytest.mark.slow
def test_the_commands_that_train_run_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [line for line in RUN if line not in QUICK]
    assert len(lines) == 4
    for line in lines:
        assert main(shlex.split(line)[1:]) == 0, line
    assert (tmp_path / "results" / "seeds" / "run.json").exists()


@pytest.mark.parametrize("line", [line for line in SHOWN if re.match("genbench |docker run ", line)])
def test_a_command_that_needs_other_machines_exists_with_its_options(line: str) -> None:
    name, *arguments = shlex.split(line.rpartition("genbench ")[2])
    assert name in COMMANDS
    command = group.get_command(click.Context(group), name)
    assert command is not None
    command.make_context(name, arguments)


def test_what_is_not_run_is_of_genbench_or_of_tools_that_are_not_installed_here() -> None:
    tools = {line.split()[0] for line in SHOWN} - {"genbench"}
    assert tools <= {"dask", "docker", "openssl", "umask"}
    assert all(line.startswith("genbench ") for line in RUN)


def test_the_scheduler_and_its_workers_take_the_options_that_are_shown() -> None:
    pytest.importorskip("distributed")
    from distributed.cli import dask_scheduler, dask_worker

    shown = [shlex.split(line)[1:] for line in SHOWN if line.startswith("dask ")]
    assert [kind for kind, *_ in shown] == ["scheduler", "worker"]
    for kind, *arguments in shown:
        command = {"scheduler": dask_scheduler.main, "worker": dask_worker.main}[kind]
        command.make_context(kind, list(arguments))


def test_the_configuration_of_dask_that_is_shown_is_the_one_that_it_reads() -> None:
    pytest.importorskip("dask_jobqueue")
    import dask.config
    import dask_jobqueue  # noqa: F401 (adds its defaults)
    import distributed  # noqa: F401

    for block in re.findall(r"```yaml\n(.*?)```", PAGES["clusters"], re.DOTALL):
        for path in leaves(yaml.safe_load(block)):
            dask.config.get(path)  # raises KeyError


def leaves(tree: dict, path: str = "") -> list[str]:
    """Return the dotted paths of the values in a tree of mappings."""
    if not isinstance(tree, dict):
        return [path]
    return [leaf for name, part in tree.items() for leaf in leaves(part, f"{path}.{name}".lstrip("."))]


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    found = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGES[name])
    assert [link for link in found if not (ROOT / "docs" / link).exists()] == []
