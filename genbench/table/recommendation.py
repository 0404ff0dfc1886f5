"""Which model to take: one or two sentences for each dataset, derived by rule from the order of its models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from genbench.record.status import Status
from genbench.table.ranking import Order, PairTest
from genbench.table.summary import Row, Summary

CLASSIFIER = "c2st"
COSTS = (("samples_per_s", "higher", "samples", "slower"), ("fit_s", "lower", "trains", "longer"))
MIN_COST_RATIO = 1.5  # of two models, for the cheaper one to be taken for its cost
TRIAL_SHARE = 0.1  # of the recipe: where no model got more of it, its numbers say nothing of the models
MAX_SEEDS = 50  # beyond which more seeds are not the remedy
CRITICAL_T = 3.0  # about the t at which a difference of a few seeds, among several models and metrics, is significant
MAX_NAMES = 4


@dataclass(frozen=True)
class Recommendation:
    """Which model to take on a dataset, and why; the text of it is one or two sentences that begin with *Take*.

    ``take`` is None where nothing may be said yet. ``tied`` are the models that are not told apart from it,
    ``undominated`` those than which no model is better. ``decided_by`` is the core metric or the cost that decided, or
    ``order`` where only one model is undominated. ``seeds_needed`` is the number of seeds that would probably tell the
    models apart, None where they are told apart or more seeds are not the remedy. ``note`` is the second sentence.
    """

    dataset: str
    take: str | None
    why: str
    tied: tuple[str, ...] = ()
    undominated: tuple[str, ...] = ()
    decided_by: str = ""
    seeds_needed: int | None = None
    note: str = ""

    def __str__(self) -> str:
        first = f"Take {'none yet' if self.take is None else f'`{self.take}`'}: {self.why}."
        return f"{first} {self.note}".strip()

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as values of JSON, with the text as ``sentence``."""
        fields = asdict(self)
        return {**fields, "tied": list(self.tied), "undominated": list(self.undominated), "sentence": str(self)}


def recommend(summary: Summary) -> Recommendation:
    """Return which model of a summary to take.

    A model that copies, or that failed in a seed, is never taken; an unstable one only where no other is left. Of the
    models that no other is better than, the classifier decides if it is significantly closer to chance for some of
    them, then the cost of samples, then the cost of training. Where no two models are told apart in any core metric,
    none is taken.
    """
    models = {row.label: row for row in summary.rows if row.role == "model"}
    scored = [label for label, row in models.items() if row.scored]
    if not scored:
        return Recommendation(summary.dataset, None, _why_not_scored(list(models.values())))
    note = _note([models[label] for label in scored])
    if _trial([models[label] for label in scored]):
        why = "a trial run, in which every model got less than a tenth of its recipe, as a smoke run does"
        return Recommendation(summary.dataset, None, why, note=note)
    order = summary.order
    if order is None:
        why = "the rows were scored against different numbers of test rows"
        return Recommendation(summary.dataset, None, why, note=note)
    usable = [label for label in scored if not models[label].copying]
    if not usable:
        why = "the samples of every model repeat training rows or stay near them"
        return Recommendation(summary.dataset, None, why, note=note)
    stable = [label for label in usable if not models[label].unstable] or usable
    undominated = tuple(label for label in scored if not order.above[label])
    candidates = [label for label in stable if not order.above[label] & set(stable)] or stable
    if len(scored) > 1 and not any(c.significant for c in order.comparisons):
        return _undecided(summary, order, scored, undominated, note)
    take, decided_by = _decide(candidates, order, models)
    tied = tuple(label for label in candidates if label != take and _not_distinguished(take, label, order, models))
    why = _why(take, candidates, tied, order, models, decided_by)
    return Recommendation(summary.dataset, take, why, tied, undominated, decided_by, note=note)


def _not_distinguished(take: str, label: str, order: Order, models: Mapping[str, Row]) -> bool:
    same = _best_by_classifier(models[take]) == _best_by_classifier(models[label])
    return same and not order.significant(take, label)


def _why_not_scored(rows: Sequence[Row]) -> str:
    if not rows:
        return "no model was run"
    failed = [row.label for row in rows if row.failed]
    if failed:
        return f"{_names(failed)} failed in a seed or more, and no other model was scored"
    return "no model has been scored yet"


