"""Match the cells of two sets of runs and decide on each of their statuses, scores, facts and timings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.comparing.comparison import Comparison
from genbench.comparing.fact import decide_fact, decide_status
from genbench.comparing.power import ALPHA, POWER
from genbench.comparing.quality import EQUAL_REASON, MIN_CHANGE_FLOOR_SDS, MIN_CHANGE_SHARE, Pair, decide_quality
from genbench.comparing.seeds import MAX_REASON_LENGTH, Seeds, decide_new_seeds, decide_seeds
from genbench.comparing.sources import CellName, RunSet, read_run_set
from genbench.comparing.speed import MIN_SLOWDOWN_RATIO, decide_speed
from genbench.comparing.verdict import Verdict
from genbench.errors import UnknownName, UserError
from genbench.plan.device_names import kind_of
from genbench.record.score import column_of
from genbench.record.status import Status
from genbench.table.aggregate import contended
from genbench.table.columns import TIMING_METRICS, scale_of

if TYPE_CHECKING:
    from genbench.table.results import Results

# the timings that are compared, by the name of their verdict
TIMINGS = {"fit": "fit_cpu_s", "first_sample": "first_sample_s", "sample": "samples_per_s"}
OTHER_SESSION = "timed on another machine or in another session; genbench bench measures both in turn"
SPLIT_PROTOCOLS = {1, 2}  # between which only the splits of data with equal rows have changed
FAILED_VALUE = float("inf")


def compare(
    base: str | Path | Results,
    head: str | Path | Results,
    *,
    metrics: Sequence[str] = (),
    same_session: bool = False,
    alpha: float = ALPHA,
    floors: float = MIN_CHANGE_FLOOR_SDS,
    share: float = MIN_CHANGE_SHARE,
    slower: float = MIN_SLOWDOWN_RATIO,
) -> Comparison:
    """Decide what got better or worse from base to head, beyond noise.

    Each side is a run directory, results of ``genbench.load``, a JSON file of pytest-benchmark, or a directory of such
    files, one per process. ``metrics`` names the columns to compare, by default all. ``same_session`` asserts that both
    sides were timed in turn in one job; the machines are still checked. ``alpha`` is the one-sided false-alarm rate of
    all scores together, and of all times together. ``floors`` (standard deviations of the floor), ``share`` (of the
    distance from it) and ``slower`` (ratio of times) are the smallest changes that count. Raises UserError.
    """
    if math.isnan(alpha + floors + share + slower):
        raise UserError("alpha, floors, share and slower must be numbers, but one is nan")
    a, b = read_run_set(base, "base"), read_run_set(head, "head")
    if bool(a.cells) != bool(b.cells):
        raise UserError(f"{a.name} and {b.name}: one is a run, the other is of pytest-benchmark; compare two of a kind")
    if a.cells:
        verdicts, pairs = _decide_cells(a, b, set(metrics), same_session, alpha, slower)
        verdicts += decide_quality(pairs, alpha=alpha, floors=floors, share=share)
    else:
        verdicts = _decide_benchmarks(a, b, same_session, alpha, slower)
    notes = [f"left out, damaged: {damage}" for side in (a, b) for damage in side.damaged]
    notes += [f"{side.name}: {side.unfinished} cells of its plan have not run" for side in (a, b) if side.unfinished]
    notes += _notes_on_protocols(a, b)
    notes += _notes(verdicts, alpha, floors, share) if a.cells else []
    return Comparison(tuple(verdicts), a.name, b.name, tuple(notes), {"base": a.about, "head": b.about})


def _notes_on_protocols(*sides: RunSet) -> list[str]:
    """Return a note where the sides have different protocols."""
    found = [
        sorted({str(record.get("protocol")) for seeds in side.cells.values() for record in seeds.values()})
        for side in sides
    ]
    if found[0] == found[1]:
        return []
    which = " and ".join(f"{side.name} has protocol {', '.join(each)}" for side, each in zip(sides, found, strict=True))
    return [f"{which}: compared only where the data are the same; run the older side again to compare all"]


def _notes(verdicts: Sequence[Verdict], alpha: float, floors: float, share: float) -> list[str]:
    """Return how scores were decided, and which changes could have been detected."""
    rule = (
        f"scores: false alarms at most {alpha:.0%}, one-sided, over all of them; a change counts from {floors:g} "
        f"standard deviations of the floor and {share:.0%} of the distance from it"
    )
    smallest = sorted(each.smallest for each in verdicts if each.smallest is not None and each.kind == "quality")
    if not smallest:
        return [rule]
    power = (
        f"smallest worsening that one test could have detected (one-sided {alpha:.0%}, power {POWER:.0%}): median "
        f"{smallest[len(smallest) // 2]:.0%} of the value over {len(smallest)} scores, lowest {smallest[0]:.0%}"
    )
    return [rule, power]


# --------------------------------------------------------------------------------------------------------------- cells


def _decide_cells(
    a: RunSet, b: RunSet, metrics: set[str], same_session: bool, alpha: float, slower: float
) -> tuple[list[Verdict], list[Pair]]:
    """Return the verdicts on all but scores, and the scores to test."""
    verdicts: list[Verdict] = []
    pairs: list[Pair] = []
    titles = _titles([*a.cells, *b.cells])
    known = {column for side in (a, b) for seeds in side.cells.values() for column in _scores_by_column(seeds)}
    for unknown in sorted(metrics - known):
        raise UnknownName("score in these runs", unknown, known)
    timing_alpha = alpha / max(1, len(TIMINGS) * len(a.cells.keys() & b.cells.keys()))  # Bonferroni
    for name in dict.fromkeys([*a.cells, *b.cells]):
        title, old, new = titles[name], a.cells.get(name), b.cells.get(name)
        if old is None or new is None:
            verdicts += _one_sided_cell(title, name, b if new is None else a, new)
            continue
        statuses = ([str(record["status"]) for record in side.values()] for side in (old, new))
        reason = next((str(r.get("reason") or "") for r in new.values() if r["status"] != "ok"), "")
        verdicts.append(decide_status(*statuses, subject=title, reason=reason[:MAX_REASON_LENGTH], alpha=alpha))
        verdicts += decide_seeds(title, old, new, verdicts[-1])
        if why := _incomparable(old, new):
            verdicts.append(Verdict(title, "scores", "not comparable", why))
        else:
            found, others = _pairs(title, old, new, metrics)
            pairs += found
            verdicts += others
        verdicts += _decide_facts(title, old, new)
        verdicts += _decide_timings(title, old, new, same_session, timing_alpha, slower)
    return verdicts, pairs


def _titles(names: Sequence[CellName]) -> dict[CellName, str]:
    """Return the names to show for cells: model and dataset, with budget and device where those differ."""
    titles = {}
    for name in dict.fromkeys(names):
        model, dataset, budget, device = name
        alike = {other[2:] for other in names if other[:2] == name[:2]}
        titles[name] = f"{model} x {dataset}" + (f" ({budget}, {device})" if len(alike) > 1 else "")
    return titles


def _one_sided_cell(title: str, name: CellName, other: RunSet, new: Seeds | None) -> list[Verdict]:
    """Return verdicts on a cell that only one side has: new, missing, or run with another budget or device."""
    others = [f"{each[2]} on {each[3]}" for each in other.cells if each[:2] == name[:2]]
    if others and new is not None:
        return []  # base's cell has a verdict on this
    if others:
        why = f"{name[2]} on {name[3]}, the other side has {', '.join(others)}"
        return [Verdict(title, "all", "not comparable", why)]
    if new is None:
        return [Verdict(title, "all", "missing", better=None, kind="status")]
    return [Verdict(title, "all", "new", better=None, kind="status"), *decide_new_seeds(title, new)]


def _finished(seeds: Seeds) -> dict[int, Mapping[str, Any]]:
    return {seed: record for seed, record in seeds.items() if record["status"] == "ok"}


def _incomparable(old: Seeds, new: Seeds) -> str:
    """Return why the scores of a cell cannot be compared, or an empty string."""
    ok_a, ok_b = _finished(old), _finished(new)
    if not ok_a or not ok_b:
        return "no seed succeeded on one side"
    first, other = next(iter(ok_a.values())), next(iter(ok_b.values()))
    for field, what in (("protocol", "protocol"), ("sizes", "sizes of the data")):
        if first.get(field) != other.get(field) and not (field == "protocol" and _same_data(ok_a, ok_b)):
            return f"different {what}: {first.get(field)} and {other.get(field)}".replace("'", "")
    for seed in ok_a.keys() & ok_b.keys():
        prints = [record.get("fingerprint") for record in (ok_a[seed], ok_b[seed])]
        if None not in prints and prints[0] != prints[1]:
            return f"different data at seed {seed}"
    return ""


def _same_data(old: Seeds, new: Seeds) -> bool:
    """Return whether the protocols differ only in how data with equal rows are split, and the data are the same."""
    both = {side[seed].get("protocol") for side in (old, new) for seed in side}
    shared = old.keys() & new.keys()
    prints = [(old[seed].get("fingerprint"), new[seed].get("fingerprint")) for seed in shared]
    return both <= SPLIT_PROTOCOLS and bool(prints) and all(a == b is not None for a, b in prints)


def _pairs(title: str, old: Seeds, new: Seeds, metrics: set[str]) -> tuple[list[Pair], list[Verdict]]:
    """Return the scores to test, and verdicts on those that need no test."""
    base, head = _scores_by_column(old), _scores_by_column(new)
    pairs, verdicts, drawn = [], [], _same_samples(old, new)
    for column in dict.fromkeys([*base, *head]):
        if metrics and column not in metrics:
            continue
        if column not in base or column not in head:
            verdicts.append(_one_sided_score(title, column, (old, base.get(column, {})), (new, head.get(column, {}))))
            continue
        first, other = next(iter(base[column].values())), next(iter(head[column].values()))
        a, b = _values(old, base[column]), _values(new, head[column])
        known = Verdict(title, column, "not comparable", better=first.get("better"), unit=first.get("unit") or "")
        if why := _metric_changed(first, other):
            verdicts.append(replace(known, reason=why))
        elif why := _not_ranked(first, head[column].values()):
            equal = replace(known, verdict="unchanged", reason=EQUAL_REASON)
            verdicts.append(equal if a == b else replace(known, reason=why))
        elif any(value not in (None, FAILED_VALUE) for value in (*a.values(), *b.values())):
            floor, spread = (_mean(base[column].values(), key) for key in ("floor", "floor_sd"))
            pairs.append(Pair(title, column, a, b, str(first["better"]), known.unit, floor, spread, drawn))
    return pairs, verdicts


def _same_samples(old: Seeds, new: Seeds) -> bool:
    """Return whether both sides have a seed in common, and the same samples, bit for bit, at all such seeds."""
    seeds = old.keys() & new.keys()
    drawn = [(old[seed].get("samples_sha256"), new[seed].get("samples_sha256")) for seed in seeds]
    return bool(drawn) and all(a == b is not None for a, b in drawn)


def _one_sided_score(title: str, column: str, *sides: tuple[Seeds, Mapping[int, Mapping[str, Any]]]) -> Verdict:
    """Return the verdict on a score that only one side has, with its mean over seeds where no value is missing."""
    score = next(score for _, scores in sides for score in scores.values())
    means: list[float | None] = []
    for seeds, scores in sides:
        values = _values(seeds, scores).values() if scores else ()
        found = [value for value in values if value not in (None, FAILED_VALUE)]
        means.append(sum(found) / len(found) if found and len(found) == len(values) else None)
    verdict = "missing" if sides[0][1] else "new"
    base, head = means
    return Verdict(title, column, verdict, "", "quality", score.get("better"), score.get("unit") or "", base, head)


def _scores_by_column(seeds: Seeds) -> dict[str, dict[int, Mapping[str, Any]]]:
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    for seed, record in seeds.items():
        for score in record.get("scores") or ():
            found.setdefault(column_of(score), {})[seed] = score
    return found


def _metric_changed(first: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Return why two scores of one name are not compared, or an empty string."""
    if scale_of(first) != scale_of(other) or first.get("better") != other.get("better"):
        return "the metric itself changed: its version, space or quantity"
    return "computed from timings" if first.get("metric") in TIMING_METRICS else ""


