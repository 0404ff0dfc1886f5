"""Run one benchmark: install both versions, measure them in turn, decide, and repeat what is in doubt."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genbench.benching.baseline import Baseline, write_baseline
from genbench.benching.checkouts import Installation, VersionSource, install
from genbench.benching.measure import Measurer
from genbench.benching.request import BenchRequest, select_quantities
from genbench.comparing import Comparison, Verdict, decide_speed
from genbench.comparing.fact import decide_fact
from genbench.comparing.text import first_of
from genbench.errors import UserError
from genbench.record.environment import machine, versions

Listener = Callable[[str], None]
Values = list[list[float | None]]  # one list per side
Decide = Callable[[str, Values], Verdict]
VERDICTS_TO_REPEAT = ("regressed", "improved")
MAX_REPEATS = 2  # of a measurement in doubt
MAX_NAMES_SHOWN = 6
METRIC = "cpu_s"


def bench(
    request: BenchRequest,
    base: VersionSource | Baseline | None,
    head: VersionSource,
    save: Path | None = None,
    listener: Listener = lambda _: None,
) -> Comparison:
    """Measure head, in turn with base, and return the verdict on each tracked quantity.

    Values taken one after the other are compared as pairs. What regressed or improved is measured again in new
    processes, ten values a side or more, and counts only if it repeats; unless the request is quick, what was
    inconclusive is measured again too. ``save`` names a file for the measurements of head. ``listener`` is called with
    a line for each step. Raises UserError where a version cannot be installed.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="genbench-bench-")))
        sides = _install([base, head] if isinstance(base, VersionSource) else [head], folder, listener)
        measurer = stack.enter_context(Measurer(sides, folder, request.effort))
        found = measurer.quantities()
        names = select_quantities(request, sides[-1].distribution, found)
        measurer.restart(names)
        values = _measure(measurer, names, found, listener)
        facts = _facts(measurer, names, found, listener)
        if save is not None:
            own = {name: each[-1] for name, each in values.items()}
            own_facts = {name: each[-1] for name, each in facts.items()}
            write_baseline(save, sides[-1], own, own_facts, _effort(request))
        if isinstance(base, VersionSource):
            verdicts = {name: _decide_both(measurer, name, found, values[name]) for name in names}
            decide: Decide = lambda name, new: _decide_speed(name, new[0], new[1])  # noqa: E731
        else:
            decide = lambda name, new: _decide_against_baseline(measurer, base, request, name, new[0])  # noqa: E731
            verdicts = {name: decide(name, values[name]) for name in names}
            facts = {name: [_baseline_facts(base, name), facts[name][0]] for name in names}
        verdicts = _repeat_doubtful(measurer, verdicts, range(len(sides)), decide, listener)
    listener("")
    fact_verdicts = [each for name in names for each in _compare_facts(name, *facts[name])]
    label = "nothing" if base is None else base.label
    here = {"created": datetime.now(UTC).isoformat(), "machine": machine(), "versions": versions()}
    about = {"machine": here["machine"], "sides": {side.label: _about(side) for side in sides}}
    about |= {name: here | _about(side) for name, side in zip(("head", "base"), sides[::-1], strict=False)}
    return Comparison((*verdicts.values(), *fact_verdicts), label, sides[-1].label, _notes(base, request), about)


# ----------------------------------------------------------------------------------------------------------- measuring


def _install(sources: Sequence[VersionSource], folder: Path, listener: Listener) -> list[Installation]:
    sides = []
    for number, source in enumerate(sources):
        listener(f"installing {source.label}")
        side_folder = folder / str(number)
        side_folder.mkdir()
        sides.append(install(source, side_folder))
    if len({side.distribution for side in sides}) > 1:
        base, head = (side.distribution for side in sides)
        raise UserError(f"base is {base}, head is {head}; expected two versions of one distribution")
    return sides


def _measure(
    measurer: Measurer, names: Sequence[str], found: Sequence[Mapping[str, str]], listener: Listener
) -> dict[str, Values]:
    """Return the values of each quantity, one list per side; the list is empty where a side lacks the quantity."""
    values: dict[str, Values] = {}
    for number, name in enumerate(names, 1):
        listener(f"measuring {number}/{len(names)}: {name}")
        having = [index for index, side in enumerate(found) if name in side]
        measured = dict(zip(having, measurer.values(name, having, measurer.effort.pairs), strict=True))
        values[name] = [measured.get(index, []) for index in range(len(found))]
    return values


def _facts(
    measurer: Measurer, names: Sequence[str], found: Sequence[Mapping[str, str]], listener: Listener
) -> dict[str, list[dict[str, Any]]]:
    facts = {}
    for number, name in enumerate(names, 1):
        listener(f"counting {number}/{len(names)}: {name}")
        facts[name] = [measurer.facts(name, [i])[0] if name in side else {} for i, side in enumerate(found)]
    return facts


