"""One cell from beginning to end: load, train, draw samples, evaluate densities, save, perform other tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from genbench.data import fingerprint
from genbench.errors import Unsuitable, describe
from genbench.loading import heard_by
from genbench.plan.cell import REAL, Cell
from genbench.protocol import Array, Data
from genbench.record.evidence_file import digest_of_evidence, evidence_path
from genbench.record.store import cell_folder
from genbench.spec import DataFacts, ModelSpec
from genbench.training.conditions import conditions_of, true_log_prob
from genbench.training.fit import train
from genbench.training.hidden_rows import load_again, without_held_out
from genbench.training.likelihood import MAX_DENSITY_ROWS, densities
from genbench.training.load import load
from genbench.training.model_file import save_model, state_of
from genbench.training.samples_file import digest_of_samples, probes_on_disk, save_samples
from genbench.training.sampling import draw
from genbench.training.setup import Report, Setup, setup_of
from genbench.training.standardise import transform_of
from genbench.training.tasks import methods_of, perform

Evidence = dict[str, Array]  # arrays by the names under which they are saved
Save = Callable[[Evidence], str]  # evidence -> sha256 of its samples


def fit_cell(cell: Cell, run: Path, report: Report, *, keep: bool = False) -> dict[str, Any]:
    """Train and sample a cell, save its evidence in ``run``, and return the part of its record that is known then.

    With ``keep``, the trained model is saved beside it, if it has a state.

    ``report(phase=..., step=..., steps=..., values=...)`` is called with the progress. Raises Diverged, Invalid, or
    whatever the plugin raises, after the phase and the timings so far were reported.
    """
    report(phase="load")
    with heard_by(lambda done, total: report(phase="load", step=done, steps=total)):
        data = load(cell)
    assert isinstance(cell.model.spec, ModelSpec)
    transform = transform_of(data, codes=cell.model.spec.categories)
    known: dict[str, Any] = {
        "fingerprint": fingerprint(data),
        "sizes": {
            "train": len(data.train if data.weighted is None else data.weighted.rows),
            "test": len(data.test),
            "reference": len(data.reference),
        },
        "shape": list(data.shape),
        "notes": list(dict.fromkeys([*data.notes, *transform.notes])),
    }
    report(phase="load", known=known)
    _check_suitable(cell, data)

    with probes_on_disk(run, cell, data) as probes:

        def save(evidence: Evidence) -> str:
            save_samples(run, cell, {**evidence, **probes()})
            return digest_of_samples(evidence["samples"])

        if cell.model.name == REAL:
            fields = _save_real(data, save)
        else:
            data = without_held_out(data)  # nothing else refers to the rows
            setup = setup_of(cell, data, transform, report)
            fields = _save_model(setup, save, known["fingerprint"], run if keep else None)
    digest = digest_of_evidence(evidence_path(cell_folder(run, cell.key)))
    return {**known, **fields, "evidence_sha256": digest, "notes": [*known["notes"], *fields["notes"]]}


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


def _save_real(data: Data, save: Save) -> dict[str, Any]:
    """Save evidence of the floor, reference rows as samples and the true density; return the fields of its record."""
    evidence = {"samples": data.reference}
    if data.log_prob is not None:
        for name, split in (("log_prob_test", "test"), ("log_prob_fake", "reference")):
            rows = getattr(data, split)[:MAX_DENSITY_ROWS]
            evidence[name] = true_log_prob(data, rows, conditions_of(data, split))
    digest = save(evidence)
    return {"samples_sha256": digest, "timings": {}, "trace": [], "facts": {}, "checks": [], "notes": []}


def _save_model(setup: Setup, save: Save, fingerprint: str, keep: Path | None) -> dict[str, Any]:
    """Train a model and save its evidence (samples, snapshots, log-densities); return the fields of its record.

    ``setup`` has the data without held-out rows. They are loaded again, for likelihoods and other tasks, once the
    samples are saved and their sha256 is reported. The model itself is kept in the run ``keep``.
    """
    fitted = train(setup)
    timings = dict(fitted.timings)
    setup.report(phase="sample", timings=timings)
    drawn = draw(setup, fitted.model)
    timings |= drawn.timings
    evidence = {"samples": drawn.samples, **fitted.snapshots}
    digest = save(evidence)
    setup.report(phase="sample", timings=timings, known={"samples_sha256": digest})
    has_density = setup.cell.density != "none" and setup.transform.has_density
    if has_density or methods_of(setup.cell.model, fitted.model):
        setup = replace(setup, data=load_again(setup.cell, fingerprint))
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
    if len(evidence) > 1 + len(fitted.snapshots):
        save(evidence)
    if keep is not None and (problem := _keep(setup, fitted.model, keep, digest)):
        notes.append(problem)
    tasks = perform(setup, fitted.model, drawn)
    if more := tasks.as_arrays():
        timings |= tasks.timings
        save({**evidence, **more})
    notes += [f"{setup.cell.model.label}: {method} failed: {why}" for method, why in tasks.problems.items()]
    return {
        "samples_sha256": digest, "timings": timings, "trace": fitted.trace, "facts": fitted.facts, "checks": checks,
        "notes": notes,
    }  # fmt: skip


def _keep(setup: Setup, model: Any, run: Path, digest: str) -> str:
    """Save a trained model, and return why that was not possible; a model without a state is trained again instead."""
    try:
        state = state_of(model)
        if state is not None:
            save_model(run, setup, state, digest)
    except Exception as error:  # of the plugin, or of the disk: the samples are there already
        return f"{setup.cell.model.label}: the trained model was not kept: {describe(error)}"
    return ""