def _not_ranked(first: Mapping[str, Any], head: Iterable[Mapping[str, Any]]) -> str:
    """Return why a difference between two scores is neither better nor worse, or an empty string."""
    if first.get("better") not in ("lower", "higher") or not first.get("ranked", True):
        return "not ranked: neither direction is better"
    if any((score.get("detail") or {}).get("at_least") for score in head):
        return "only a lower bound is known"
    return ""


def _values(seeds: Seeds, scores: Mapping[int, Mapping[str, Any]]) -> dict[int, float | None]:
    """Return one value per seed, infinite for a cell that failed; seeds that did not finish are left out."""
    found: dict[int, float | None] = {}
    for seed, record in sorted(seeds.items()):
        if record["status"] == "ok":
            value = scores.get(seed, {}).get("value")
            found[seed] = None if value is None else float(value)
        elif Status(record["status"]).says_something_of_the_code:
            found[seed] = FAILED_VALUE
    return found


def _mean(scores: Iterable[Mapping[str, Any]], key: str) -> float | None:
    found = [float(score[key]) for score in scores if score.get(key) is not None]
    return sum(found) / len(found) if found else None


# --------------------------------------------------------------------------------------------------- facts and timings


def _decide_facts(title: str, old: Seeds, new: Seeds) -> list[Verdict]:
    """Return whether counts, sizes and samples are the same at the seeds that both sides finished."""
    seeds = sorted(seed for seed in old.keys() & new.keys() if old[seed]["status"] == new[seed]["status"] == "ok")
    verdicts = []
    # a budget in seconds makes the number of steps vary, and peak memory is exact on a GPU only
    counted = all(str(old[seed].get("budget")).endswith(("steps", "epochs")) for seed in seeds)
    on_gpu = all(kind_of(old[seed].get("device")) == "cuda" for seed in seeds)
    names = ["parameters", *(("steps", "forward_calls") if counted else ()), *(("peak_mb",) if on_gpu else ())]
    for name in names:
        a, b = ([(side[seed].get("timings") or {}).get(name) for seed in seeds] for side in (old, new))
        if seeds and None not in (*a, *b):
            verdicts.append(decide_fact(_common_value(a), _common_value(b), subject=title, metric=name))
    a, b = ([side[seed].get("samples_sha256") for seed in seeds] for side in (old, new))
    if seeds and None not in (*a, *b):
        verdict = decide_fact(_common_value(a), _common_value(b), subject=title, metric="samples_sha256")
        differ = sum(x != y for x, y in zip(a, b, strict=True))
        verdicts.append(replace(verdict, reason=f"at {differ} of {len(seeds)} seeds" if differ else verdict.reason))
    return verdicts


