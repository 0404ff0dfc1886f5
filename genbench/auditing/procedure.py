"""One audit, top to bottom: load, split, score real against real, inject every fault, and tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genbench.auditing.faults import FAULTS, Fault
from genbench.auditing.findings import Injected
from genbench.auditing.measure import Bench, SharedReal, floors_of, measure
from genbench.auditing.request import DEFAULT_ROWS, FEWEST_ROWS, Checked
from genbench.auditing.result import Audit
from genbench.auditing.workspace import Ground, Workspace, clusters, nothing_to_lose
from genbench.budget import Sizes
from genbench.data import split
from genbench.errors import DataError, PluginError, UserError
from genbench.files import from_array
from genbench.protocol import Array, Column, Data, Evidence
from genbench.registry.options import label
from genbench.registry.registry import resolve
from genbench.scoring.scorer import Scorer, missing
from genbench.training.standardise import transform_of

__all__ = ["Prepared", "conduct", "prepare"]

POOL = 24  # times the samples: fresh real rows that are drawn from, where there are as many
SHARE = 4  # training, test and twice as many rows to draw from
MOST = 1 << 26  # numbers in the pool, at most


@dataclass(frozen=True)
class Prepared:
    """All that an audit needs before it scores: the bench, the metrics by name, and what the data are."""

    bench: Bench
    scorers: dict[str, Scorer]
    space: str
    modes_declared: bool
    notes: tuple[str, ...]


def conduct(checked: Checked, listener: Callable[[str], None] = lambda _: None) -> Audit:
    """Return what each metric sees of each fault; raises UserError where the rows do not suffice."""
    listener("loading the data")
    ready = prepare(checked)
    bench, faults, findings = ready.bench, [], []
    floors = floors_of(bench, ready.scorers, listener)
    for fault in (FAULTS[name] for name in checked.faults):
        why = nothing_to_lose(fault.name, bench.pool, bench.ground)
        faults.append(_injected(fault, why))
        if not why:
            findings += measure(bench, fault, ready.scorers, floors, listener)
    return Audit(
        checked.name, bench.n, ready.space, len(bench.ground.centres), ready.modes_declared, bench.seed,
        tuple(ready.scorers), tuple(faults), tuple(findings), ready.notes,
    )  # fmt: skip


def prepare(checked: Checked) -> Prepared:
    """Load, split and look for modes; nothing is scored yet."""
    request = checked.request
    data = _loaded(checked)
    n = _rows_of(data, request.rows, checked.name)
    data, pool_raw = _split(data, n, request.seed)
    work = Workspace(transform_of(data), data.shape)
    train, pool = work.enter(data.train), work.enter(pool_raw)
    centres, declared = clusters(data, train, work, request.modes, request.seed)
    ground = Ground(train, pool, centres, train.std(0))
    bench = Bench(pool, ground, n, request.seed, _presenter(data, work, train, request.seed))
    scorers, left_out = _scorers(checked, bench)
    notes = (*data.notes, *work.space.notes, *checked.left_out, *left_out)
    return Prepared(bench, scorers, work.space.name, declared, notes)


def _injected(fault: Fault, why: str) -> Injected:
    return Injected(fault.name, fault.size, fault.low, fault.high, fault.unit, fault.summary, why)


# ----------------------------------------------------------------------------------------------------------- the rows


def _loaded(checked: Checked) -> Data:
    """Return the data, their splits as they come."""
    request = checked.request
    if checked.dataset is None:
        found = from_array(request.real, "real", request.data_options.get("columns", ()))
        columns = tuple(Column(name) for name in found.columns) if found.kind == "vector" else ()
        whole = Sizes(len(found.rows), 0, 0)
        train, *_ = split(found.rows, whole, np.random.default_rng(request.seed))
        return Data(
            found.rows[train], found.rows[:0], found.rows[:0], columns=columns, levels=found.levels, notes=found.notes
        )
    entry, config = checked.dataset
    wanted = request.rows or DEFAULT_ROWS
    rows = entry.spec.rows  # type: ignore[union-attr]
    sizes = Sizes(wanted, wanted, POOL * wanted) if rows is None else Sizes(rows, rows, rows)  # 70 : 15 : 15, all of it
    made = resolve(entry)
    data = (made() if config is None else made(config)).load(sizes, np.random.default_rng([request.seed, 1]))
    if not isinstance(data, Data):
        raise PluginError(f"dataset {checked.name!r}: load returned {type(data).__name__}, expected Data")
    return data


def _rows_of(data: Data, asked: int | None, name: str) -> int:
    """Return how many samples can be scored; raises UserError."""
    total = len(data.train) + len(data.test) + len(data.reference)
    most = total // SHARE
    if most < FEWEST_ROWS:
        raise DataError(
            f"{name}: {total} distinct rows are too few to audit with; at least {SHARE * FEWEST_ROWS} needed"
        )
    if asked is not None and asked > most:
        raise UserError(f"--rows {asked}: an audit takes {SHARE} times as many, and {name} has {total}; at most {most}")
    return asked or min(DEFAULT_ROWS, most)


def _split(data: Data, n: int, seed: int) -> tuple[Data, Array]:
    """Return the data with n training and n test rows, and the pool of all others."""
    rows = np.concatenate([data.train, data.test, data.reference])
    order = np.random.default_rng([seed, 2]).permutation(len(rows))
    most = max(SHARE * n, min(POOL * n, MOST // max(1, int(np.prod(data.shape)))))
    train, test, pool = rows[order[:n]], rows[order[n : 2 * n]], rows[order[2 * n : 2 * n + most]]
    return replace(data, train=train, test=test, reference=pool[:n], labels=None), pool


# ------------------------------------------------------------------------------------------------------- the evidence


def _presenter(data: Data, work: Workspace, train: Array, seed: int) -> Callable[[Array], Evidence]:
    """Return what makes evidence of samples; all of it shares one real side."""
    test_raw = work.leave(work.enter(data.test))
    real = SharedReal(work.space.to_scores(test_raw))
    known = Evidence(
        real,
        real.rows,
        space=work.space.name,
        kind="vector" if len(data.shape) == 1 else "image",
        columns=work.space.columns,
        train=work.space.to_scores(work.leave(train)),
        test_raw=test_raw,
        truth_test=None if data.log_prob is None else data.log_prob(test_raw),
        entropy=data.entropy,
        modes=data.modes,
        levels=data.levels,
        observables_test=None if data.observables is None else data.observables(test_raw),
        seed=seed,
    )

    def present(rows: Array) -> Evidence:
        raw = work.leave(rows)
        return replace(
            known,
            fake=work.space.to_scores(raw),
            fake_raw=raw,
            truth_fake=None if data.log_prob is None else data.log_prob(raw),
            observables_fake=None if data.observables is None else data.observables(raw),
        )

    return present


def _scorers(checked: Checked, bench: Bench) -> tuple[dict[str, Scorer], list[str]]:
    """Return the metrics that such evidence serves, and what the others lack."""
    evidence = bench.present(bench.draw(0)[0])
    scorers, left_out = {}, []
    for entry, config in checked.metrics:
        spec: Any = entry.spec
        if why := missing(spec, evidence):
            left_out.append(f"{entry.key}: {why}")
        else:
            scorers[label(entry.key, config)] = Scorer(spec, resolve(entry), config)
    if not scorers:
        raise UserError(f"no metric of --metrics {checked.request.metrics} can be audited on these data: {left_out[0]}")
    return scorers, left_out if checked.request.metrics not in (None, "all") else []
