"""Checks of suites: what they select, where their published values stand, and a smoke run of what is installed."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from genbench.errors import UnknownName, UserError
from genbench.plan.suite import choose_suite, choose_term, terms_of
from genbench.record.score import column_of, metric_failed
from genbench.record.store import read_records
from genbench.registry.options import option_types
from genbench.registry.registry import Registry
from genbench.registry.selection import parse_selection
from genbench.testing.check import Failed, Skipped, Subject, check, expect


def registry_of(subject: Subject) -> Registry:
    """Return the installed plugins and those of the files under test, shared by several checks."""
    found: Registry = subject.once("registry", lambda: Registry.discover(subject.files))
    return found


def parsed_terms(subject: Subject) -> list[tuple[str, str]]:
    """Return the kind and the text of each term of the selections; raises Skipped where they cannot be read."""
    try:
        return [(kind, term) for kind, terms in terms_of(subject.spec) for term in terms if parse_selection(term)]
    except UserError as error:
        raise Skipped(f"a selection cannot be read: {error}") from None


def absent(kind: str, term: str, registry: Registry) -> str:
    """Return why a term is planned as a skip: its plugin or an option of it is not installed; empty if it is there."""
    name, points = parse_selection(term.partition("@")[0])
    try:
        config = registry.find(kind, name).spec.config if not set(name) & set("*?") and name != "all" else None
    except UnknownName as error:
        return str(error)
    unknown = [option for option in points[0] if option not in option_types(config)]
    return f"{kind} {name!r} has no option {unknown[0]!r}" if unknown else ""


@check("suite", remedy="write selections as on the command line: 'vae[latent=2|8],gan', with a name in each")
def selections_can_be_read(subject: Subject) -> None:
    """Models, datasets and metrics are selections, each with at least one term that is no exclusion."""
    for kind, terms in terms_of(subject.spec):
        for term in terms:
            try:
                parse_selection(term)
            except UserError as error:
                raise Failed(f"{kind}s: {error}") from None
        expect(any(not term.startswith("-") for term in terms), f"{kind}s: there are only exclusions: {terms}")


@check("suite", remedy="give values that the option accepts: genbench show NAME lists them")
def installed_parts_accept_their_options(subject: Subject) -> None:
    """What is installed of it accepts the options that the suite gives; the rest is a planned skip."""
    skipped, registry = [], registry_of(subject)
    for kind, term in parsed_terms(subject):
        if term.startswith("-"):
            continue
        if reason := absent(kind, term, registry):
            skipped.append(reason)
            continue
        try:
            choose_term(kind, term, registry)
        except UserError as error:
            raise Failed(str(error)) from None
    if skipped:
        raise Skipped(f"planned skips: {'; '.join(skipped)}")


def names_of(subject: Subject, wanted: str) -> set[str]:
    """Return what the metrics or datasets of the suite are called: as it writes them, and in tables if installed."""
    names = set()
    for kind, term in parsed_terms(subject):
        if kind == wanted and not term.startswith("-"):
            names.add(term)
            with contextlib.suppress(UserError):  # another check is for those
                names |= {component.label for component in choose_term(kind, term, registry_of(subject))}
    return names


@check("suite", remedy="add the metric to metrics, or publish the value under the name of one that is there")
def published_values_have_a_column(subject: Subject) -> None:
    """Each published value is of a metric of the suite, so that it stands beside the values of its models."""
    known = names_of(subject, "metric")
    for value in subject.spec.published:
        expect(value.metric in known, f"{value.model}: {value.metric!r} is no metric of the suite")


@check("suite", remedy="name a dataset of the suite by its label, as 'gaussian[dim=8]', or none for all")
def published_values_have_a_dataset(subject: Subject) -> None:
    """Each published value is of a dataset of the suite, or of all."""
    known = names_of(subject, "dataset")
    for value in subject.spec.published:
        found = not value.dataset or value.dataset in known
        expect(found, f"{value.model}, {value.metric}: {value.dataset!r} is no dataset of the suite")


@check("suite", remedy="keep one value of each model, metric, dataset and source")
def published_values_are_stated_once(subject: Subject) -> None:
    """No two published values are of one model, metric, dataset and source."""
    counted = Counter((v.model, v.metric, v.dataset, v.source) for v in subject.spec.published)
    twice = [key for key, n in counted.items() if n > 1]
    expect(not twice, f"published twice: {', '.join(twice[0][:2]) if twice else ''}")


@check("suite", remedy="run genbench run --suite NAME --preset smoke, and see the reasons of the cells that failed")
def smoke_run_works(subject: Subject) -> None:
    """Scaled down by --preset smoke, what is installed of it runs, and every model of it gets its scores."""
    try:
        parsed_terms(subject)
        chosen = choose_suite(subject.entry.key, registry_of(subject), "smoke")
    except UserError as error:
        raise Skipped(f"it cannot be planned: {error}") from None
    if not (chosen.models and chosen.datasets and chosen.metrics):
        parts = {"model": chosen.models, "dataset": chosen.datasets, "metric": chosen.metrics}
        lacking = [kind for kind, found in parts.items() if not found]
        raise Skipped(f"no {' and no '.join(lacking)} of it is installed")
    with tempfile.TemporaryDirectory() as folder:
        records = _run_smoke(subject, Path(folder) / "run")
    failed = [
        f"{r['label']} x {r['dataset_label']}: {r['status']}: {r['reason']}" for r in records if r["status"] != "ok"
    ]
    failed += [
        f"{r['label']} x {r['dataset_label']}: {column_of(score)}: {(score.get('warnings') or ['?'])[0]}"
        for r in records
        for score in r.get("scores") or ()
        if metric_failed(score)
    ]
    expect(not failed, f"{len(failed)} failed: {'; '.join(failed[:3])}")


def _run_smoke(subject: Subject, out: Path) -> list[dict[str, Any]]:
    """Run the suite with the preset ``smoke`` in another process, and return its records."""
    plugins = [word for path in subject.files for word in ("--plugin", str(path))]
    command = ["run", "--suite", subject.entry.key, "--preset", "smoke", "--out", str(out), *plugins]
    done = subprocess.run([sys.executable, "-m", "genbench", *command], capture_output=True, text=True)
    reason = (done.stderr.strip().splitlines() or ["?"])[-1]
    expect((out / "run.json").is_file(), f"it could not be run: {reason}")
    return read_records(out)