def _common_value(values: Sequence[Any]) -> Any:
    """Return the value that all seeds share, or else all values as text."""
    return values[0] if len(set(values)) == 1 else ", ".join(map(str, values))


def _decide_timings(
    title: str, old: Seeds, new: Seeds, same_session: bool, alpha: float, slower: float
) -> list[Verdict]:
    records = [record for side in (old, new) for record in side.values()]
    sessions = {record.get("session") for record in records}
    machines = {(record.get("machine") or {}).get("id") for record in records}  # a session may have several
    one_machine = len(machines) == 1 and None not in machines
    one_session = one_machine and (same_session or (len(sessions) == 1 and None not in sessions))
    finished = [list(_finished(side).values()) for side in (old, new)]
    verdicts = []
    for name, field in TIMINGS.items():
        a, b = (_seconds(side, field) for side in finished)
        if not a or not b:
            continue
        obstacle = "" if one_session else OTHER_SESSION
        if one_session and a != b and any(map(contended, finished)):
            obstacle = "other cells were running on the same device"
        elif one_session and a != b and any(record.get("busy") for side in finished for record in side):
            obstacle = "other processes kept the machine busy"
        verdicts.append(_decide_times(title, name, a, b, obstacle, alpha, slower))
    return verdicts


def _decide_times(
    subject: str, metric: str, a: Sequence[float], b: Sequence[float], obstacle: str, alpha: float, slower: float
) -> Verdict:
    """Return the verdict on the seconds of both sides; ``obstacle`` is why they cannot be compared, if they cannot."""
    known = Verdict(subject, metric, "not comparable", obstacle, "speed", unit="s", base=min(a), head=min(b))
    if obstacle:
        return known
    if a == b:  # to the last digit: the same cells on both sides
        return replace(known, verdict="unchanged", reason="the same measurement on both sides", change=0.0)
    return decide_speed(a, b, subject=subject, metric=metric, alpha=alpha, limit=slower)


