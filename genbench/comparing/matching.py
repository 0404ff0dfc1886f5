"""Two sides -> a verdict on every cell, metric, timing, fact and ending that either has."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.comparing.comparison import Comparison
from genbench.comparing.fact import decide_fact, decide_status
from genbench.comparing.power import ALPHA, POWER
from genbench.comparing.quality import EQUAL, FLOORS, SHARE, Pair, decide_quality
from genbench.comparing.sources import CellName, Side, read_side
from genbench.comparing.speed import SLOWER, decide_speed
from genbench.comparing.verdict import Verdict
from genbench.errors import UnknownName, UserError
from genbench.plan.device_names import kind_of
from genbench.record.score import column_of
from genbench.record.status import Status
from genbench.table.aggregate import shared
from genbench.table.columns import TIMING_METRICS, scale_of

if TYPE_CHECKING:
    from genbench.table.results import Results

__all__ = ["compare"]

Seeds = Mapping[int, Mapping[str, Any]]  # the records of one cell by seed
TIMES = {"fit": "fit_cpu_s", "first_sample": "first_sample_s", "sample": "samples_per_s"}  # what is compared of timings
ONE_TIME = "one measurement, on both sides"
ELSEWHERE = "timed on another machine or in another session; genbench bench runs both in turn"
FAILED = float("inf")


def compare(
    base: str | Path | Results,
    head: str | Path | Results,
    *,
    metrics: Sequence[str] = (),
    same_session: bool = False,
    alpha: float = ALPHA,
    floors: float = FLOORS,
    share: float = SHARE,
    slower: float = SLOWER,
) -> Comparison:
    """Return what got better or worse from base to head, beyond noise.

    Each side is a run directory, results of ``genbench.load``, a JSON file of pytest-benchmark, or a directory of such
    files, one a process. ``metrics`` names the columns to compare, by default all. ``same_session`` is your word that
    both sides were timed in turn in one job; machines are still checked. ``alpha`` is the one-sided error of all
    scores at once, and of all times; ``floors`` (standard deviations of the floor), ``share`` (of the distance from it)
    and ``slower`` (ratio of times) say from where on a change counts. Raises UserError.
    """
    if math.isnan(alpha + floors + share + slower):
        raise UserError("alpha, floors, share and slower must be numbers, one is nan")
    a, b = read_side(base, "base"), read_side(head, "head")
    if bool(a.cells) != bool(b.cells):
        raise UserError(f"{a.name} and {b.name}: one is a run, the other of pytest-benchmark; compare two of a kind")
    if a.cells:
        verdicts = _cells(a, b, set(metrics), same_session, (alpha, floors, share, slower))
    else:
        verdicts = _benchmarks(a, b, same_session, alpha, slower)
    notes = [f"left out, damaged: {damage}" for side in (a, b) for damage in side.damaged]
    notes += [f"{side.name}: {side.unfinished} cells of its plan have not run" for side in (a, b) if side.unfinished]
    notes += _rules(verdicts, alpha, floors, share) if a.cells else []
    return Comparison(tuple(verdicts), a.name, b.name, tuple(notes), {"base": a.about, "head": b.about})


def _rules(verdicts: Sequence[Verdict], alpha: float, floors: float, share: float) -> list[str]:
    """Return how scores were decided, and what could have been seen."""
    rule = (
        f"scores: false alarms at most {alpha:.0%}, one-sided, of all at once; a change counts from {floors:g} "
        f"standard deviations of the floor and {share:.0%} of the distance from it"
    )
    seen = sorted(each.smallest for each in verdicts if each.smallest is not None and each.kind == "quality")
    if not seen:
        return [rule]
    power = (
        f"smallest worsening that could have been seen by one test (one-sided {alpha:.0%}, power {POWER:.0%}): "
        f"{seen[len(seen) // 2]:.0%} of the value in the median of {len(seen)} scores, from {seen[0]:.0%}"
    )
    return [rule, power]


# --------------------------------------------------------------------------------------------------------------- cells


def _cells(
    a: Side, b: Side, metrics: set[str], same_session: bool, limits: tuple[float, float, float, float]
) -> list[Verdict]:
    alpha, floors, share, slower = limits
    verdicts: list[Verdict] = []
    pairs: list[Pair] = []
    titles = _titles([*a.cells, *b.cells])
    known = {column for side in (a, b) for seeds in side.cells.values() for column in _columns(seeds)}
    for unknown in sorted(metrics - known):
        raise UnknownName("score in these runs", unknown, known)
    times = alpha / max(1, len(TIMES) * len(a.cells.keys() & b.cells.keys()))  # Bonferroni
    for name in dict.fromkeys([*a.cells, *b.cells]):
        title, old, new = titles[name], a.cells.get(name), b.cells.get(name)
        if old is None or new is None:
            verdicts += _one_sided(title, name, b if new is None else a, new is not None)
            continue
        verdicts.append(decide_status(*_statuses(old, new), subject=title, reason=_reason(new), alpha=alpha))
        if why := _incomparable(old, new):
            verdicts.append(Verdict(title, "scores", "not comparable", why))
        else:
            found, others = _pairs(title, old, new, metrics)
            pairs += found
            verdicts += others
        verdicts += _facts(title, old, new)
        verdicts += _times(title, old, new, same_session, times, slower)
    return [*verdicts, *decide_quality(pairs, alpha=alpha, floors=floors, share=share)]


def _titles(names: Sequence[CellName]) -> dict[CellName, str]:
    """Return how cells are called: by model and dataset, and by budget and device where they tell some apart."""
    titles = {}
    for name in dict.fromkeys(names):
        model, dataset, budget, device = name
        alike = {other[2:] for other in names if other[:2] == name[:2]}
        titles[name] = f"{model} x {dataset}" + (f" ({budget}, {device})" if len(alike) > 1 else "")
    return titles


def _one_sided(title: str, name: CellName, other: Side, is_new: bool) -> list[Verdict]:
    """Return that a cell came or went, or that the other side has it under another budget or device."""
    near = [f"{each[2]} on {each[3]}" for each in other.cells if each[:2] == name[:2]]
    if near and is_new:
        return []  # told of base's
    if near:
        why = f"{name[2]} on {name[3]}, the other side has {', '.join(near)}"
        return [Verdict(title, "all", "not comparable", why)]
    return [Verdict(title, "all", "new" if is_new else "missing", better=None, kind="status")]


def _statuses(old: Seeds, new: Seeds) -> tuple[list[str], list[str]]:
    base, head = ([str(record["status"]) for record in side.values()] for side in (old, new))
    return base, head


def _reason(seeds: Seeds) -> str:
    return next((str(r.get("reason") or "") for r in seeds.values() if r["status"] != "ok"), "")[:120]


def _incomparable(old: Seeds, new: Seeds) -> str:
    """Return why the scores of a cell cannot be compared, or an empty string."""
    ok_a, ok_b = ({seed: r for seed, r in side.items() if r["status"] == "ok"} for side in (old, new))
    if not ok_a or not ok_b:
        return "no seed of one side ended well"
    first, other = next(iter(ok_a.values())), next(iter(ok_b.values()))
    for field, what in (("protocol", "protocol"), ("sizes", "sizes of the data")):
        if first.get(field) != other.get(field):
            return f"another {what}: {first.get(field)} and {other.get(field)}".replace("'", "")
    for seed in ok_a.keys() & ok_b.keys():
        prints = [record.get("fingerprint") for record in (ok_a[seed], ok_b[seed])]
        if None not in prints and prints[0] != prints[1]:
            return f"other data at seed {seed}"
    return ""


def _pairs(title: str, old: Seeds, new: Seeds, metrics: set[str]) -> tuple[list[Pair], list[Verdict]]:
    """Return the scores that are tested, and what is said of the others."""
    base, head = _columns(old), _columns(new)
    pairs, verdicts, drawn = [], [], _same_samples(old, new)
    for column in dict.fromkeys([*base, *head]):
        if metrics and column not in metrics:
            continue
        if column not in base or column not in head:
            verdicts.append(_alone(title, column, (old, base.get(column, {})), (new, head.get(column, {}))))
            continue
        first, other = next(iter(base[column].values())), next(iter(head[column].values()))
        a, b = _values(old, base[column]), _values(new, head[column])
        known = Verdict(title, column, "not comparable", better=first.get("better"), unit=first.get("unit") or "")
        if why := _unlike(first, other):
            verdicts.append(replace(known, reason=why))
        elif why := _undirected(first, head[column].values()):
            told = {"verdict": "unchanged", "reason": EQUAL} if a == b else {"reason": why}
            verdicts.append(replace(known, **told))  # type: ignore[arg-type]
        elif any(value not in (None, FAILED) for value in (*a.values(), *b.values())):
            floor, spread = (_mean(base[column].values(), key) for key in ("floor", "floor_sd"))
            pairs.append(Pair(title, column, a, b, str(first["better"]), known.unit, floor, spread, drawn))
    return pairs, verdicts


def _same_samples(old: Seeds, new: Seeds) -> bool:
    """Return whether samples are the same bits at the seeds that both sides have, of which there is one at least."""
    seeds = old.keys() & new.keys()
    drawn = [(old[seed].get("samples_sha256"), new[seed].get("samples_sha256")) for seed in seeds]
    return bool(drawn) and all(a == b is not None for a, b in drawn)


def _alone(title: str, column: str, *sides: tuple[Seeds, Mapping[int, Mapping[str, Any]]]) -> Verdict:
    """Return that a score came or went, with its mean over seeds where none is missing."""
    score = next(score for _, scores in sides for score in scores.values())
    means: list[float | None] = []
    for seeds, scores in sides:
        values = _values(seeds, scores).values() if scores else ()
        found = [value for value in values if value not in (None, FAILED)]
        means.append(sum(found) / len(found) if found and len(found) == len(values) else None)
    verdict = "missing" if sides[0][1] else "new"
    base, head = means
    return Verdict(title, column, verdict, "", "quality", score.get("better"), score.get("unit") or "", base, head)


def _columns(seeds: Seeds) -> dict[str, dict[int, Mapping[str, Any]]]:
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    for seed, record in seeds.items():
        for score in record.get("scores") or ():
            found.setdefault(column_of(score), {})[seed] = score
    return found


def _unlike(first: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Return why two scores under one name are not compared."""
    if scale_of(first) != scale_of(other) or first.get("better") != other.get("better"):
        return "the metric is another: its version, space or quantity changed"
    return "made of timings" if first.get("metric") in TIMING_METRICS else ""


