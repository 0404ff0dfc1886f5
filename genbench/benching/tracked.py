"""What is tracked of one side: each quantity by its name, timed, and the facts that are the same in every process.

``server.py`` runs this file by its path in the environment of either side, so that both are measured by the same code.
It asks of genbench only what changes rarely, and a quantity that one side lacks harms no other.
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
from typing import Any

__all__ = ["answer"]

Timed = Callable[[int], float]  # so many repetitions -> CPU seconds of one
ROWS, COLUMNS = 500, 4  # of the arrays that metrics are given
TRAINING = 1000  # rows that models are given
WARM_UP = 5  # steps before a step is timed: the first allocate
CYCLE = 10  # steps: a GAN's critic may take several for one of its generator
DRAWN = 100  # samples of one call
RECORDS = 30


# ----------------------------------------------------------------------------------------------------------- quantities


def quantities() -> dict[str, str]:
    """Return the name of everything that can be measured here, and the distribution that provides it."""
    registry = _registry()
    found = dict.fromkeys(("registry", "plan", "record/write", "record/read", "table"), "genbench")
    for kind, entries in (("metric", registry.metrics), ("model", registry.models), ("dataset", registry.datasets)):
        for name, entry in entries.items():
            ends = [""] if kind == "metric" else ["/load"]
            if kind == "model":
                ends = ["/step" if entry.spec.iterative else "/fit", "/sample"]
            found |= {f"{kind}/{name}{end}": entry.provenance.distribution for end in ends}
    return found


def _discover() -> Any:
    from genbench.registry import Registry

    return Registry.discover()


_registry = cache(_discover)


def answer(request: dict[str, Any], more: Callable[[], str]) -> Iterator[dict[str, Any]]:
    """Yield the answers to a request; raises whatever the code of this side raises.

    To ``list`` and ``facts`` there is one. To ``time`` there is one with ``loops``, how many repetitions make a block,
    and ``blocks``, how many there should be, once it has warmed up; then one with the seconds of a block for each
    request of one that ``more`` reads, and an empty one for the first other.
    """
    if request["do"] == "list":
        yield {"quantities": quantities()}
    elif request["do"] == "facts":
        yield {"facts": facts(request["name"])}
    else:
        run = timed(request["name"])
        loops, blocks = _warmed_up(run, request)
        yield {"loops": loops, "blocks": blocks}
        while '"block"' in more():
            yield {"seconds": run(loops)}
        yield {}  # so that whoever asks sends nothing before this process has ended to read


def _warmed_up(run: Timed, request: dict[str, Any]) -> tuple[int, int]:
    """Return how many repetitions make a block and how many blocks a value, as told or else as the time allows."""
    once = run(1)
    if request["loops"]:
        return request["loops"], request["blocks"]
    loops = min(10_000, max(1, math.ceil(request["target"] / max(once, 1e-7))))
    begin = time.process_time()
    run(loops)
    return loops, max(1, min(request["blocks"], round(request["long"] / (time.process_time() - begin))))


def timed(name: str) -> Timed:
    """Return what measures a quantity; raises whatever the code of this side raises."""
    kind, _, rest = name.partition("/")
    if kind == "model":
        model, _, what = rest.rpartition("/")
        return _sampling(model) if what == "sample" else _training(model)
    if kind == "metric":
        return _repeated(_metric(rest))
    if kind == "dataset":
        return _repeated(_dataset(rest.rpartition("/")[0]))
    return _repeated(CORE[name]())


def facts(name: str) -> dict[str, Any]:
    """Return what of a quantity is the same in every process: counts, values and hashes."""
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


def _repeated(function: Callable[[], object]) -> Timed:
    def run(times: int) -> float:
        begin = time.process_time()
        for _ in range(times):
            function()
        return (time.process_time() - begin) / times

    return run


# --------------------------------------------------------------------------------------------------------------- models


def _built(kind: str, name: str) -> tuple[Any, Any]:
    """Return the spec of a plugin, and what makes it with its default options."""
    from genbench.registry import resolve

    entry = _registry().find(kind, name)
    target, config = resolve(entry), entry.spec.config
    return entry.spec, target if config is None else lambda: target(config())


def _trainer(name: str) -> Callable[[int], tuple[Any, Any]]:
    """Return what trains a model for some steps, always from the same seed on the same rows.

    It returns the model and its run, which holds the CPU time at the end of the warm-up and of the training.
    """
    import numpy as np
    import torch

    from genbench.budget import Budget
    from genbench.protocol import TrainingData
    from genbench.training import Run

    class Clocked(Run):
        begin = end = 0.0

        def batches(self, rows: torch.Tensor, size: int, **options: Any) -> Iterator[torch.Tensor]:  # either side's
            for batch in super().batches(rows, size, **options):
                if self.steps == WARM_UP:
                    self.begin = time.process_time()
                yield batch
            self.end = time.process_time()

    torch.set_num_threads(1)
    spec, build = _built("model", name)
    shape = (COLUMNS,) if "vector" in spec.data else (1, 8, 8)
    noise = np.random.default_rng(0).standard_normal((TRAINING, *shape), dtype=np.float32)
    rows = TrainingData(torch.from_numpy(noise if len(shape) == 1 else np.tanh(noise)))

    def train(steps: int) -> tuple[Any, Any]:
        _seed(1)
        model, run = build(), Clocked(Budget(steps, "steps"))
        model.fit(rows, run)
        return model, run

    return train


def _seed(seed: int) -> None:
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (what models may use)
    torch.manual_seed(seed)


def _training(name: str) -> Timed:
    train = _trainer(name)

    def steps(times: int) -> float:
        whole = CYCLE * math.ceil(times / CYCLE)
        _, run = train(WARM_UP + whole)
        if run.steps != WARM_UP + whole:
            raise RuntimeError(f"trained for {run.steps} steps, expected {WARM_UP + whole}")
        return float(run.end - run.begin) / whole

    return steps if _built("model", name)[0].iterative else _repeated(lambda: train(1))


def _sampling(name: str) -> Timed:
    model, _ = _trainer(name)(WARM_UP)
    return _repeated(lambda: _drawn(model))


def _drawn(model: Any) -> Any:
    import torch

    with torch.no_grad():
        return model.sample(DRAWN)


def _facts_of_training(name: str) -> dict[str, Any]:
    train = _trainer(name)
    with _forward_calls() as calls:
        model, _ = train(CYCLE)
    has = hasattr(model, "parameters")
    return {
        f"forward_calls_in_{CYCLE}_steps": calls[0],
        "peak_bytes": _peak_bytes(lambda: train(CYCLE)),
        "parameters": sum(p.numel() for p in model.parameters()) if has else None,
    }


def _facts_of_sampling(name: str) -> dict[str, Any]:
    model, _ = _trainer(name)(CYCLE)
    _seed(2)
    with _forward_calls() as calls:
        samples = _drawn(model)
    content = samples.detach().contiguous().numpy().tobytes()
    digest, peak = hashlib.sha256(content).hexdigest(), _peak_bytes(lambda: _drawn(model))
    return {"forward_calls": calls[0], "peak_bytes": peak, "samples_sha256": digest}


def _peak_bytes(function: Callable[[], object]) -> int:
    """Return the most bytes of tensors that were there at once, beyond those that were there before."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
        function()
    events = watched.profiler.kineto_results.events()
    return int(max(accumulate((each.nbytes() for each in events if each.name() == "[memory]"), initial=0)))


