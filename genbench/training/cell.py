"""One cell from beginning to end: load, train, draw samples, evaluate densities, save."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genbench.data import fingerprint
from genbench.errors import Unsuitable
from genbench.loading import heard_by
from genbench.plan.cell import REAL, Cell
from genbench.protocol import Array, Data
from genbench.spec import DataFacts, ModelSpec
from genbench.training.conditions import conditions_of, true_log_prob
from genbench.training.fit import train
from genbench.training.likelihood import MAX_DENSITY_ROWS, densities
from genbench.training.load import load
from genbench.training.samples_file import digest_of_samples, probe_rows, save_samples
from genbench.training.sampling import draw
from genbench.training.setup import Report, Setup, setup_of
from genbench.training.standardise import transform_of


def fit_cell(cell: Cell, run: Path, report: Report) -> dict[str, Any]:
    """Train and sample a cell, save its evidence in ``run``, and return the part of its record that is known then.

    ``report(phase=..., step=..., steps=..., values=...)`` is called with the progress. Raises Diverged, Invalid, or
    whatever the plugin raises, after the phase and the timings so far were reported.
    """
    report(phase="load")
    with heard_by(lambda done, total: report(phase="load", step=done, steps=total)):
        data = load(cell)
    transform = transform_of(data)
    known: dict[str, Any] = {
        "fingerprint": fingerprint(data),
        "sizes": {
            "train": len(data.train if data.weighted is None else data.weighted.rows),
            "test": len(data.test),
            "reference": len(data.reference),
        },
        "shape": list(data.shape),
        "notes": [*data.notes, *transform.notes],
    }
    report(phase="load", known=known)
    _check_suitable(cell, data)
    if cell.model.name == REAL:
        evidence, fields = _real_evidence(data)
    else:
        evidence, fields = _model_evidence(setup_of(cell, data, transform, report))
    save_samples(run, cell, {**evidence, "test_probe": probe_rows(data)})
    notes = [*known["notes"], *fields.pop("notes")]
    return {**known, "notes": notes, "samples_sha256": digest_of_samples(evidence["samples"]), **fields}


def _check_suitable(cell: Cell, data: Data) -> None:
    """Raise Unsuitable, with the model's reason, where it does not take such data."""
    assert isinstance(cell.model.spec, ModelSpec)
    if cell.model.spec.suits is None:
        return
    facts = DataFacts(
        "vector" if data.train.ndim == 2 else "image", shape=data.shape, levels=data.levels, columns=data.columns,
        rows=len(data.train), conditions=data.condition_columns,
    )  # fmt: skip
    if reason := cell.model.spec.suits(facts):
        raise Unsuitable(reason)


def _real_evidence(data: Data) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return evidence of the floor, with reference rows as samples and the true density, and fields of its record."""
    evidence = {"samples": data.reference}
    if data.log_prob is not None:
        for name, split in (("log_prob_test", "test"), ("log_prob_fake", "reference")):
            rows = getattr(data, split)[:MAX_DENSITY_ROWS]
            evidence[name] = true_log_prob(data, rows, conditions_of(data, split))
    return evidence, {"timings": {}, "trace": [], "facts": {}, "checks": [], "notes": []}


def _model_evidence(setup: Setup) -> tuple[dict[str, Array], dict[str, Any]]:
    """Train a model and return its evidence (samples, snapshots, log-densities) and the fields of its record."""
    fitted = train(setup)
    timings = dict(fitted.timings)
    setup.report(phase="sample", timings=timings)
    drawn = draw(setup, fitted.model)
    timings |= drawn.timings
    evidence = {"samples": drawn.samples, **fitted.snapshots}
    checks: list[dict[str, Any]] = []
    notes = list(fitted.notes)
    if setup.cell.density != "none" and not setup.transform.has_density:
        notes.append("no likelihood: the columns of a category have no density")
    elif setup.cell.density != "none":
        setup.report(phase="density", timings=timings)
        evaluated = densities(setup, fitted.model, drawn)
        timings |= evaluated.timings
        evidence |= evaluated.log_prob
        checks = [check.as_dict() for check in evaluated.checks]
        notes += evaluated.notes
    fields = {"timings": timings, "trace": fitted.trace, "facts": fitted.facts, "checks": checks, "notes": notes}
    return evidence, fields
