"""A benchmark from top to bottom: install both sides, measure in turn, decide, measure doubts again."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genbench.benching.baseline import Stored, write_stored
from genbench.benching.checkouts import Side, Source, install
from genbench.benching.measure import Lab
from genbench.benching.request import BenchRequest, chosen
from genbench.comparing import Comparison, Verdict, decide_speed
from genbench.comparing.fact import decide_fact
from genbench.errors import UserError
from genbench.record.environment import machine, versions

__all__ = ["bench"]

Tell = Callable[[str], None]
Values = list[list[float | None]]  # one list a side
Decide = Callable[[str, Values], Verdict]
HITS = ("regressed", "improved")
METRIC = "cpu_s"


def bench(
    request: BenchRequest,
    base: Source | Stored | None,
    head: Source,
    save: Path | None = None,
    tell: Tell = lambda _: None,
) -> Comparison:
    """Measure head, and base in turn with it, and return what became of each tracked quantity.

    Speed is compared by neighbours in time. What regressed or improved is measured again with fresh processes, ten
    values a side, and counts only if it repeats; so, unless the request is quick, is what was inconclusive. ``save``
    names a file for the measurements of head; ``tell`` hears of the progress. Raises UserError where a side cannot be
    had.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="genbench-bench-")))
        sides = _installed([base, head] if isinstance(base, Source) else [head], folder, tell)
        lab = stack.enter_context(Lab(sides, folder, request.effort))
        found = lab.quantities()
        names = chosen(request, sides[-1].distribution, found)
        lab.renew(names)
        values = _measured(lab, names, found, tell)
        facts = _facts(lab, names, found, tell)
        if save is not None:
            _save(save, sides[-1], values, facts, request)
        if isinstance(base, Source):
            verdicts = {name: _of_both(lab, name, found, values[name]) for name in names}
            verdicts = _settled(lab, verdicts, (0, 1), lambda name, got: _speed(name, got[0], got[1]), tell)
        else:
            verdicts = {name: _beside(lab, base, request, name, values[name][0]) for name in names}
            again = lambda name, got: _beside(lab, base, request, name, got[0])  # noqa: E731
            verdicts = _settled(lab, verdicts, (0,), again, tell)
            facts = {name: [_known_facts(base, name), facts[name][0]] for name in names}
    tell("")
    compared = [each for name in names for each in _compared(name, *facts[name])]
    label = "nothing" if base is None else base.label
    here = {"created": datetime.now(UTC).isoformat(), "machine": machine(), "versions": versions()}
    about = {"machine": here["machine"], "sides": {side.label: _about(side) for side in sides}}
    about |= {name: here | _about(side) for name, side in zip(("head", "base"), sides[::-1], strict=False)}
    return Comparison((*verdicts.values(), *compared), label, sides[-1].label, _notes(base, request), about)


# ----------------------------------------------------------------------------------------------------------- measuring


def _installed(sources: Sequence[Source], folder: Path, tell: Tell) -> list[Side]:
    sides = []
    for number, source in enumerate(sources):
        tell(f"installing {source.label}")
        place = folder / str(number)
        place.mkdir()
        sides.append(install(source, place))
    if len({side.distribution for side in sides}) > 1:
        raise UserError(
            f"base is {sides[0].distribution}, head is {sides[1].distribution}: two versions of one, please"
        )
    return sides


def _measured(lab: Lab, names: Sequence[str], found: Sequence[Mapping[str, str]], tell: Tell) -> dict[str, Values]:
    """Return the values of each quantity, one list a side; one that a side does not know has none there."""
    values: dict[str, Values] = {}
    for number, name in enumerate(names, 1):
        tell(f"measuring {number}/{len(names)}: {name}")
        knowing = [index for index, side in enumerate(found) if name in side]
        got = dict(zip(knowing, lab.values(name, knowing, lab.effort.pairs), strict=True))
        values[name] = [got.get(index, []) for index in range(len(found))]
    return values


def _facts(
    lab: Lab, names: Sequence[str], found: Sequence[Mapping[str, str]], tell: Tell
) -> dict[str, list[dict[str, Any]]]:
    facts = {}
    for number, name in enumerate(names, 1):
        tell(f"counting {number}/{len(names)}: {name}")
        facts[name] = [lab.facts(name, [i])[0] if name in side else {} for i, side in enumerate(found)]
    return facts