@contextlib.contextmanager
def _forward_calls() -> Iterator[list[int]]:
    """Count the calls of modules that hold no other: layers."""
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
    given = _evidence("vector" if "vector" in spec.data and name != "bits_per_dim" else "image")

    def score() -> float:
        [found] = evaluate(given(), [scorer])
        if found["value"] is None:
            raise ValueError("; ".join(found["warnings"]))
        return float(found["value"])

    return score


def _evidence(kind: str) -> Callable[[], Any]:
    """Return what makes evidence with everything that a metric may need, as far as this side knows of it."""
    import numpy as np

    from genbench.protocol import Evidence, LogDensity, Modes, RealSide, Simulator

    rng = np.random.default_rng(0)
    levels = 16 if kind == "image" else None
    shape = (1, 4, 4) if levels else (COLUMNS,)

    def rows(shift: float) -> Any:
        drawn = rng.normal(shift, 1.0, (ROWS, *shape))
        return np.clip(np.round(2 * drawn + 8), 0, 15) if levels else drawn

    real, fake, train, reference = (rows(shift) for shift in (0.0, 0.1, 0.0, 0.0))
    flat = [each.reshape(ROWS, -1) / (levels or 1) for each in (real, fake, train, reference)]

    def log_prob(x: Any) -> Any:
        return -0.5 * (x.reshape(ROWS, -1) ** 2).sum(1) - 0.5 * math.log(2 * math.pi) * flat[0].shape[1]

    columns = flat[0].shape[1]
    modes = Modes(np.stack([np.full(columns, at) for at in (-1.0, 1.0)]), 1.0, np.array([0.5, 0.5]))
    numbers = [rng.integers(0, 3, ROWS) for _ in range(3)]
    fields = {
        "kind": kind, "columns": tuple(f"x{i}" for i in range(columns)), "train": flat[2], "reference": flat[3],
        "test_raw": real, "fake_raw": fake, "train_raw": train, "levels": levels,
        "density_test": LogDensity(log_prob(flat[0]), "exact"), "density_fake": LogDensity(log_prob(flat[1]), "exact"),
        "truth_test": log_prob(flat[0]), "truth_fake": log_prob(flat[1]), "entropy": 1.42 * columns,
        "modes": None if levels else modes, "timing": {"fit_s": 10.0, "samples_per_s": 1e4},
        "simulator": Simulator(1.0, "simulated"), "labels_train": numbers[0], "labels_test": numbers[1],
        "labels_fake": numbers[2], "features": _Predicts(), "observables_test": {"sum": flat[0].sum(1)},
        "observables_fake": {"sum": flat[1].sum(1)},
    }  # fmt: skip
    known = {name: value for name, value in fields.items() if name in Evidence.__dataclass_fields__}
    return lambda: Evidence(RealSide(flat[0]), flat[1], **known)


