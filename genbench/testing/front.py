"""The ways to the checks: a function, a decorator for the author's own tests, and what they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from genbench.errors import PluginError, UnknownName, UserError
from genbench.registry.discovery import PluginRow
from genbench.registry.options import fill
from genbench.registry.registry import KINDS, Registry
from genbench.testing.check import HOMES, Subject, checks_for
from genbench.testing.kit import Report, expected_of, outcome_of, verify

__all__ = ["check_functions", "check_plugin", "conformance", "subjects"]


def subjects(name: str, plugins: Iterable[str | Path] = (), kind: str | None = None) -> list[Subject]:
    """Return what a name stands for: specs of this name, ``model:name``, or all of a distribution or a plugin.

    Options may stand in brackets, ``vae[latent=8]``. Raises UnknownName where nothing has this name, PluginError where
    the plugin that has it is broken, UserError where it is outdated.
    """
    files = tuple(Path(path) for path in plugins)
    registry = Registry.discover(files)
    plain, bracket, _ = name.partition("[")
    prefix, _, rest = plain.partition(":")
    if prefix in KINDS and rest:
        kind, name = prefix, name.removeprefix(f"{prefix}:")
        plain = rest
    found = []
    for each in HOMES:
        if kind not in (None, each):
            continue
        entries = [e for e in registry.entries(each) if plain in (e.key, e.qualified, e.spec.name)]
        if entries and bracket:
            found += [
                Subject(entry, fill(entry.spec, settings), files) for entry, settings in registry.select(each, name)
            ]
        else:
            entries = [e for e in entries if plain in (e.key, e.qualified)] or entries  # of a clash all, none is meant
            found += [Subject(entry, fill(entry.spec), files) for entry in entries]
    if not found and not bracket:
        mine = [
            entry
            for each in HOMES
            for entry in registry.entries(each)
            if plain in (entry.provenance.distribution, entry.provenance.plugin) and kind in (None, each)
        ]
        found = [Subject(entry, fill(entry.spec), files) for entry in mine]
    if not found:
        for row in registry.plugins:
            if plain in (row.name, row.distribution):
                raise _nothing_of(row, kind)
        known = {e.key for each in HOMES if kind in (None, each) for e in registry.entries(each)}
        raise UnknownName(kind or "plugin", plain, known)
    return found


def _nothing_of(row: PluginRow, kind: str | None) -> Exception:
    """Return the error that says why there is nothing of a plugin to check."""
    if row.status == "broken":
        error = PluginError(row.problem)
        error.add_note(row.traceback)
        return error
    if row.status == "outdated":
        return UserError(f"{row.problem}; see genbench plugins {row.name}")
    source = f"plugin {row.name!r} ({row.provenance})"
    if row.status == "blocked":
        return UserError(f"{source} is blocked {row.reason}")
    there = ", ".join(row.provides) or "nothing, and observes only"
    return UserError(f"{source} provides no {kind or 'model, dataset, metric or space'}; it provides {there}")


def check_plugin(
    name: str,
    *,
    kind: str | None = None,
    plugins: Iterable[str | Path] = (),
    expected_failures: Mapping[str, str] | None = None,
) -> list[Report]:
    """Return one report for each spec that ``name`` stands for.

    ``expected_failures`` maps the name of a check to the reason why it is known to fail; one that passes after all is
    reported as an unexpected pass. Raises UnknownName, PluginError, and ValueError for a check that does not exist.
    """
    found = subjects(name, plugins, kind)
    known = expected_of(found, expected_failures or {})
    return [Report(subject, tuple(verify(subject, known[subject.spec.kind]))) for subject in found]


def conformance(
    name: str,
    *,
    kind: str | None = None,
    plugins: Iterable[str | Path] = (),
    expected_failures: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that makes a test, ``def test_contract(check): check()``, one test a check.

    Checks that do not apply are skipped; where none is left, the test fails. Needs pytest.
    """
    import pytest

    parameters = [
        pytest.param(test, id=label) for label, test in check_functions(name, kind, plugins, expected_failures)
    ]
    return pytest.mark.parametrize("check", parameters)


def check_functions(
    name: str,
    kind: str | None = None,
    plugins: Iterable[str | Path] = (),
    expected_failures: Mapping[str, str] | None = None,
) -> list[tuple[str, Callable[[], None]]]:
    """Return what pytest runs, each with its name: one function a check, and one that something was checked at all."""
    found, tests = subjects(name, plugins, kind), []
    expected = expected_of(found, expected_failures or {})
    for subject in found:
        seen: list[str] = []
        reasons = expected[subject.spec.kind]
        key = subject.entry.key if len(found) == 1 else f"{subject.spec.kind}:{subject.entry.key}"
        checks = checks_for(subject.spec.kind)
        tests += [(f"{key}-{one.name}", _runner(one, subject, reasons.get(one.name), seen)) for one in checks]
        tests.append((f"{key}-something_was_checked", _something(subject, seen)))
    return tests


def _runner(one: Any, subject: Subject, expected: str | None, seen: list[str]) -> Callable[[], None]:
    def run() -> None:
        import pytest

        outcome = outcome_of(one, subject, expected)
        seen.append(outcome.verdict)
        if outcome.verdict == "skipped":
            pytest.skip(outcome.reason)
        if outcome.verdict == "expected failure":
            pytest.xfail(outcome.reason)
        if outcome.bad:
            remedy = f"\nremedy: {one.remedy}" if outcome.verdict == "failed" else ""
            pytest.fail(f"{one.summary}: {outcome.reason}{remedy}\n{outcome.traceback}".rstrip(), pytrace=False)

    return run


def _something(subject: Subject, seen: list[str]) -> Callable[[], None]:
    def run() -> None:
        import pytest

        if not seen:
            pytest.skip("run alone, it knows of no check")
        if set(seen) == {"skipped"}:
            pytest.fail(f"all checks of {subject.entry.key!r} were skipped: nothing is known of it", pytrace=False)

    return run