def _trial(rows: Sequence[Row]) -> bool:
    """Return whether all models that are trained in steps got less than a tenth of their recipe."""
    shares = [row.recipe_share for row in rows if row.recipe_share is not None]
    return bool(shares) and max(shares) < TRIAL_SHARE


def _decide(candidates: Sequence[str], order: Order, models: Mapping[str, Row]) -> tuple[str, str]:
    """Return the model to take, and what decided."""
    if len(candidates) == 1:
        return candidates[0], "order"
    by_classifier = [label for label in candidates if _best_by_classifier(models[label])]
    if len(by_classifier) == 1:
        return by_classifier[0], CLASSIFIER
    left = by_classifier or list(candidates)
    for name, better, _, _ in COSTS:
        costs = {label: cost for label in left if (cost := _cost(models[label], name))}
        if len(costs) < len(left):
            continue
        ordered = sorted(costs, key=lambda label: costs[label], reverse=better == "higher")
        first, second = costs[ordered[0]], costs[ordered[1]]
        if max(first, second) >= MIN_COST_RATIO * min(first, second):
            return ordered[0], name
    wins = {label: sum(c.better == label and c.worse in left for c in order.comparisons) for label in left}
    return max(left, key=lambda label: wins[label]), "values"


def _best_by_classifier(row: Row) -> bool:
    """Return whether no other model is significantly closer to real rows for a classifier."""
    entry = row.entries.get(CLASSIFIER)
    return entry is not None and entry.best


def _why(
    take: str, candidates: Sequence[str], tied: Sequence[str], order: Order, models: Mapping[str, Row], decided_by: str
) -> str:
    if sum(row.scored for row in models.values()) == 1:
        return "it is the only model that was scored"
    parts = []
    row = models[take]
    if row.undertrained:
        parts.append(f"it got {row.recipe_share:.0%} of its recipe")
    above = sorted(order.above[take])
    rivals = [label for label in candidates if label != take]
    mixed = {label: order.significant(take, label) for label in rivals if order.significant(take, label)}
    if above:
        parts.append(f"{_names(above)} {'is' if len(above) == 1 else 'are'} better, but {_flaw(above, models)}")
    elif mixed:
        decided = _by_classifier(take, models) if decided_by == CLASSIFIER else "it is not worse in all"
        parts.append(decided)
        parts += [f"`{label}` is {_wins_and_losses(take, tests)}" for label, tests in list(mixed.items())[:MAX_NAMES]]
    elif decided_by == CLASSIFIER:
        parts.append(f"no model is better in any core metric, and {_by_classifier(take, models)}")
    else:
        parts.append("no model is better in any core metric")
    equal = [label for label in rivals if label in tied]
    if equal:
        cost = _cost_text(take, equal, models)
        parts.append(f"{_names(equal)} {'is' if len(equal) == 1 else 'are'} not told apart from it{cost}")
    seeds = max(len([r for r in row.records if r["status"] == Status.OK]) for row in models.values())
    if seeds == 1:
        parts.append("from one seed of each, so the spread between trainings is not known")
    return "; ".join(parts)


def _by_classifier(take: str, models: Mapping[str, Row]) -> str:
    """Return what the classifier says of the model that it decided for: others may have a lower, less certain mean."""
    areas = {label: _cost(row, CLASSIFIER) or math.inf for label, row in models.items() if row.scored}
    if areas[take] <= min(areas.values()):
        return "a classifier tells it least from real rows"
    return f"no other is significantly better in {CLASSIFIER}"


def _flaw(labels: Sequence[str], models: Mapping[str, Row]) -> str:
    if any(models[label].copying for label in labels):
        return "copying training rows"
    return "unstable over seeds"


def _wins_and_losses(take: str, tests: Sequence[PairTest]) -> str:
    better = [c.column for c in tests if c.worse == take]
    worse = [c.column for c in tests if c.better == take]
    parts = [f"better in {', '.join(better)}"] if better else []
    return " and ".join([*parts, *([f"worse in {', '.join(worse)}"] if worse else [])])


