"""Run one audit: load and split the data, score real against real, inject each fault and score it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genbench.auditing.applicability import why_not_applicable
from genbench.auditing.faults import FAULTS
from genbench.auditing.findings import Injection
from genbench.auditing.measure import Injector, SharedReal, measure_fault, measure_floors
from genbench.auditing.request import DEFAULT_ROWS, MIN_ROWS, AuditPlan
from genbench.auditing.result import Audit
from genbench.auditing.workspace import Workspace, find_modes
from genbench.budget import Sizes
from genbench.data import split
from genbench.errors import DataError, PluginError, UserError
from genbench.files import from_object, known_columns
from genbench.protocol import Array, Data, Evidence
from genbench.registry.options import label
from genbench.registry.registry import resolve
from genbench.scoring.scorer import Scorer, missing
from genbench.training.standardise import transform_of

MAX_POOL_RATIO = 24  # rows of the pool per sample
MIN_ROWS_RATIO = 4  # rows per sample: training, test, and twice as many in the pool
MAX_POOL_NUMBERS = 1 << 26
READ_OPTIONS = ("columns", "labels", "na", "read_as", "pixel_range")  # of objects in memory


@dataclass(frozen=True)
class AuditSetup:
    """Everything an audit needs before it scores: the injector, the metrics by name, and facts on the data."""

    injector: Injector
    scorers: dict[str, Scorer]
    space: str
    modes_declared: bool
    notes: tuple[str, ...]
    data_kind: str


def run_audit(plan: AuditPlan, listener: Callable[[str], None] = lambda _: None) -> Audit:
    """Return how each metric responds to each fault; raises UserError where there are too few rows."""
    listener("loading the data")
    setup = prepare(plan)
    injector, injections, findings = setup.injector, [], []
    floors = measure_floors(injector, setup.scorers, listener)
    for fault in (FAULTS[name] for name in plan.faults):
        reason = why_not_applicable(fault.name, injector.pool, injector.real)
        size, low, high = fault.size, fault.low, fault.high
        injections.append(Injection(fault.name, size, low, high, fault.unit, fault.summary, reason))
        if not reason:
            findings += measure_fault(injector, fault, setup.scorers, floors, listener)
    return Audit(
        plan.name, injector.n, setup.space, len(injector.real.centres), setup.modes_declared, injector.seed,
        tuple(setup.scorers), tuple(injections), tuple(findings), setup.notes, setup.data_kind,
    )  # fmt: skip


def prepare(plan: AuditPlan) -> AuditSetup:
    """Load and split the data, and find their modes; scores nothing yet."""
    request = plan.request
    data = _load(plan)
    n = _number_of_samples(data, request.rows, plan.name)
    data, pool_raw, labels = _split(data, n, request.seed)
    work = Workspace(transform_of(data), data.shape)
    train, pool = work.from_data(data.train), work.from_data(pool_raw)
    centres, declared = find_modes(data, train, work, request.modes, request.seed)
    real = work.real_rows(train, pool, centres, labels)
    injector = Injector(pool, real, n, request.seed, _evidence_maker(data, work, train, request.seed))
    scorers, left_out = _scorers(plan, injector)
    notes = (*data.notes, *work.space.notes, *plan.left_out, *left_out)
    kind = "vector" if len(data.shape) == 1 else "image"
    return AuditSetup(injector, scorers, work.space.name, declared, notes, kind)


# ----------------------------------------------------------------------------------------------------------- the rows


def _load(plan: AuditPlan) -> Data:
    """Return the data, in the splits of the dataset."""
    request = plan.request
    if plan.dataset is None:
        options = {name: request.data_options[name] for name in READ_OPTIONS if name in request.data_options}
        found = from_object(request.real, "real", **options)
        columns = known_columns(found)
        train, *_ = split(found.rows, Sizes(len(found.rows), 0, 0), np.random.default_rng(request.seed))
        return Data(
            found.rows[train], found.rows[:0], found.rows[:0], columns=columns, levels=found.levels, notes=found.notes
        )
    entry, config = plan.dataset
    wanted = request.rows or DEFAULT_ROWS
    rows = entry.spec.rows  # type: ignore[union-attr]
    # of a dataset of limited size, ask for everything
    sizes = Sizes(wanted, wanted, MAX_POOL_RATIO * wanted) if rows is None else Sizes(rows, rows, rows)
    target = resolve(entry)
    data = (target() if config is None else target(config)).load(sizes, np.random.default_rng([request.seed, 1]))
    if not isinstance(data, Data):
        raise PluginError(f"dataset {plan.name!r}: load returned {type(data).__name__}, expected Data")
    return data


def _number_of_samples(data: Data, rows: int | None, name: str) -> int:
    """Return how many samples are scored, ``rows`` where given; raises UserError where there are too few rows."""
    total = len(data.train) + len(data.test) + len(data.reference)
    limit = total // MIN_ROWS_RATIO
    if limit < MIN_ROWS:
        needed = MIN_ROWS_RATIO * MIN_ROWS
        raise DataError(f"{name}: {total} distinct rows are too few to audit with; at least {needed} are needed")
    if rows is not None and rows > limit:
        needs = f"an audit takes {MIN_ROWS_RATIO} times as many"
        raise UserError(f"--rows {rows}: {needs}, and {name} has {total}; at most {limit}")
    return rows or min(DEFAULT_ROWS, limit)


def _split(data: Data, n: int, seed: int) -> tuple[Data, Array, Array | None]:
    """Return the data with n training and n test rows, a pool of other rows, and the labels of the pool, if any."""
    rows = np.concatenate([data.train, data.test, data.reference])
    order = np.random.default_rng([seed, 2]).permutation(len(rows))
    limit = MAX_POOL_NUMBERS // max(1, int(np.prod(data.shape)))
    size = max(MIN_ROWS_RATIO * n, min(MAX_POOL_RATIO * n, limit))
    train, test, pool = rows[order[:n]], rows[order[n : 2 * n]], rows[order[2 * n : 2 * n + size]]
    labels = None
    if data.labels is not None:
        labels = np.concatenate([data.labels[name] for name in ("train", "test", "reference")])[order[2 * n :][:size]]
    return replace(data, train=train, test=test, reference=pool[:n], labels=None), pool, labels


# ------------------------------------------------------------------------------------------------------- the evidence


def _evidence_maker(data: Data, work: Workspace, train: Array, seed: int) -> Callable[[Array], Evidence]:
    """Return a function from samples to their evidence; all evidence shares one real side."""
    test_raw = work.to_data(work.from_data(data.test))
    real = SharedReal(work.space.to_scores(test_raw))
    known = Evidence(
        real,
        real.rows,
        space=work.space.name,
        kind="vector" if len(data.shape) == 1 else "image",
        columns=work.space.columns,
        train=work.space.to_scores(work.to_data(train)),
        test_raw=test_raw,
        train_raw=data.train,  # as the dataset has them: single precision would hide which columns are integers
        raw_columns=data.columns,
        truth_test=None if data.log_prob is None else data.log_prob(test_raw),
        entropy=data.entropy,
        modes=data.modes,
        levels=data.levels,
        observables_test=None if data.observables is None else data.observables(test_raw),
        seed=seed,
    )

    def evidence_of(rows: Array) -> Evidence:
        raw = work.to_data(rows)
        return replace(
            known,
            fake=work.space.to_scores(raw),
            fake_raw=raw,
            truth_fake=None if data.log_prob is None else data.log_prob(raw),
            observables_fake=None if data.observables is None else data.observables(raw),
        )

    return evidence_of


def _scorers(plan: AuditPlan, injector: Injector) -> tuple[dict[str, Scorer], list[str]]:
    """Return the metrics that this evidence suffices for, and what the others lack."""
    evidence = injector.evidence_of(injector.draw(0)[0])
    scorers, left_out = {}, []
    for entry, config in plan.metrics:
        spec: Any = entry.spec
        if lack := missing(spec, evidence):
            left_out.append(f"{entry.key}: {lack}")
        else:
            scorers[label(entry.key, config)] = Scorer(spec, resolve(entry), config)
    if not scorers:
        raise UserError(f"no metric of --metrics {plan.request.metrics} can be audited on these data: {left_out[0]}")
    return scorers, left_out if plan.request.metrics not in (None, "all") else []
