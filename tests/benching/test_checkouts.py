"""Two versions, each installed beside the libraries that are there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from genbench.benching.checkouts import Installation, find_source, install


def test_each_side_sees_its_own_version_and_the_libraries_that_are_there(installed: list[Installation]) -> None:
    code = "import genbench_toil.toil as t, inspect, numpy; print('115' in inspect.getsource(t), numpy.__file__)"
    told = [
        subprocess.run([side.python, "-P", "-c", code], capture_output=True, text=True, check=True).stdout.split()
        for side in installed
    ]
    assert [own for own, _ in told] == ["False", "True"]
    assert {where for _, where in told} == {__import__("numpy").__file__}
    assert {side.distribution for side in installed} == {"genbench-toil"}
    assert "genbench_toil" not in sys.modules


def test_a_wheel_is_a_side_too(project: Path, tmp_path: Path) -> None:
    options = ["--quiet", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(project)], check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    side = install(find_source(str(wheel), Path("nowhere")), tmp_path)
    assert (side.label, side.distribution, side.version) == (wheel.name, "genbench-toil", "1.0")
    done = subprocess.run([side.python, "-P", "-c", "import genbench_toil, genbench.spec"], check=False)
    assert done.returncode == 0
