"""Run checks by the name of a plugin: as a function, as a decorator for an author's own tests, and for pytest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from genbench.errors import PluginError, UnknownName, UserError
from genbench.registry.discovery import PluginRow
from genbench.registry.options import Setting, fill
from genbench.registry.registry import ANY_KIND, Entry, Registry
from genbench.spec import PLUGIN_KINDS, Spec
from genbench.testing.check import CHECK_MODULES, Check, Subject, checks_for
from genbench.testing.kit import Report, checks_by_kind, expected_by_kind, run_check, verify


def configured(spec: Spec, **options: Any) -> Any:
    """Return the config of a spec, made from its defaults and these options as a run makes it; None if it has none.

    Values may be text, as on the command line. Raises ConfigError for an unknown option, a wrong type, or a value that
    the config class rejects.
    """
    return fill(spec, [Setting(spec.name, name, value, f"{name}={value}") for name, value in options.items()])


def subjects(
    name: str, plugins: Iterable[str | Path] = (), kind: str | None = None, *, fast: bool = False
) -> list[Subject]:
    """Return the specs of this name (or ``model:name``), or else all specs of the distribution or plugin of this name.

    A name may set options, ``vae[latent=8]``. Raises UnknownName where nothing has this name, PluginError where the
    plugin of this name is broken, and UserError where it is outdated, blocked or provides nothing to check.
    """
    files = tuple(Path(path) for path in plugins)
    registry = Registry.discover(files)
    plain, bracket, _ = name.partition("[")
    prefix, _, rest = plain.partition(":")
    if prefix in PLUGIN_KINDS and rest:
        kind, name = prefix, name.removeprefix(f"{prefix}:")
        plain = rest
    found: list[tuple[Entry, list[Setting]]] = []
    kinds = [each for each in CHECK_MODULES if kind in (None, each)]
    for each in kinds:
        entries = [e for e in registry.entries(each) if plain in (e.key, e.qualified, e.spec.name)]
        if entries and bracket:
            found += registry.select(each, name)
        else:
            # where several distributions provide this name, no key equals it, and all of them are meant
            found += [(e, []) for e in entries if plain in (e.key, e.qualified)] or [(e, []) for e in entries]
    known = [entry for each in kinds for entry in registry.entries(each)]
    if not found and not bracket:
        found = [(e, []) for e in known if plain in (e.provenance.distribution, e.provenance.plugin)]
    if found:
        return [Subject(entry, fill(entry.spec, settings), files, fast) for entry, settings in found]
    for row in registry.plugins:
        if plain in (row.name, row.distribution):
            raise _nothing_to_check(row, kind)
    raise UnknownName(kind or "plugin", plain, {entry.key for entry in known})


def _nothing_to_check(row: PluginRow, kind: str | None) -> Exception:
    """Return the error that explains why a plugin has nothing to check."""
    if row.status == "broken":
        error = PluginError(row.problem)
        error.add_note(row.traceback)
        return error
    if row.status == "outdated":
        return UserError(f"{row.problem}; see genbench plugins {row.name}")
    source = f"plugin {row.name!r} ({row.provenance})"
    if row.status == "blocked":
        return UserError(f"{source} is blocked {row.reason}")
    provided = ", ".join(row.provides) or "nothing, and observes only"
    return UserError(f"{source} provides no {kind or ANY_KIND}; it provides {provided}")


def check_plugin(
    name: str,
    *,
    kind: str | None = None,
    plugins: Iterable[str | Path] = (),
    expected_failures: Mapping[str, str] | None = None,
    only: Iterable[str] = (),
    fast: bool = False,
) -> list[Report]:
    """Run all checks of each spec that ``name`` stands for, and return one report per spec.

    ``only`` names the checks to run; ``fast`` asks for shorter trainings and fewer kinds of data.

    ``expected_failures`` maps the names of checks to the reasons why they are known to fail; such a check that passes
    is reported as an unexpected pass. Raises UnknownName, PluginError, UserError, and ValueError for an unknown check.
    """
    found = subjects(name, plugins, kind, fast=fast)
    expected = expected_by_kind(found, expected_failures or {})
    chosen = checks_by_kind(found, only)
    return [
        Report(subject, tuple(verify(subject, expected[subject.spec.kind], chosen[subject.spec.kind])))
        for subject in found
    ]


def conformance(
    name: str,
    *,
    kind: str | None = None,
    plugins: Iterable[str | Path] = (),
    expected_failures: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that turns a test, ``def test_contract(check): check()``, into one test per check.

    Checks that do not apply are skipped; where all are skipped, a last test fails. Needs pytest.
    """
    import pytest

    tests = check_functions(subjects(name, plugins, kind), expected_failures or {})
    return pytest.mark.parametrize("check", [pytest.param(test, id=label) for label, test in tests])


def check_functions(
    found: Sequence[Subject], expected_failures: Mapping[str, str]
) -> list[tuple[str, Callable[[], None]]]:
    """Return the tests for pytest with their names: one per check, and per spec one that fails if all were skipped."""
    expected, tests = expected_by_kind(found, expected_failures), []
    for subject in found:
        verdicts: list[str] = []
        reasons = expected[subject.spec.kind]
        key = subject.entry.key if len(found) == 1 else f"{subject.spec.kind}:{subject.entry.key}"
        checks = checks_for(subject.spec.kind)
        tests += [(f"{key}-{one.name}", _check_test(one, subject, reasons.get(one.name), verdicts)) for one in checks]
        tests.append((f"{key}-something_was_checked", _not_all_skipped_test(subject, verdicts)))
    return tests


def _check_test(one: Check, subject: Subject, expected: str | None, verdicts: list[str]) -> Callable[[], None]:
    """Return a test of one check, which appends its verdict."""

    def run() -> None:
        import pytest

        outcome = run_check(one, subject, expected)
        verdicts.append(outcome.verdict)
        if outcome.verdict == "skipped":
            pytest.skip(outcome.reason)
        if outcome.verdict == "expected failure":
            pytest.xfail(outcome.reason)
        if outcome.bad:
            remedy = f"\nremedy: {one.remedy}" if outcome.verdict == "failed" else ""
            pytest.fail(f"{one.summary}: {outcome.reason}{remedy}\n{outcome.traceback}".rstrip(), pytrace=False)

    return run


def _not_all_skipped_test(subject: Subject, verdicts: list[str]) -> Callable[[], None]:
    """Return a test that fails if all checks of a subject were skipped."""

    def run() -> None:
        import pytest

        if not verdicts:
            pytest.skip("no check was run before it")
        if set(verdicts) == {"skipped"}:
            pytest.fail(f"all checks of {subject.entry.key!r} were skipped: nothing was checked", pytrace=False)

    return run