class _Predicts:
    """A feature space whose classifier goes by the sign of the first column."""

    def predict(self, features: Any) -> Any:
        """Return (n,) integers."""
        return (features[:, 0] > 0).astype(int)


def _dataset(name: str) -> Callable[[], Any]:
    import numpy as np

    from genbench.budget import Sizes

    dataset = _built("dataset", name)[1]()
    return lambda: dataset.load(Sizes(ROWS, ROWS // 2, ROWS // 2), np.random.default_rng(0))


# ----------------------------------------------------------------------------------------------------------------- core


def _plan() -> Callable[[], object]:
    from genbench.plan import Request, make_plan

    registry = _registry()
    request = Request(models="vae[latent=2|3|4|5]", datasets="ring,moons", seeds=5, device="cpu")
    return lambda: [cell.key for cell in make_plan(request, registry).cells]


def _record(model: int, seed: int) -> dict[str, Any]:
    """Return what a run would have written of a cell."""
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


def _records() -> list[dict[str, Any]]:
    return [_record(model, seed) for model in range(RECORDS // 5) for seed in range(5)]


def _write() -> Callable[[], object]:
    from genbench.record import write_record

    record, run = _record(0, 0), Path.cwd()
    record["trace"] = [(0.1 * i, i, {"loss": 1.0}) for i in range(100)]
    numbers = iter(range(10**9))  # each in a folder of its own
    return lambda: write_record(run, record | {"key": hashlib.sha256(str(next(numbers)).encode()).hexdigest()[:24]})


def _read() -> Callable[[], object]:
    from genbench.record import read_records, write_json, write_record

    run = Path.cwd()
    write_json(run / "run.json", {"schema_version": 1, "cells": []})
    for record in _records():
        write_record(run, record)
    return lambda: read_records(run)


def _table() -> Callable[[], object]:
    from genbench.report import render

    records = _records()
    return lambda: render(records, "markdown")


CORE: dict[str, Callable[[], Callable[[], object]]] = {
    "registry": lambda: _discover,
    "plan": _plan,
    "record/write": _write,
    "record/read": _read,
    "table": _table,
}
