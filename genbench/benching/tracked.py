"""The tracked quantities of one side: how each is timed, and its facts, which are the same in every process.

``server.py`` runs this file by its path in the environment of each side, so that the same code measures both. It
imports only what genbench rarely changes, and a quantity that fails on one side does not affect the others.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import random
import time
from collections.abc import Callable, Iterator
from functools import cache
from itertools import accumulate
from pathlib import Path
from types import SimpleNamespace
from typing import Any

Timer = Callable[[int], float]  # takes a number of repetitions, returns the CPU seconds of one
ROWS, COLUMNS = 500, 4  # of the arrays that metrics score
TRAINING_ROWS = 1000
WARM_UP_STEPS = 5  # before a step is timed, as the first ones allocate memory
CYCLE_STEPS = 10  # a GAN may train its critic for several steps per step of its generator
SAMPLES_PER_CALL = 100
NUMBER_OF_RECORDS = 30


# ----------------------------------------------------------------------------------------------------------- quantities


def quantities() -> dict[str, str]:
    """Return the names of all quantities of this side, each with the distribution that provides it."""
    registry = _registry()
    found = dict.fromkeys(("registry", "plan", "record/write", "record/read", "table"), "genbench")
    for kind, entries in (("metric", registry.metrics), ("model", registry.models), ("dataset", registry.datasets)):
        for name, entry in entries.items():
            suffixes = [""] if kind == "metric" else ["/load"]
            if kind == "model":
                suffixes = ["/step" if entry.spec.iterative else "/fit", "/sample"]
            found |= {f"{kind}/{name}{suffix}": entry.provenance.distribution for suffix in suffixes}
    return found


def _discover() -> Any:
    from genbench.registry import Registry

    return Registry.discover()


_registry = cache(_discover)


def answer(request: dict[str, Any], read_line: Callable[[], str]) -> Iterator[dict[str, Any]]:
    """Yield the answers to a request; raises whatever the code of this side raises.

    ``list`` and ``facts`` have one answer. ``time`` is answered after a warm-up with ``loops``, the repetitions of a
    block, and ``blocks``, the blocks of a value; then each line of a block that ``read_line`` reads with the seconds of
    that block, and any other line with an empty answer, which is the last.
    """
    if request["do"] == "list":
        yield {"quantities": quantities()}
    elif request["do"] == "facts":
        yield {"facts": facts(request["name"])}
    else:
        run = timed(request["name"])
        loops, blocks = _warm_up(run, request)
        yield {"loops": loops, "blocks": blocks}
        while '"block"' in read_line():
            yield {"seconds": run(loops)}
        yield {}  # so that no request is sent before this process has stopped reading


def _warm_up(run: Timer, request: dict[str, Any]) -> tuple[int, int]:
    """Return the repetitions of a block and the blocks of a value: those requested, or as many as the time allows."""
    once = run(1)
    if request["loops"]:
        return request["loops"], request["blocks"]
    loops = min(10_000, max(1, math.ceil(request["block_s"] / max(once, 1e-7))))
    begin = time.process_time()
    run(loops)
    return loops, max(1, min(request["blocks"], round(request["value_s"] / (time.process_time() - begin))))


def timed(name: str) -> Timer:
    """Return the timer of a quantity; raises whatever the code of this side raises."""
    kind, _, rest = name.partition("/")
    if kind == "model":
        model, _, what = rest.rpartition("/")
        return _sampling(model) if what == "sample" else _training(model)
    if kind == "metric":
        return _repeat(_metric(rest))
    if kind == "dataset":
        return _repeat(_dataset(rest.rpartition("/")[0]))
    return _repeat(CORE[name]())


def facts(name: str) -> dict[str, Any]:
    """Return the facts of a quantity, which are the same in every process: counts, values and hashes."""
    kind, _, rest = name.partition("/")
    if kind == "metric":
        return {"value": _metric(rest)()}
    if kind == "dataset":
        from genbench.data import fingerprint

        return {"data_sha256": fingerprint(_dataset(rest.rpartition("/")[0])())}
    if kind == "model":
        model, _, what = rest.rpartition("/")
        return _facts_of_sampling(model) if what == "sample" else _facts_of_training(model)
    return {}


def _repeat(function: Callable[[], object]) -> Timer:
    def run(times: int) -> float:
        begin = time.process_time()
        for _ in range(times):
            function()
        return (time.process_time() - begin) / times

    return run


# --------------------------------------------------------------------------------------------------------------- models


def _find_plugin(kind: str, name: str) -> tuple[Any, Any]:
    """Return the spec of a plugin, and a function that builds it with its default options."""
    from genbench.registry import resolve

    entry = _registry().find(kind, name)
    target, config = resolve(entry), entry.spec.config
    return entry.spec, target if config is None else lambda: target(config())


def _trainer(name: str) -> Callable[[int], tuple[Any, Any]]:
    """Return a function that trains a model for some steps, always from the same seed on the same rows.

    It returns the model and its run, with the CPU time at the end of the warm-up and at the end of the training.
    """
    import numpy as np
    import torch

    from genbench.budget import Budget
    from genbench.protocol import TrainingData
    from genbench.training import Run

    class TimedRun(Run):
        begin = end = 0.0

        # versions differ in the options of batches
        def batches(self, rows: Any, size: int, **options: Any) -> Iterator[Any]:
            for batch in super().batches(rows, size, **options):
                if steps_of(self) == WARM_UP_STEPS:
                    self.begin = time.process_time()
                yield batch
            self.end = time.process_time()

    torch.set_num_threads(1)
    spec, build = _find_plugin("model", name)
    shape = (COLUMNS,) if "vector" in spec.data else (1, 8, 8)
    noise = np.random.default_rng(0).standard_normal((TRAINING_ROWS, *shape), dtype=np.float32)
    rows = TrainingData(torch.from_numpy(np.tanh(noise)), 2) if shape[1:] else TrainingData(torch.from_numpy(noise))

    def train(steps: int) -> tuple[Any, Any]:
        _seed(1)
        model, run = build(), TimedRun(Budget(steps, "steps"))
        model.fit(rows, run)
        return model, run

    return train


def steps_of(run: Any) -> int:
    """Return the steps that a run has taken, by the name that its version has for them."""
    taken: int = run.steps_taken if hasattr(run, "steps_taken") else run.steps
    return taken


def _seed(seed: int) -> None:
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (models may use it)
    torch.manual_seed(seed)


def _training(name: str) -> Timer:
    train = _trainer(name)

    def steps(times: int) -> float:
        timed_steps = CYCLE_STEPS * math.ceil(times / CYCLE_STEPS)
        _, run = train(WARM_UP_STEPS + timed_steps)
        if steps_of(run) != WARM_UP_STEPS + timed_steps:
            raise RuntimeError(f"trained for {steps_of(run)} steps, expected {WARM_UP_STEPS + timed_steps}")
        return float(run.end - run.begin) / timed_steps

    return steps if _find_plugin("model", name)[0].iterative else _repeat(lambda: train(1))


def _sampling(name: str) -> Timer:
    model, _ = _trainer(name)(WARM_UP_STEPS)
    return _repeat(lambda: _draw(model))


def _draw(model: Any) -> Any:
    import torch

    with torch.no_grad():
        return model.sample(SAMPLES_PER_CALL)


def _facts_of_training(name: str) -> dict[str, Any]:
    train = _trainer(name)
    with _forward_calls() as calls:
        model, _ = train(CYCLE_STEPS)
    parameters = sum(p.numel() for p in model.parameters()) if hasattr(model, "parameters") else None
    peak = _peak_bytes(lambda: train(CYCLE_STEPS))
    return {f"forward_calls_in_{CYCLE_STEPS}_steps": calls[0], "peak_bytes": peak, "parameters": parameters}


def _facts_of_sampling(name: str) -> dict[str, Any]:
    model, _ = _trainer(name)(CYCLE_STEPS)
    _seed(2)
    with _forward_calls() as calls:
        samples = _draw(model)
    content = samples.detach().contiguous().numpy().tobytes()
    digest, peak = hashlib.sha256(content).hexdigest(), _peak_bytes(lambda: _draw(model))
    return {"forward_calls": calls[0], "peak_bytes": peak, "samples_sha256": digest}


def _peak_bytes(function: Callable[[], object]) -> int:
    """Return the peak number of bytes of tensors, beyond those that existed before."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        function()
    events = profiled.profiler.kineto_results.events()
    return int(max(accumulate((each.nbytes() for each in events if each.name() == "[memory]"), initial=0)))