def _seconds(records: Sequence[Mapping[str, Any]], field: str) -> list[float]:
    """Return one time per seed in seconds, from a rate the seconds of one sample; none where a seed has none."""
    field = "fit_s" if field == "fit_cpu_s" and any(r.get("device") != "cpu" for r in records) else field
    found = [(record.get("timings") or {}).get(field) for record in records]
    if any(not value for value in found):
        return []
    return [1.0 / value if field == "samples_per_s" else float(value) for value in found if value]


def _decide_benchmarks(a: RunSet, b: RunSet, same_session: bool, alpha: float, slower: float) -> list[Verdict]:
    verdicts = []
    obstacle = "" if same_session else "another session, unless --same-session says otherwise"
    if a.machines != b.machines or len(a.machines) != 1:
        obstacle = "another machine"
    alpha /= max(1, len(a.benchmarks.keys() & b.benchmarks.keys()))
    for name in dict.fromkeys([*a.benchmarks, *b.benchmarks]):
        old, new = a.benchmarks.get(name), b.benchmarks.get(name)
        if old is None or new is None:
            verdicts.append(Verdict(name, "time", "new" if old is None else "missing", kind="speed", unit="s"))
            continue
        facts = sorted(old.facts.keys() & new.facts.keys())
        verdicts += [decide_fact(old.facts[fact], new.facts[fact], subject=name, metric=fact) for fact in facts]
        verdicts.append(_decide_times(name, "time", old.times, new.times, obstacle, alpha, slower))
    return verdicts