def _undirected(first: Mapping[str, Any], head: Iterable[Mapping[str, Any]]) -> str:
    """Return why a difference between two scores would be neither better nor worse."""
    if first.get("better") not in ("lower", "higher") or not first.get("ranked", True):
        return "not ranked: neither way is better"
    if any((score.get("detail") or {}).get("at_least") for score in head):
        return "only a lower limit is known"
    return ""


def _values(seeds: Seeds, scores: Mapping[int, Mapping[str, Any]]) -> dict[int, float | None]:
    """Return a value a seed, infinity where the cell failed; what was not run to its end is left out."""
    found: dict[int, float | None] = {}
    for seed, record in sorted(seeds.items()):
        if record["status"] == "ok":
            value = scores.get(seed, {}).get("value")
            found[seed] = None if value is None else float(value)
        elif Status(record["status"]).says_something_of_the_code:
            found[seed] = FAILED
    return found


def _mean(scores: Iterable[Mapping[str, Any]], key: str) -> float | None:
    found = [float(score[key]) for score in scores if score.get(key) is not None]
    return sum(found) / len(found) if found else None


# ----------------------------------------------------------------------------------------------------- facts and times


def _facts(title: str, old: Seeds, new: Seeds) -> list[Verdict]:
    """Return whether counts, sizes and samples are the same at the seeds that both sides finished."""
    seeds = sorted(seed for seed in old.keys() & new.keys() if old[seed]["status"] == new[seed]["status"] == "ok")
    verdicts = []
    counted = all(str(old[seed].get("budget")).endswith(("steps", "epochs")) for seed in seeds)  # not by a clock
    on_gpu = all(kind_of(old[seed].get("device")) == "cuda" for seed in seeds)  # elsewhere peaks are not exact
    names = ["parameters", *(("steps", "forward_calls") if counted else ()), *(("peak_mb",) if on_gpu else ())]
    for name in names:
        a, b = ([(side[seed].get("timings") or {}).get(name) for seed in seeds] for side in (old, new))
        if seeds and None not in (*a, *b):
            verdicts.append(decide_fact(_one(a), _one(b), subject=title, metric=name))
    a, b = ([old_or_new[seed].get("samples_sha256") for seed in seeds] for old_or_new in (old, new))
    if seeds and None not in (*a, *b):
        verdict = decide_fact(_one(a), _one(b), subject=title, metric="samples_sha256")
        differ = sum(x != y for x, y in zip(a, b, strict=True))
        verdicts.append(replace(verdict, reason=f"at {differ} of {len(seeds)} seeds" if differ else verdict.reason))
    return verdicts


