"""Measure genbench on a device beside the CPU, in under ten minutes, and write one file of tables.

    python tests/perf/gpu.py --device cuda --out gpu.md

Every section is limited in time, and is written as soon as it is measured. With ``--small`` everything is done a few
times only, which tests the script itself, on any machine.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from steps import DIGITS, LEVELS, SHAPES, TABLE, TIGHT, clock, rows_of, step_seconds

from genbench.budget import Budget
from genbench.protocol import Evidence, RealSide, TrainingData
from genbench.registry.registry import Registry, resolve
from genbench.spec import ModelSpec
from genbench.training.run import Run

REGISTRY = Registry.discover()
MODELS_S = 240.0  # for steps and samples of all models, on the device and on the CPU


@dataclass(frozen=True)
class Effort:
    """How much is done: steps of a model, samples, rows of pair metrics, and steps of whole runs."""

    steps: int = 100
    samples: int = 10_000
    rows: int = 100_000
    run_steps: int = 1000
    seeds: int = 10
    models: str = ""  # all


SMALL = Effort(2, 20, 400, 5, 2, "vae,kde")


def models(effort: Effort) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the name and a shape of data for every model that trains in steps."""
    for name, entry in REGISTRY.models.items():
        if isinstance(entry.spec, ModelSpec) and entry.spec.iterative and name in (effort.models or name).split(","):
            yield from ((name, TABLE if kind == "vector" else DIGITS) for kind in entry.spec.data)


def samples_a_second(name: str, shape: tuple[int, ...], n: int) -> float:
    """Return the samples a second of a model that was trained for a few steps."""
    entry, device = REGISTRY.find("model", name), torch.get_default_device()
    target, config = resolve(entry), entry.spec.config
    model = target() if config is None else target(config())
    model.fit(TrainingData(rows_of(shape), LEVELS if shape[1:] else None), Run(Budget(5, "steps"), device))
    with torch.no_grad():
        model.sample(min(n, 64))
        begin = clock()
        model.sample(n)
        return n / (clock() - begin)


def on(device: str, measure: Callable[[], float]) -> float | None:
    """Return what is measured on a device; None where that fails, after the reason is printed."""
    try:
        with torch.device(device):
            return measure()
    except Exception:
        traceback.print_exc()
        return None


def steps_and_samples(device: str, effort: Effort) -> Iterator[str]:
    """Yield the rows on steps and samples of every model, for as long as there is time."""
    yield "| model | data | steps/s | tight loop | on the CPU | samples/s | on the CPU |\n|:--|:--|--:|--:|--:|--:|--:|"
    end = time.monotonic() + MODELS_S
    for name, shape in models(effort):
        if time.monotonic() > end:
            yield f"| {name} | {SHAPES[shape]} | no time was left | | | | |"
            continue

        def steps() -> float:
            return 1 / step_seconds(name, shape, effort.steps)  # noqa: B023 (called at once)

        def tight() -> float:
            return 1 / TIGHT[name](shape)()  # noqa: B023

        def samples() -> float:
            return samples_a_second(name, shape, effort.samples)  # noqa: B023

        has_tight = name in TIGHT and (not shape[1:] or name == "wgan_gp")
        found = [
            on(device, steps), on(device, tight) if has_tight else None, on("cpu", steps), on(device, samples),
            on("cpu", samples),
        ]  # fmt: skip
        yield f"| {name} | {SHAPES[shape]} | {' | '.join('' if v is None else f'{v:.4g}' for v in found)} |"


def mean_distance(x: torch.Tensor, y: torch.Tensor, block: int = 4096) -> float:
    """Return the mean distance of rows x (n, d) and y (m, d)."""
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for part in x.split(block):
        total += torch.cdist(part, y).sum(dtype=torch.float64)
    return float(total) / (len(x) * len(y))


def pair_metrics(device: str, effort: Effort) -> Iterator[str]:
    """Yield the rows on metrics of pairs: genbench's on the CPU, and their sums of distances on the device."""
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((effort.rows, 10)), rng.standard_normal((effort.rows, 10)) + 0.05
    yield "| metric | seconds on the CPU | value |\n|:--|--:|--:|"
    for name in ("energy", "precision", "c2st"):
        entry, begin = REGISTRY.metrics[name], time.perf_counter()
        config: Any = entry.spec.config
        evidence = Evidence(RealSide(real), fake)
        found = resolve(entry)(evidence) if config is None else resolve(entry)(evidence, config())
        yield f"| {name} | {time.perf_counter() - begin:.3g} | {found.value:.4g} |"
    x, y = (torch.from_numpy(rows).float().to(device) for rows in (real, fake))
    mean_distance(x[:100], y[:100])
    with torch.device(device):
        begin = clock()
        value = 2 * mean_distance(x, y) - mean_distance(x, x) - mean_distance(y, y)
        yield f"| energy by blocks on {device} | {clock() - begin:.3g} | {value:.4g} |"


def run_seconds(*arguments: str) -> float:
    """Return the seconds of a command of genbench; raises RuntimeError where it fails."""
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "genbench", "run", *arguments, "--out", f"{folder}/run"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr[-500:]}")
    return time.perf_counter() - begin


def whole_runs(device: str, effort: Effort) -> Iterator[str]:
    """Yield the rows on whole runs: of ten seeds beside one, and of all models on the device beside the CPU."""
    chosen, budget = ["-d", "grid", "--metrics", "energy"], ["--budget", f"{effort.run_steps}steps"]
    if effort.models:
        budget += ["--preset", "smoke"]
    one, all_models = ["-m", "vae", *chosen, *budget], ["-m", effort.models or "all", *chosen, *budget, "--seeds", "1"]
    yield "| run | seconds |\n|:--|--:|"
    for title, arguments in (
        ("one seed", [*one, "--seeds", "1", "--device", device]),
        (f"{effort.seeds} seeds", [*one, "--seeds", str(effort.seeds), "--device", device]),
        (
            f"{effort.seeds} seeds, four at a time",
            [*one, "--seeds", str(effort.seeds), "--device", device, "--jobs", "4"],
        ),
        ("all models", [*all_models, "--device", device]),
        ("all models on the CPU", [*all_models, "--device", "cpu"]),
    ):
        yield f"| {title} | {run_seconds(*arguments):.3g} |"


SECTIONS = {
    "Steps and samples": steps_and_samples,
    "Pair metrics": pair_metrics,
    "Whole runs": whole_runs,
}


def main() -> None:
    """Measure, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", type=Path, default=Path("gpu.md"))
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    name = torch.cuda.get_device_name(options.device) if options.device.startswith("cuda") else platform.processor()
    lines = [f"# genbench on {options.device}", "", f"{name or options.device}, torch {torch.__version__}"]
    for title, section in SECTIONS.items():
        lines += ["", f"## {title}", ""]
        try:
            for line in section(options.device, SMALL if options.small else Effort()):
                lines.append(line)
                print(line, flush=True)
                options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
        except Exception as error:
            traceback.print_exc()
            lines.append(f"\nended early: {type(error).__name__}: {error}")
    options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
