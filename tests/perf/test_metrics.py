"""Metrics against the libraries that are used for them, on the same arrays in the same process; and their memory.

What is asserted is a ratio of processor times of one thread, with a margin below what is measured alone, and a bound of
memory. The libraries are those of the extra ``[bench]``, and geomloss where it is installed. torch-fidelity cannot be
imported without torchvision: what it computes is computed here with the calls that it makes.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from genbench.protocol import Evidence, RealSide
from genbench.registry.registry import Registry, resolve

REGISTRY = Registry.discover()
GIGABYTE = 2**30


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


def normal(seed: int, n: int, d: int, shift: float = 0.0) -> Any:
    return shift + np.random.default_rng(seed).standard_normal((n, d))


def score(name: str, real: Any, fake: Any, **options: Any) -> Any:
    """Return the score on rows that no metric has seen before."""
    entry = REGISTRY.metrics[name]
    evidence = Evidence(RealSide(real), np.array(fake))
    config = entry.spec.config
    return resolve(entry)(evidence) if config is None else resolve(entry)(evidence, config(**options))


def seconds(function: Callable[[], Any], rounds: int = 1) -> tuple[float, Any]:
    """Return the least processor time of some rounds, and what came of it."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        result = function()
        times.append(time.process_time() - start)
    return min(times), result


def compare(what: str, mine: Callable[[], Any], theirs: Callable[[], Any], least: float, rounds: int = 2) -> Any:
    """Print and assert how many times faster, and return both results."""
    fast, a = seconds(mine, rounds)
    slow, b = seconds(theirs)
    print(f"\n{what}: {fast:.3f} s against {slow:.3f} s, {slow / fast:.1f} times faster (asked for: {least:g})")
    assert slow / fast > least
    return a, b


def moments(rows: Any) -> tuple[Any, Any]:
    return rows.mean(0), np.cov(rows, rowvar=False)


def eigenvalues_of_product(real: tuple[Any, Any], fake: tuple[Any, Any]) -> float:
    """Return the Fréchet distance of moments by the step of torch-fidelity 0.4: `eigvals` of the product."""
    (m, s), (n, t) = real, fake
    overlap = np.sqrt(np.linalg.eigvals(s @ t).astype(complex)).real.sum()
    return float((m - n) @ (m - n) + np.trace(s) + np.trace(t) - 2 * overlap)


@pytest.mark.slow
def test_frechet_of_wide_features() -> None:
    """The next model of a table: both keep the moments of the real side, where torch-fidelity keeps them on disk."""
    d = 2048
    mixing = normal(1, d, d) / d**0.5
    real, fake = normal(2, 10_000, d) @ mixing, normal(3, 10_000, d) @ mixing
    side, first = RealSide(real), moments(real)
    metric, config = resolve(REGISTRY.metrics["frechet"]), REGISTRY.metrics["frechet"].spec.config()
    metric(Evidence(side, real[:10]), config)
    found, value = compare(
        "frechet, 10k x 2048, torch-fidelity's steps",
        lambda: metric(Evidence(side, fake), config), lambda: eigenvalues_of_product(first, moments(fake)), least=1.6,
    )  # fmt: skip
    assert found.value == pytest.approx(value, rel=1e-6)


@pytest.mark.slow
def test_frechet_of_fewer_rows_than_columns() -> None:
    real, fake = normal(1, 300, 2048), normal(2, 300, 2048, 0.1)
    found, value = compare(
        "frechet, 300 x 2048, torch-fidelity's steps",
        lambda: score("frechet", real, fake, interval_dimensions=0),
        lambda: eigenvalues_of_product(moments(real), moments(fake)), least=30,
    )  # fmt: skip
    assert found.value == pytest.approx(value, rel=1e-4)


def test_kid_of_all_samples() -> None:
    from sklearn.metrics.pairwise import polynomial_kernel

    real, fake = normal(1, 10_000, 16), normal(2, 10_000, 16, 0.1)

    def matrices() -> float:
        n, total = len(real), 0.0
        for x, y, sign in ((real, real, 1.0), (fake, fake, 1.0), (real, fake, -2.0)):
            kernel = polynomial_kernel(x, y, degree=3, coef0=1)
            own = np.trace(kernel) if sign > 0 else 0.0
            total += sign * (kernel.sum() - own) / (n * (n - 1) if sign > 0 else n * n)
        return float(total)

    found, value = compare("kid, 10k x 16, kernel matrices", lambda: score("kid", real, fake), matrices, least=50)
    assert found.value == pytest.approx(value, rel=1e-6)


def test_neighbours_against_prdc() -> None:
    prdc = pytest.importorskip("prdc")
    real, fake = normal(1, 10_000, 2), normal(2, 10_000, 2, 0.1)
    names = ("precision", "recall", "density", "coverage")

    def mine() -> dict[str, float]:
        side, samples, found = RealSide(real), np.array(fake), {}
        for name in names:
            entry = REGISTRY.metrics[name]
            found[name] = resolve(entry)(Evidence(side, samples), entry.spec.config()).value
        return found

    found, values = compare(
        "precision, recall, density, coverage with intervals, 10k x 2, prdc without", mine,
        lambda: prdc.compute_prdc(real_features=real, fake_features=fake, nearest_k=5), least=10,
    )  # fmt: skip
    assert found == pytest.approx({name: float(values[name]) for name in names}, abs=1e-9)


def test_sliced_against_pot() -> None:
    import ot

    from genbench_distances import SlicedConfig
    from genbench_distances.sliced import directions

    real, fake = normal(1, 10_000, 16), normal(2, 10_000, 16, 0.1)
    vectors, side = directions(16, 1000, 0), RealSide(real)
    metric, config = resolve(REGISTRY.metrics["sliced_w2"]), SlicedConfig(n_projections=1000)
    found, value = compare(
        "sliced W2 with its interval, 10k x 16, 1000 directions, real side kept, POT without",
        lambda: metric(Evidence(side, np.array(fake)), config),
        lambda: ot.sliced_wasserstein_distance(real, fake, projections=vectors.T), least=8,
    )  # fmt: skip
    assert found.value == pytest.approx(float(value), rel=1e-9)


def test_energy_against_geomloss() -> None:
    geomloss = pytest.importorskip("geomloss")  # not in [bench]: where it is installed POT imports it, and so torch
    real, fake = normal(1, 5000, 16), normal(2, 5000, 16, 0.1)
    loss = geomloss.SamplesLoss("energy", backend="tensorized")
    found, value = compare(
        "energy with its interval, 5k x 16, geomloss without", lambda: score("energy_v", real, fake),
        lambda: float(loss(torch.from_numpy(real), torch.from_numpy(fake))), least=4,
    )  # fmt: skip
    assert found.value == pytest.approx(2 * value, rel=1e-5)  # theirs is half of it


def test_classifier_against_a_network() -> None:
    from sklearn.model_selection import cross_val_score
    from sklearn.neural_network import MLPClassifier

    real, fake = normal(1, 1000, 10), normal(2, 1000, 10, 0.15)
    rows, labels = np.concatenate([real, fake]), np.repeat([0, 1], 1000)
    network = MLPClassifier((100, 100), max_iter=200, random_state=1)  # as sbibm: ten units for each column
    found, areas = compare(
        "c2st with its interval, 1k x 10, a network without", lambda: score("c2st", real, fake),
        lambda: cross_val_score(network, rows, labels, cv=5, scoring="roc_auc"), least=10,
    )  # fmt: skip
    assert found.value > float(areas.mean()) - 0.03


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