def _again(lab: Lab, names: Sequence[str], sides: Sequence[int], tell: Tell) -> dict[str, Values]:
    """Measure some quantities again, with new servers, and again new ones: another layout of memory each."""
    values: dict[str, Values] = {name: [[] for _ in sides] for name in names}
    for pair in range(lab.effort.again):
        tell(f"measuring again {pair + 1}/{lab.effort.again}: {', '.join(names)}")
        if pair in (0, lab.effort.again // 2):
            lab.renew(names)
        for name in names:
            for kept, new in zip(values[name], lab.values(name, sides, 1, first=pair), strict=True):
                kept += new
    return values


def _save(
    path: Path, side: Side, values: Mapping[str, Values], facts: Mapping[str, Any], request: BenchRequest
) -> None:
    own = {name: each[-1] for name, each in values.items() if each[-1]}
    write_stored(path, side, own, {name: each[-1] for name, each in facts.items()}, _effort(request))


# ------------------------------------------------------------------------------------------------------------- deciding


def _settled(
    lab: Lab, verdicts: dict[str, Verdict], sides: Sequence[int], decide: Decide, tell: Tell
) -> dict[str, Verdict]:
    """Measure doubts again until no verdict rests on one measurement alone: twice at most."""
    doubtful = HITS + (("inconclusive",) if lab.effort.settle else ())
    doubts = [name for name, each in verdicts.items() if each.verdict in doubtful and each.head_runs and each.base_runs]
    for _ in range(2):  # what is a hit only the second time must repeat, too
        if doubts:
            new = {name: decide(name, got) for name, got in _again(lab, doubts, sides, tell).items()}
            doubts = [n for n in doubts if new[n].verdict in HITS and new[n].verdict != verdicts[n].verdict]
            verdicts = verdicts | new
    return {
        name: replace(each, verdict="inconclusive", reason=f"not seen twice: {each.reason}") if name in doubts else each
        for name, each in verdicts.items()
    }


def _speed(name: str, base: Sequence[float | None], head: Sequence[float | None], paired: bool = True) -> Verdict:
    return decide_speed(base, head, paired=paired, subject=name, metric=METRIC)


def _of_both(lab: Lab, name: str, found: Sequence[Mapping[str, str]], values: Values) -> Verdict:
    """Return the verdict on a quantity that was measured on both sides, or only known to one."""
    known = Verdict(name, METRIC, "not comparable", kind="speed", unit="s")
    if name not in found[0]:
        return replace(known, verdict="new", head=_least(values[1]), reason=lab.errors.get((1, name), ""))
    if name not in found[1]:
        return replace(known, verdict="missing", base=_least(values[0]))
    if (0, name) in lab.errors:
        return replace(known, head=_least(values[1]), reason=f"base cannot do it: {lab.errors[0, name]}")
    if (1, name) in lab.errors:
        return replace(known, verdict="regressed", base=_least(values[0]), reason=f"fails: {lab.errors[1, name]}")
    return _speed(name, values[0], values[1])


def _beside(lab: Lab, base: Stored | None, request: BenchRequest, name: str, values: Sequence[float | None]) -> Verdict:
    """Return the verdict on a quantity of which base's values are stored, or not known at all."""
    known = Verdict(name, METRIC, "not comparable", kind="speed", unit="s", head=_least(values))
    if (0, name) in lab.errors:
        return replace(known, reason=lab.errors[0, name])
    if base is None or name not in base.values:
        return replace(known, verdict="new")
    why = base.comparable or ("" if base.effort == _effort(request) else f"measured otherwise: {base.effort}")
    if why:
        return replace(known, base=min(base.values[name]), reason=why)
    return _speed(name, base.values[name], values, paired=False)


def _least(values: Sequence[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)


def _known_facts(base: Stored | None, name: str) -> dict[str, Any]:
    """Return the stored facts of a quantity; of another machine only counts: last digits differ between processors."""
    facts = {} if base is None else dict(base.facts.get(name, {}))
    if base is not None and base.comparable:
        return {key: value for key, value in facts.items() if isinstance(value, (int, list))}
    return facts


def _compared(name: str, base: Mapping[str, Any], head: Mapping[str, Any]) -> list[Verdict]:
    """Return the verdicts on the facts that both sides have."""
    verdicts = []
    for fact in (fact for fact in head if fact in base):
        if isinstance(head[fact], list):  # names, of which the number is told
            verdict = decide_fact(len(base[fact]), len(head[fact]), subject=name, metric=fact)
            signs = [
                *(f"+{n}" for n in head[fact] if n not in base[fact]),
                *(f"-{n}" for n in base[fact] if n not in head[fact]),
            ]
            if signs:
                verdict = replace(verdict, verdict="changed", reason=_listed(signs))
        else:
            verdict = decide_fact(base[fact], head[fact], subject=name, metric=fact)
        verdicts.append(verdict)
    return verdicts


def _listed(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


# -------------------------------------------------------------------------------------------------------------- telling


def _effort(request: BenchRequest) -> str:
    effort = request.effort
    return f"the lower decile of {effort.blocks} blocks of {1000 * effort.target:g} ms"


def _notes(base: Source | Stored | None, request: BenchRequest) -> tuple[str, ...]:
    effort = request.effort
    clock = f"CPU seconds of one repetition on one thread, {_effort(request)}, a process each"
    if isinstance(base, Source):
        again = f"a hit counts if {effort.again} more pairs from fresh processes repeat it"
        return (f"{clock}; base and head in turn, {effort.pairs} pairs; {again}",)
    if base is None:
        return (f"{clock}; nothing to compare with: name a base with --against",)
    return (f"{clock}; base was measured earlier, so what the machine does otherwise now is in the ratio",)


def _about(side: Side) -> dict[str, str]:
    return {"distribution": side.distribution, "version": side.version, "commit": side.commit}