@contextlib.contextmanager
def _forward_calls() -> Iterator[list[int]]:
    """Count the forward calls of layers, the modules that contain no other module."""
    from torch.nn.modules.module import register_module_forward_hook

    calls = [0]

    def count(module: Any, *_: Any) -> None:
        calls[0] += next(module.children(), None) is None

    hook = register_module_forward_hook(count)
    try:
        yield calls
    finally:
        hook.remove()


# ------------------------------------------------------------------------------------------------- metrics and datasets


def _metric(name: str) -> Callable[[], float]:
    from genbench.registry import resolve
    from genbench.scoring import Scorer, evaluate

    entry = _registry().find("metric", name)
    spec, config = entry.spec, entry.spec.config
    scorer = Scorer(spec, resolve(entry), None if config is None else config())
    make_evidence = _evidence_maker("vector" if "vector" in spec.data and name != "bits_per_dim" else "image")

    def score() -> float:
        [found] = evaluate(make_evidence(), [scorer])
        if found["value"] is None:
            raise ValueError("; ".join(found["warnings"]))
        return float(found["value"])

    return score


def _evidence_maker(kind: str) -> Callable[[], Any]:
    """Return a function that makes evidence with everything a metric may need, as far as this side has the field."""
    import numpy as np

    from genbench.protocol import Evidence, LogDensity, Modes, RealSide, Simulator

    rng = np.random.default_rng(0)
    levels = 16 if kind == "image" else None
    shape = (1, 4, 4) if levels else (COLUMNS,)

    def rows(shift: float) -> Any:
        drawn = rng.normal(shift, 1.0, (ROWS, *shape))
        if levels:
            return np.clip(np.round(2 * drawn + 8), 0, 15)
        drawn[:, -1] = np.round(2 * drawn[:, -1])  # a rule for the metric of constraints: integers
        return drawn

    real, fake, train, reference = (rows(shift) for shift in (0.0, 0.1, 0.0, 0.0))
    flat = [each.reshape(ROWS, -1) / (levels or 1) for each in (real, fake, train, reference)]

    def log_prob(x: Any) -> Any:
        return -0.5 * (x.reshape(ROWS, -1) ** 2).sum(1) - 0.5 * math.log(2 * math.pi) * flat[0].shape[1]

    columns = flat[0].shape[1]
    modes = Modes(np.stack([np.full(columns, at) for at in (-1.0, 1.0)]), 1.0, np.array([0.5, 0.5]))
    labels = [rng.integers(0, 3, ROWS) for _ in range(3)]
    sign_classifier = SimpleNamespace(predict=lambda features: (features[:, 0] > 0).astype(int))
    given, x = [each[:, None].astype(float) for each in labels], flat[0]
    tasks = SimpleNamespace(
        rows=x, reconstruction=0.9 * x, noise=0.5, noisy=x + 0.5, denoised=x + 0.1, codes=x[:, :2], problems={},
        anomaly={"density": (x[:, 0], x[:, 1] + 1.0)},
    )  # fmt: skip
    fields = {
        "kind": kind, "columns": tuple(f"x{i}" for i in range(columns)), "train": flat[2], "reference": flat[3],
        "test_raw": real, "fake_raw": fake, "train_raw": train, "levels": levels,
        "density_test": LogDensity(log_prob(flat[0]), "exact"), "density_fake": LogDensity(log_prob(flat[1]), "exact"),
        "truth_test": log_prob(flat[0]), "truth_fake": log_prob(flat[1]), "entropy": 1.42 * columns,
        "modes": None if levels else modes, "timing": {"fit_s": 10.0, "samples_per_s": 1e4},
        "simulator": Simulator(1.0, "simulated"), "labels_train": labels[0], "labels_test": labels[1],
        "labels_fake": labels[2], "features": sign_classifier, "observables_test": {"sum": flat[0].sum(1)},
        "observables_fake": {"sum": flat[1].sum(1)}, "tasks": tasks,
        "log_prob_classes": -((x[:, :1] - np.arange(3)) ** 2),
        "conditions_train": given[0], "conditions_test": given[1], "conditions_fake": given[2],
        "condition_columns": (SimpleNamespace(name="label", kind="category", levels=("0", "1", "2")),),
    }  # fmt: skip
    known = {name: value for name, value in fields.items() if name in Evidence.__dataclass_fields__}
    return lambda: Evidence(RealSide(flat[0]), flat[1], **known)


