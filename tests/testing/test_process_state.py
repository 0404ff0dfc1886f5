"""What a plugin does to the process that checks it: it cannot end it, and what it prints is no answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_a_plugin_cannot_end_the_check_and_call_it_a_success(tmp_path: Path) -> None:
    path = tmp_path / "leaving.py"
    path.write_text(
        "import os\n\nimport genbench\n\nclass Leaves:\n    def load(self, sizes, rng):\n        os._exit(0)\n\n"
        "@genbench.hookimpl\ndef genbench_register():\n"
        "    return [genbench.DatasetSpec('leaves', Leaves, None, 'nothing')]\n"
    )
    line = [sys.executable, "-m", "genbench", "check", "leaves", "--plugin", str(path)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300)
    assert done.returncode == 3
    assert "it ends the process: os._exit(0)" in done.stdout


def test_what_a_plugin_prints_is_no_part_of_the_answer(tmp_path: Path) -> None:
    path = tmp_path / "loud.py"
    path.write_text(
        "import os\n\nimport genbench\n\nclass Loud:\n    def load(self, sizes, rng):\n"
        "        print('epoch 1')\n        os.system('echo epoch 2')\n\n"
        "@genbench.hookimpl\ndef genbench_register():\n"
        "    return [genbench.DatasetSpec('loud', Loud, None, 'nothing')]\n"
    )
    line = [sys.executable, "-m", "genbench", "check", "loud", "--plugin", str(path), "--json"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300)
    assert [report["name"] for report in json.loads(done.stdout)] == ["loud"]
    assert "epoch 1" in done.stderr
    assert "epoch 2" in done.stderr