def _one(values: Sequence[Any]) -> Any:
    """Return what all seeds have in common, or all of it as text."""
    return values[0] if len(set(values)) == 1 else ", ".join(map(str, values))


def _times(title: str, old: Seeds, new: Seeds, same: bool, alpha: float, slower: float) -> list[Verdict]:
    records = [record for side in (old, new) for record in side.values()]
    sessions = {record.get("session") for record in records}
    machines = {(record.get("machine") or {}).get("id") for record in records}  # a session may have several
    one_session = (
        len(machines) == 1 and None not in machines and (same or (len(sessions) == 1 and None not in sessions))
    )
    ok_a, ok_b = ([r for r in side.values() if r["status"] == "ok"] for side in (old, new))
    verdicts = []
    for name, field in TIMES.items():
        a, b = (_seconds(side, field) for side in (ok_a, ok_b))
        if not a or not b:
            continue
        known = Verdict(title, name, "not comparable", ELSEWHERE, "speed", unit="s", base=min(a), head=min(b))
        if one_session and a == b:  # to the last digit: the same cells on both sides
            known = replace(known, verdict="unchanged", reason=ONE_TIME, change=0.0)
        elif one_session and (shared(ok_a) or shared(ok_b)):
            known = replace(known, reason="other cells were at work on the same device")
        elif one_session:
            known = decide_speed(a, b, subject=title, metric=name, alpha=alpha, limit=slower)
        verdicts.append(known)
    return verdicts


