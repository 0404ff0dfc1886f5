"""Each guard catches the tree that breaks its rule, and lets every other tree pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from guards import GUARDS, MAX_LINES, MAX_ROOT_MODULES, ORDER, Guard, lines_of

SOUND = {
    "genbench/__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from genbench.api import run\n",
    "genbench/errors.py": "class GenbenchError(Exception): ...\n",
    "genbench/record/__init__.py": "from genbench.record.store import read\n",
    "genbench/record/store.py": "from genbench.errors import GenbenchError\nMAX_BYTES = 10\ndef read(path): ...\n",
    "genbench/training/run.py": "import torch\nfrom genbench.record import read\nclass Run: ...\n",
    "genbench/api.py": f"import genbench.training.run\ndef run({', '.join(f'option_{i}' for i in range(12))}): ...\n",
    "plugins/genbench_rings/__init__.py": "from genbench.spec import DatasetSpec\nfrom genbench_rings import data\n",
    "plugins/genbench_rings/data.py": "import numpy\nfrom genbench.data import split\nfrom genbench import UserError\n",
    "plugins/genbench_rings/tools/make.py": "from genbench.api import run\n",
    "plugins/genbench-far/src/genbench_far/__init__.py": "from genbench import hookimpl\n",
}

# What is written beside or over the sound tree. A file of "" is deleted.
BROKEN: list[tuple[str, dict[str, str]]] = [
    ("upward_imports", {"genbench/record/status.py": "from genbench.training import run\n"}),
    ("upward_imports", {"genbench/record/status.py": "def f():\n    import genbench.api\n"}),
    ("upward_imports", {"genbench/hooks.py": "if TYPE_CHECKING:\n    from genbench.record.store import read\n"}),
    ("upward_imports", {"genbench/record/status.py": "from genbench import UserError\n"}),
    ("upward_imports", {"genbench/cellar/wine.py": "x = 1\n"}),
    ("upward_imports", {"genbench/rings.py": "x = 1\n"}),
    ("heavy_imports", {"genbench/record/store.py": "def read():\n    import numpy.linalg\n"}),
    ("heavy_imports", {"genbench/errors.py": "from torch import nn\n"}),
    ("relative_imports", {"genbench/record/store.py": "from ..errors import GenbenchError\n"}),
    (
        "circles",
        {
            "genbench/record/store.py": "import genbench.record.score\n",
            "genbench/record/score.py": "def f():\n    from genbench.record import store\n",
        },
    ),
    ("circles", {"genbench/record/store.py": "from genbench.record import read\n"}),
    (
        "circles",
        {
            "plugins/genbench_rings/a.py": "from genbench_rings import b\n",
            "plugins/genbench_rings/b.py": "import genbench_rings.c\n",
            "plugins/genbench_rings/c.py": "if TYPE_CHECKING:\n    from genbench_rings.a import A\n",
        },
    ),
    ("plugin_imports", {"plugins/genbench_rings/data.py": "from genbench.record.store import read\n"}),
    ("plugin_imports", {"plugins/genbench_rings/data.py": "from genbench import api\n"}),
    ("plugin_imports", {"plugins/genbench_rings/data.py": "def f():\n    import genbench_far\n"}),
    ("plugin_imports", {"plugins/genbench-far/src/genbench_far/x.py": "from genbench.training.run import Run\n"}),
    ("plugins_in_the_core", {"genbench/api.py": "def run():\n    from genbench_rings.data import load\n"}),
    ("heavy_declarations", {"plugins/genbench_rings/__init__.py": "import numpy\n"}),
    ("heavy_declarations", {"plugins/genbench_rings/__init__.py": "from genbench.data import split\n"}),
    ("private_imports", {"genbench/training/run.py": "from genbench.record.store import _parse\n"}),
    ("private_imports", {"plugins/genbench_rings/__init__.py": "from genbench_rings.data import _rows\n"}),
    ("untested_modules", {"tests/record/test_store.py": ""}),
    ("untested_modules", {"genbench/record/__init__.py": "def read(): ...\n", "tests/record/test_record.py": ""}),
    ("repeated_classes", {"genbench/errors.py": "class Run: ...\n"}),
    ("repeated_classes", {"genbench/errors.py": "def make():\n    class Run: ...\n"}),
    (
        "crowded_root",
        {
            f"genbench/{line}.py": "x = 1\n"
            for line in lines_of(ORDER)[: MAX_ROOT_MODULES + 2]
            if line not in ("record", "training")
        },
    ),
    ("long_files", {"genbench/errors.py": "x = 1\n" * (MAX_LINES + 1)}),
    ("long_files", {"plugins/genbench_rings/data.py": "x = 1\n" * (MAX_LINES + 1)}),
    ("long_signatures", {"genbench/errors.py": f"def f({', '.join(f'x{i}' for i in range(10))}): ...\n"}),
    ("long_signatures", {"genbench/errors.py": "class A:\n    def f(self, a, b, c, d, e, *, f, g, h, i, **j): ...\n"}),
    ("vague_verbs", {"genbench/errors.py": "told = 1\n"}),
    ("vague_verbs", {"genbench/errors.py": "def f(as_said): ...\n"}),
    ("vague_verbs", {"plugins/genbench_rings/data.py": "class A:\n    def _heard(self): ...\n"}),
    ("vague_verbs", {"genbench/errors.py": "error.said = 1\n"}),
    ("vague_constants", {"genbench/errors.py": "FEWEST = 3\n"}),
    ("vague_constants", {"plugins/genbench_rings/data.py": "class A:\n    _PATIENCE: float = 3\n"}),
]


def plant(root: Path, files: dict[str, str]) -> Path:
    """Write a tree, with a test file of its name for each module of the core that defines something."""
    tests = {
        f"tests/{Path(name).relative_to('genbench').parent}/test_{stem(Path(name))}.py": "x = 1\n"
        for name, text in files.items()
        if name.startswith("genbench/") and not (name.endswith("__init__.py") and "def " not in text)
    }
    for name, text in (tests | files).items():
        if text:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
    return root


def stem(path: Path) -> str:
    return path.parent.name if path.stem == "__init__" else path.stem


@pytest.mark.parametrize("guard", GUARDS, ids=[guard.__name__ for guard in GUARDS])
def test_a_sound_tree_is_let_pass(tmp_path: Path, guard: Guard) -> None:
    assert guard(plant(tmp_path, SOUND)) == []


@pytest.mark.parametrize(("name", "files"), BROKEN, ids=[f"{i}-{name}" for i, (name, _) in enumerate(BROKEN)])
def test_a_broken_tree_is_caught_by_its_guard_and_no_other(tmp_path: Path, name: str, files: dict[str, str]) -> None:
    plant(tmp_path, SOUND | files)
    assert {guard.__name__: len(found) for guard in GUARDS if (found := guard(tmp_path))} == {name: 1}


def test_each_guard_has_a_tree_that_breaks_it() -> None:
    assert {guard.__name__ for guard in GUARDS} == {name for name, _ in BROKEN}