def _measure_again(
    measurer: Measurer, names: Sequence[str], sides: Sequence[int], listener: Listener
) -> dict[str, Values]:
    """Measure quantities again with new servers, restarted halfway: each has another layout of memory."""
    values: dict[str, Values] = {name: [[] for _ in sides] for name in names}
    pairs = measurer.effort.repeat_pairs
    for pair in range(pairs):
        listener(f"measuring again {pair + 1}/{pairs}: {', '.join(names)}")
        if pair in (0, pairs // 2):
            measurer.restart(names)
        for name in names:
            for kept, new in zip(values[name], measurer.values(name, sides, 1, first=pair), strict=True):
                kept += new
    return values


# ------------------------------------------------------------------------------------------------------------- deciding


def _repeat_doubtful(
    measurer: Measurer, verdicts: dict[str, Verdict], sides: Sequence[int], decide: Decide, listener: Listener
) -> dict[str, Verdict]:
    """Measure again until no quantity regressed or improved by one measurement alone, at most twice."""
    to_repeat = VERDICTS_TO_REPEAT + (("inconclusive",) if measurer.effort.repeat_inconclusive else ())
    doubtful = [
        name for name, each in verdicts.items() if each.verdict in to_repeat and each.head_runs and each.base_runs
    ]
    for _ in range(MAX_REPEATS):  # a second time for what regressed or improved only in the first repetition
        if doubtful:
            values = _measure_again(measurer, doubtful, sides, listener)
            new = {name: decide(name, each) for name, each in values.items()}
            unconfirmed = [name for name in doubtful if new[name].verdict != verdicts[name].verdict]
            doubtful = [name for name in unconfirmed if new[name].verdict in VERDICTS_TO_REPEAT]
            verdicts = verdicts | new
    for name in doubtful:
        reason = f"not confirmed by a repetition: {verdicts[name].reason}"
        verdicts = verdicts | {name: replace(verdicts[name], verdict="inconclusive", reason=reason)}
    return verdicts


def _decide_speed(
    name: str, base: Sequence[float | None], head: Sequence[float | None], paired: bool = True
) -> Verdict:
    return decide_speed(base, head, paired=paired, subject=name, metric=METRIC)


def _decide_both(measurer: Measurer, name: str, found: Sequence[Mapping[str, str]], values: Values) -> Verdict:
    """Return the verdict on a quantity that both versions have, or only one."""
    known = Verdict(name, METRIC, "not comparable", kind="speed", unit="s")
    if name not in found[0]:
        return replace(known, verdict="new", head=_fastest(values[1]), reason=measurer.errors.get((1, name), ""))
    if name not in found[1]:
        return replace(known, verdict="missing", base=_fastest(values[0]))
    if (0, name) in measurer.errors:
        return replace(known, head=_fastest(values[1]), reason=f"fails in base: {measurer.errors[0, name]}")
    if (1, name) in measurer.errors:
        reason = f"fails: {measurer.errors[1, name]}"
        return replace(known, verdict="regressed", base=_fastest(values[0]), reason=reason)
    return _decide_speed(name, values[0], values[1])


def _decide_against_baseline(
    measurer: Measurer, base: Baseline | None, request: BenchRequest, name: str, values: Sequence[float | None]
) -> Verdict:
    """Return the verdict on a quantity whose values for base are stored, or unknown."""
    known = Verdict(name, METRIC, "not comparable", kind="speed", unit="s", head=_fastest(values))
    if (0, name) in measurer.errors:
        return replace(known, reason=measurer.errors[0, name])
    if base is None or name not in base.values:
        return replace(known, verdict="new")
    other_effort = "" if base.effort == _effort(request) else f"measured differently: {base.effort}"
    if reason := base.machine_mismatch or other_effort:
        return replace(known, base=min(base.values[name]), reason=reason)
    return _decide_speed(name, base.values[name], values, paired=False)


def _fastest(values: Sequence[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)


def _baseline_facts(base: Baseline | None, name: str) -> dict[str, Any]:
    """Return the stored facts of a quantity; from another machine only counts, as values depend on the processor."""
    facts = {} if base is None else dict(base.facts.get(name, {}))
    if base is not None and base.machine_mismatch:
        return {key: value for key, value in facts.items() if isinstance(value, (int, list))}
    return facts


def _compare_facts(name: str, base: Mapping[str, Any], head: Mapping[str, Any]) -> list[Verdict]:
    """Return the verdicts on the facts that both sides have."""
    verdicts = []
    for fact in (fact for fact in head if fact in base):
        if isinstance(head[fact], list):  # of names: their number is shown, and which came or went
            verdict = decide_fact(len(base[fact]), len(head[fact]), subject=name, metric=fact)
            added = [f"+{each}" for each in head[fact] if each not in base[fact]]
            removed = [f"-{each}" for each in base[fact] if each not in head[fact]]
            if added or removed:
                verdict = replace(verdict, verdict="changed", reason=first_of(added + removed, MAX_NAMES_SHOWN))
        else:
            verdict = decide_fact(base[fact], head[fact], subject=name, metric=fact)
        verdicts.append(verdict)
    return verdicts


# --------------------------------------------------------------------------------------------------------- descriptions


def _effort(request: BenchRequest) -> str:
    effort = request.effort
    return f"the lower decile of {effort.blocks} blocks of {1000 * effort.block_s:g} ms"


def _notes(base: VersionSource | Baseline | None, request: BenchRequest) -> tuple[str, ...]:
    effort = request.effort
    clock = f"CPU seconds of one repetition on one thread, {_effort(request)}, a process each"
    if isinstance(base, VersionSource):
        again = f"a change counts if {effort.repeat_pairs} more pairs from new processes confirm it"
        return (f"{clock}; base and head in turn, {effort.pairs} pairs; {again}",)
    if base is None:
        return (f"{clock}; nothing to compare with: name a base with --against",)
    return (f"{clock}; base was measured earlier, so changes of the machine since then affect the ratio",)


def _about(side: Installation) -> dict[str, str]:
    return {"distribution": side.distribution, "version": side.version, "commit": side.commit}
