"""What foreign bytes and names may not do: be unpickled, be run, be a path."""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from sessions import make

from genbench.record.store import cell_folder
from genbench.session.live_progress import LiveProgress
from genbench.spec import DatasetSpec, MetricSpec, ModelSpec

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*(ROOT / "genbench").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")])
SOURCES = [path for path in SOURCES if not {"tests", "tools"} & set(path.relative_to(ROOT).parts)]

RUNS_CODE = {"eval", "exec", "compile", "os.system", "os.popen", "marshal.loads", "marshal.load", "runpy.run_path"}
UNPICKLES = {"pickle.load", "pickle.loads", "cloudpickle.load", "cloudpickle.loads", "joblib.load", "shelve.open",
             "pd.read_pickle", "pandas.read_pickle", "dill.load", "dill.loads"}  # fmt: skip
# what a session's own processes send each other, and what the same process wrote
OWN_BYTES = {"genbench/process/child.py", "genbench/process/zygote.py", "genbench/testing/checks/models.py"}


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def dangers(source: str, where: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        said = {k.arg: getattr(k.value, "value", None) for k in node.keywords}
        wrong = (
            name in RUNS_CODE
            or (name in UNPICKLES and where not in OWN_BYTES)
            or (name in ("np.load", "numpy.load") and said.get("allow_pickle") is not False)
            or (name == "torch.load" and said.get("weights_only") is not True)
            or name in ("yaml.load", "yaml.unsafe_load")
            or said.get("shell") is True
            or said.get("allow_pickle") is True
        )
        if wrong:
            yield f"{where}:{node.lineno}: {name}"


@pytest.mark.parametrize(
    "source",
    [
        "eval(text)",
        "import pickle; pickle.loads(data)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=flag)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "yaml.load(text)",
        "subprocess.run(text, shell=True)",
        "read(path, allow_pickle=True)",
    ],
)
def test_each_danger_is_seen(source: str) -> None:
    assert list(dangers(source, "x.py"))


def test_nothing_unpickles_or_runs_what_it_reads() -> None:
    assert len(SOURCES) > 100
    found = [
        danger
        for path in SOURCES
        for danger in dangers(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())
    ]
    assert found == []


def test_what_a_running_cell_says_moves_no_cursor(tmp_path: Path) -> None:
    plan, _ = make(tmp_path, models="good")
    evil = "\x1b[2J\x1b]0;title\x07\u202eloss"
    file = io.StringIO()
    shown = LiveProgress(Console(file=file, force_terminal=True, width=200))
    cell = plan.cells[-1]
    shown.on_start(plan, [])
    shown.on_progress(cell, {"phase": "fit", "step": 1, "steps": 5, "values": {evil: 1.0}})
    Console(file=file, force_terminal=True, width=200).print(shown)
    shown.on_finish({**cell.as_dict(), "status": "failed", "reason": evil})
    text = file.getvalue()
    assert text.count("[2J]0;titleloss") == 2
    assert not {"\x1b[2J", "\x1b]", "\x07", "\u202e"} & {text[i : i + n] for i in range(len(text)) for n in (1, 2, 4)}


BAD_NAMES = ["", "..", ".", "../x", "a/b", "a\\b", "/etc/passwd", "a\0b", "a\nb", "-a", "~", "a b", "<b>", "\x1b[31m",
             "é", "a" * 65, "=1+1", "con:"]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("spec", [ModelSpec, DatasetSpec, MetricSpec])
def test_a_plugins_name_is_never_a_path_nor_markup(spec: type, name: str) -> None:
    with pytest.raises(ValueError, match="name must match"):
        spec(name, "a.b:C", None, "a fault")


def test_a_cells_folder_lies_in_its_run(tmp_path: Path) -> None:
    for key in ("0" * 24, "aa11"):
        assert cell_folder(tmp_path, key).is_relative_to(tmp_path / "cells")
    for key in ("..", "../..", "/etc", "a/../../b"):
        with pytest.raises(ValueError, match="not a valid key"):
            cell_folder(tmp_path, key)