def _seconds(records: Sequence[Mapping[str, Any]], field: str) -> list[float]:
    """Return one time a seed, in seconds; of a rate, the time of one."""
    field = "fit_s" if field == "fit_cpu_s" and any(r.get("device") != "cpu" for r in records) else field
    found = [(record.get("timings") or {}).get(field) for record in records]
    if any(not value for value in found):
        return []
    return [1.0 / value if field == "samples_per_s" else float(value) for value in found if value]


def _benchmarks(a: Side, b: Side, same: bool, alpha: float, slower: float) -> list[Verdict]:
    verdicts = []
    one_machine = a.machines == b.machines and len(a.machines) == 1
    alpha /= max(1, len(a.benchmarks.keys() & b.benchmarks.keys()))
    for name in dict.fromkeys([*a.benchmarks, *b.benchmarks]):
        old, new = a.benchmarks.get(name), b.benchmarks.get(name)
        if old is None or new is None:
            verdicts.append(Verdict(name, "time", "new" if old is None else "missing", kind="speed", unit="s"))
            continue
        both = sorted(old.facts.keys() & new.facts.keys())
        verdicts += [decide_fact(old.facts[fact], new.facts[fact], subject=name, metric=fact) for fact in both]
        known = Verdict(
            name, "time", "not comparable", kind="speed", unit="s", base=min(old.times), head=min(new.times)
        )
        if not (same and one_machine):
            why = "another machine" if not one_machine else "another session, as far as the files tell"
            known = replace(known, reason=why)
        elif old.times == new.times:
            known = replace(known, verdict="unchanged", reason=ONE_TIME, change=0.0)
        else:
            known = decide_speed(old.times, new.times, subject=name, metric="time", alpha=alpha, limit=slower)
        verdicts.append(known)
    return verdicts
