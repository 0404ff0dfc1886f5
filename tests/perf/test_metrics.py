"""Metrics against the libraries that are used for them: they return the same; and their memory.

Their times are compared in ``test_speed.py``.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator

import pytest
from metric_pairs import DENSITIES, METRICS, SAMPLERS, Recipe
from ratios import one_thread

GIGABYTE = 2**30


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [*METRICS, *DENSITIES, *SAMPLERS], ids=lambda recipe: recipe.what)
def test_both_return_the_same_and_genbench_is_faster_by_far(recipe: Recipe) -> None:
    try:
        pair = recipe.make()
    except ImportError as error:
        pytest.skip(str(error))
    assert pair.agree(pair.ours(), pair.other())


IN_LITTLE_MEMORY = """
import pathlib, sys, numpy as np
from genbench.protocol import Evidence, RealSide
from genbench_distances import NeighbourConfig, neighbours
d = int(sys.argv[1])
rng = np.random.default_rng(0)
evidence = Evidence(RealSide(rng.standard_normal((50_000, d))), rng.standard_normal((50_000, d)))
for name in sys.argv[2:]:
    print(name, getattr(neighbours, name)(evidence, NeighbourConfig()).value)
# ru_maxrss would count what the process was before exec: a copy of pytest with other benchmarks' arrays
[peak] = [line for line in pathlib.Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(int(peak.split()[1]) * 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
@pytest.mark.parametrize(("d", "names"), [(2, "precision recall density coverage"), (64, "precision coverage")])
def test_neighbours_of_many_rows_in_bounded_memory(d: int, names: str) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    command = [sys.executable, "-c", IN_LITTLE_MEMORY, str(d), *names.split()]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    spent, most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before, int(lines[-1])
    print(f"\n{names}, 50k x {d}: {most / GIGABYTE:.2f} GiB, {spent:.0f} s")
    assert most < 2 * GIGABYTE
    assert all(0 < float(line.split()[1]) < 1.5 for line in lines[:-1])