def _dataset(name: str) -> Callable[[], Any]:
    import numpy as np

    from genbench.budget import Sizes

    dataset = _find_plugin("dataset", name)[1]()
    return lambda: dataset.load(Sizes(ROWS, ROWS // 2, ROWS // 2), np.random.default_rng(0))


# ----------------------------------------------------------------------------------------------------------------- core


def _plan() -> Callable[[], object]:
    from genbench.plan import Request, make_plan

    registry = _registry()
    request = Request(models="vae[latent=2|3|4|5]", datasets="ring,moons", seeds=5, device="cpu")
    return lambda: [cell.key for cell in make_plan(request, registry).cells]


def _record(model: int, seed: int) -> dict[str, Any]:
    values = (("energy", "lower"), ("sliced_w2", "lower"), ("coverage", "higher"))
    scores: list[dict[str, Any]] = [
        {"metric": metric, "label": metric, "value": 0.1 * (1 + model) + 0.01 * seed, "low": None, "high": None,
         "level": None, "floor": 0.05, "floor_sd": 0.01, "z": 1.0, "better": better, "ranked": True, "unit": "",
         "best": None, "n_real": 1000, "n_fake": 1000, "params": {}, "space": "standardised", "detail": {},
         "version": 1, "seconds": 0.1, "suspect": False, "warnings": []} for metric, better in values
    ]  # fmt: skip
    return {
        "key": hashlib.sha256(f"{model} {seed}".encode()).hexdigest()[:24], "model": f"model{model}", "seed": seed,
        "label": f"model{model}", "model_config": {}, "density": "none", "baseline": False, "dataset": "ring",
        "dataset_label": "ring", "dataset_config": {}, "data_kind": "vector", "budget": "4000steps", "device": "cpu",
        "status": "ok", "phase": "score", "reason": "", "timings": {"fit_s": 1.0}, "scores": scores, "attempt": 1,
        "schema_version": 1, "sizes": {"train": 1000, "test": 1000, "reference": 1000},
        "provenance": {"distribution": "genbench", "version": "0"},
    }  # fmt: skip


def _write() -> Callable[[], object]:
    from genbench.record import write_record

    record, run = _record(0, 0), Path.cwd()
    record["trace"] = [(0.1 * i, i, {"loss": 1.0}) for i in range(100)]
    numbers = iter(range(10**9))  # a new key, and so a new folder, for each call
    return lambda: write_record(run, record | {"key": hashlib.sha256(str(next(numbers)).encode()).hexdigest()[:24]})


def _read() -> Callable[[], object]:
    from genbench.record import read_records, write_json, write_record

    run = Path.cwd()
    write_json(run / "run.json", {"schema_version": 1, "cells": []})
    for i in range(NUMBER_OF_RECORDS):
        write_record(run, _record(i // 5, i % 5))
    return lambda: read_records(run)


def _table() -> Callable[[], object]:
    from genbench.report import render

    records = [_record(i // 5, i % 5) for i in range(NUMBER_OF_RECORDS)]
    return lambda: render(records, "markdown")


CORE: dict[str, Callable[[], Callable[[], object]]] = {
    "registry": lambda: _discover,
    "plan": _plan,
    "record/write": _write,
    "record/read": _read,
    "table": _table,
}