def _cost_text(take: str, equal: Sequence[str], models: Mapping[str, Row]) -> str:
    """Return how much more the models that are not told apart cost, of the first cost that differs."""
    for name, better, verb, how in COSTS:
        own = _cost(models[take], name)
        others = [cost for label in equal if (cost := _cost(models[label], name))]
        if not own or len(others) < len(equal):
            continue
        ratios = sorted(own / cost if better == "higher" else cost / own for cost in others)
        if ratios[0] >= MIN_COST_RATIO:
            verbs = verb if len(equal) == 1 else verb.removesuffix("s")
            low, high = _times(ratios[0]), _times(ratios[-1])
            return f" and {verbs} {low if low == high else f'{low} to {high}'} times {how}"
    return ""


def _cost(row: Row, name: str) -> float | None:
    entry = row.entries.get(name)
    return entry.estimate.mean if entry is not None and entry.estimate is not None else None


def _times(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:.0f}"


def _undecided(
    summary: Summary, order: Order, scored: Sequence[str], undominated: tuple[str, ...], note: str
) -> Recommendation:
    """Return that nothing may be said, and how many seeds would probably tell the models apart."""
    row = next(row for row in summary.rows if row.label == scored[0])
    seeds = len(row.records)
    number = f"{seeds} seed{'s' * (seeds > 1)}"
    if not summary.core or not order.comparisons:
        return Recommendation(summary.dataset, None, "no core metric was scored", undominated=undominated, note=note)
    largest = max((c.t for c in order.comparisons if math.isfinite(c.t)), default=0.0)
    needed = math.ceil(seeds * (CRITICAL_T / largest) ** 2) if largest > 0.0 else MAX_SEEDS + 1
    needed = max(needed, seeds + 1)
    why = f"{number} can't tell {'them' if len(scored) > 2 else _names(scored)} apart in any core metric"
    if needed > MAX_SEEDS:
        return Recommendation(summary.dataset, None, why, undominated=undominated, note=note)
    return Recommendation(
        summary.dataset, None, f"{why}; {needed} probably would", undominated=undominated, seeds_needed=needed,
        note=note,
    )  # fmt: skip


def _note(rows: Sequence[Row]) -> str:
    """Return the second sentence: whether a classifier tells samples from real rows, and which models are marked."""
    sentences: list[str] = []
    distinct: dict[str, float] = {}
    indistinct: dict[str, float] = {}
    for row in rows:
        entry = row.entries.get(CLASSIFIER)
        if entry is not None and entry.estimate is not None:
            interval = entry.interval
            (distinct if interval is None or interval[0] > 0.5 else indistinct)[row.label] = entry.estimate.mean
    if distinct:
        areas = sorted(distinct.values())
        who = "all of them" if not indistinct and len(distinct) > 1 else _names(list(distinct))
        area = f"{areas[0]:.2f}" if areas[-1] - areas[0] < 0.005 else f"{areas[0]:.2f} to {areas[-1]:.2f}"
        sentences.append(f"A classifier still tells {who} from real rows (AUC {area}).")
    if indistinct:
        tests = [r["sizes"]["test"] for row in rows for r in row.records if (r.get("sizes") or {}).get("test")]
        far = f", as far as {min(tests)} test rows can tell" if tests else ""
        sentences.append(f"A classifier does not tell {_names(list(indistinct))} from real rows{far}.")
    copying = [row.label for row in rows if row.copying]
    if copying:
        sentences.append(f"The samples of {_names(copying)} repeat training rows or stay near them: copying.")
    unstable = [row.label for row in rows if row.unstable]
    if unstable:
        sentences.append(f"{_names(unstable)}: unstable, as the seeds disagree.")
    under = [row.label for row in rows if row.undertrained]
    if under and not _trial(rows):
        sentences.append(f"Undertrained, with less than half of the recipe: {_names(under)}.")
    return " ".join(sentences)


def _names(labels: Sequence[str]) -> str:
    """Return names as ``a``, ``b`` and ``c``; of more than a few the number."""
    quoted = [f"`{label}`" for label in labels]
    if len(quoted) > MAX_NAMES:
        return f"{len(quoted)} models"
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
