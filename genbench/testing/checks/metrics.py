"""Checks of metrics: their scores of a perfect generator, and of generators with known faults."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genbench.protocol import Array, Column, Evidence, LogDensity, Modes, RealSide, Score, Simulator
from genbench.scoring.feature_spaces import IdentitySpace
from genbench.scoring.scorer import missing
from genbench.testing.check import Skipped, Subject, check, expect
from genbench.testing.process_state import expect_generators_unused, expect_process_unchanged
from genbench.testing.toy_data import Clusters

NUMBER_OF_ROWS = 800
REPEATS = 6
MODE_SD = 0.25
INTEGER_STEP = 0.25  # of the draws that are rounded, for a metric of the rules that such rows keep
MIN_CHANGE_SDS = 4.0  # standard deviations of repeated draws, from which a change of the score counts
MIN_ADVERTISED_SDS = 3.0  # the same for a fault that a metric advertises


# three round modes at the corners of a triangle, one twice as heavy, of about unit variance
TRUTH = Clusters(np.array([[1.2, 0.0], [-0.6, 1.1], [-0.6, -1.1]]), MODE_SD, np.array([0.5, 0.25, 0.25]))


@dataclass(frozen=True)
class Generator:
    """A generator with a known fault: a map of draws from a distribution, with its log-density."""

    base: Clusters
    scale: float = 1.0
    shift: float = 0.0
    shear: float = 0.0  # of the second column by the first, which adds a correlation
    copies: bool = False  # returns training rows instead of draws
    integers: bool = False  # draws are rounded, before they get the fault

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """Return (n, 2) samples."""
        rows = self.base.draw(n, rng)
        samples: Array = self.scale * (np.round(rows / INTEGER_STEP) if self.integers else rows) + self.shift
        samples[:, 1] += self.shear * samples[:, 0]
        return samples

    def undo(self, x: Array) -> Array:
        """Return rows (n, 2) without the fault, but for copies."""
        x = np.stack([x[:, 0], x[:, 1] - self.shear * x[:, 0]], axis=1)
        rows: Array = (x - self.shift) / self.scale
        return rows

    def log_prob(self, x: Array) -> Array:
        """Return (n,) nats."""
        nats: Array = self.base.log_prob(self.undo(x)) - x.shape[1] * math.log(self.scale)
        return nats


PERFECT = Generator(TRUTH)
TWO_MODES = Clusters(TRUTH.centres[:2], TRUTH.std, TRUTH.weights[:2] / TRUTH.weights[:2].sum())
FAULTS = {  # by the names under which metrics advertise them, but for the correlation, which is added
    "shift": Generator(TRUTH, shift=0.5),
    "width": Generator(TRUTH, scale=1.6),
    "dropped_modes": Generator(TWO_MODES),
    "correlation": Generator(TRUTH, shear=0.8),
    "exact_copies": Generator(TRUTH, copies=True),
}
# draws that are nearer to training rows than fresh ones are, though they copy none
NARROW_MODES = Generator(Clusters(TRUTH.centres, 0.6 * MODE_SD, TRUTH.weights))


class LabelSpace(IdentitySpace):
    """A feature space that leaves rows unchanged, with the nearest mode as predicted label."""

    def predict(self, rows: Array) -> Array:
        """Return the index of the nearest mode of each row, (n,)."""
        return TRUTH.nearest(rows)


def evidence(
    generator: Generator,
    seed: int,
    n: int = NUMBER_OF_ROWS,
    n_fake: int = 0,
    kind: str = "vector",
    order: Array | None = None,
) -> Evidence:
    """Return evidence with every field that a metric may need, for samples of a generator against the truth.

    ``order`` (n_fake,) reorders the samples.
    """
    rng = np.random.default_rng([seed, n])
    real, train, reference = (Generator(TRUTH, integers=generator.integers).draw(n, rng) for _ in range(3))
    n_fake = n_fake or n
    fake = rng.permutation(train)[np.arange(n_fake) % n] if generator.copies else generator.draw(n_fake, rng)
    fake = fake if order is None else fake[order]
    if kind == "image":  # of two pixels, with the same values
        real, train, reference, fake = (rows[:, None, None, :] for rows in (real, train, reference, fake))
    flat = [rows.reshape(len(rows), -1) for rows in (real, fake, train, reference)]
    return Evidence(
        RealSide(flat[0]),
        flat[1],
        kind=kind,
        columns=("a", "b"),
        train=flat[2],
        reference=flat[3],
        test_raw=real,
        fake_raw=fake,
        train_raw=train,
        density_test=LogDensity(generator.log_prob(flat[0]), "exact"),
        density_fake=LogDensity(generator.log_prob(flat[1]), "exact"),
        truth_test=TRUTH.log_prob(flat[0]),
        truth_fake=TRUTH.log_prob(flat[1]),
        modes=Modes(TRUTH.centres.copy(), TRUTH.std, TRUTH.weights.copy()),
        levels=256 if kind == "image" else None,
        timing={"fit_s": 10.0, "samples_per_s": 1000.0, "first_sample_s": 0.01},
        simulator=Simulator(0.1, "a slow one"),
        features=LabelSpace(),
        labels_train=TRUTH.nearest(flat[2]),
        labels_test=TRUTH.nearest(flat[0]),
        labels_fake=TRUTH.nearest(flat[1]),
        observables_test={"radius": np.hypot(*flat[0].T)},
        observables_fake={"radius": np.hypot(*flat[1].T)},
        seed=seed,
    )


def evidence_for(subject: Subject, generator: Generator, seed: int, **sizes: Any) -> Evidence:
    """Return evidence of the kind of data that the metric takes.

    A metric that gives no value where nothing limits the rows gets integers, which are a rule that faults break.
    """
    kind = subject.spec.data[0]
    if "conditions" in subject.spec.needs:
        return given_modes(evidence(generator, seed, **sizes), generator)
    integers = subject.once(("integers",), lambda: score(subject, evidence(PERFECT, 0, kind=kind)).value is None)
    return evidence(replace(generator, integers=integers), seed, kind=kind, **sizes)


def given_modes(of: Evidence, generator: Generator) -> Evidence:
    """Return evidence of rows that were drawn given their modes, the classes of one condition."""
    assert of.train is not None
    codes = {"real": TRUTH.nearest(of.real.rows), "train": TRUTH.nearest(of.train)}
    codes["fake"] = TRUTH.nearest(generator.undo(of.fake))
    joint = {name: np.eye(len(TRUTH.weights))[each] / math.sqrt(2) for name, each in codes.items()}
    conditions = {name: each[:, None].astype(float) for name, each in codes.items()}
    levels = tuple(str(k) for k in range(len(TRUTH.weights)))
    classes = [replace(generator, base=Clusters(centre[None], TRUTH.std, np.ones(1))) for centre in TRUTH.centres]
    return replace(
        of,
        real=RealSide(np.concatenate([of.real.rows, joint["real"]], 1)),
        fake=np.concatenate([of.fake, joint["fake"]], 1),
        train=np.concatenate([of.train, joint["train"]], 1),
        reference=None,
        columns=(*of.columns, *(f"mode={level}" for level in levels)),
        log_prob_classes=np.stack([each.log_prob(of.real.rows) for each in classes], 1),
        conditions_train=conditions["train"],
        conditions_test=conditions["real"],
        conditions_fake=conditions["fake"],
        condition_columns=(Column("mode", kind="category", levels=levels),),
        condition_scores=len(levels),
    )


def score(subject: Subject, given: Evidence) -> Score:
    """Return the score of evidence; raises Skipped where the metric needs something that the kit does not have."""
    if given.kind not in subject.spec.data:
        given = replace(given, kind=subject.spec.data[0])
    if lack := missing(subject.spec, given):
        raise Skipped(lack)
    returned = subject.target(given) if subject.config is None else subject.target(given, subject.config)
    expect(isinstance(returned, Score), f"it returned {type(returned).__name__}, expected genbench.protocol.Score")
    return returned  # type: ignore[no-any-return]


def value(subject: Subject, given: Evidence) -> float:
    """Return the value of the score; raises Failed where there is none."""
    found = score(subject, given)
    finite = found.value is not None and math.isfinite(found.value)
    expect(finite, f"it gives {found.value}: {'; '.join(found.warnings)}")
    return float(found.value)  # type: ignore[arg-type]


def values(subject: Subject, name: str, generator: Generator) -> Array:
    """Return the values over repeated draws of a generator, shared by several checks."""
    given = (evidence_for(subject, generator, seed) for seed in range(REPEATS))
    return subject.once(("values", name), lambda: np.array([value(subject, each) for each in given]))


def perfect_values(subject: Subject) -> Array:
    """Return the values over repeated draws of fresh real data."""
    return values(subject, "perfect", PERFECT)


def require_samples(subject: Subject) -> None:
    """Raise Skipped where the score does not depend on samples."""
    if "samples" not in subject.spec.needs and set(subject.spec.needs) <= {"timing", "simulator", "train"}:
        raise Skipped("it depends on times, not on samples")


def changes_by_fault(subject: Subject) -> dict[str, float]:
    """Return the change of the score by each fault, in standard deviations of repeated draws."""
    require_samples(subject)
    damaged = {name: values(subject, name, generator) for name, generator in FAULTS.items()}
    floor = perfect_values(subject)
    # the spread of a positive score may grow with its value: take the larger change, with or without logarithms
    positive = all((found > 0).all() for found in (floor, *damaged.values()))
    scales = (np.asarray, np.log) if positive else (np.asarray,)
    return {
        name: max((_separation(scale(floor), scale(found)) for scale in scales), key=abs)
        for name, found in damaged.items()
    }


def _separation(one: Array, other: Array) -> float:
    """Return the difference of the means, in standard deviations of one difference."""
    spread = math.sqrt(one.var(ddof=1) + other.var(ddof=1)) or 1e-12 * (1 + abs(float(one.mean())))
    return float(other.mean() - one.mean()) / spread


@check(
    "metric", remedy="return Score(value, low=..., high=..., level=0.95), low <= value <= high, or None and a warning"
)
def answers_with_a_score(subject: Subject) -> None:
    """The metric returns a Score with a value and, where it has an interval, a level and low <= high."""
    given = evidence_for(subject, PERFECT, 0)
    value(subject, given)
    found = score(subject, given)
    if found.low is None or found.high is None:
        expect(found.warnings or found.detail, "its interval is missing or has only one end, and no warning says why")
    if found.low is None and found.high is None:
        return
    low, high = (-math.inf if found.low is None else found.low), (math.inf if found.high is None else found.high)
    expect(low <= high, f"its interval runs from {found.low} to {found.high}")
    expect(found.level is not None and 0 < found.level < 1, f"its interval has the level {found.level}")


@check("metric", remedy="draw from evidence.rng(name), which the cell seeds, and never from a global generator")
def same_evidence_same_score(subject: Subject) -> None:
    """The same evidence gives the same score."""
    twice = [value(subject, evidence_for(subject, PERFECT, 0)) for _ in range(2)]
    expect(twice[0] == twice[1], f"the same evidence gives {twice[0]!r} and {twice[1]!r}")


@check("metric", remedy="work on copies, and draw from evidence.rng(name)")
def evidence_and_process_are_left_alone(subject: Subject) -> None:
    """Scoring changes no array of the evidence, uses no global generator and leaves the process unchanged."""
    given = evidence_for(subject, PERFECT, 0)
    arrays = {name: a for name, a in vars(given).items() if isinstance(a, np.ndarray)} | {"real": given.real.rows}
    before = {name: array.copy() for name, array in arrays.items()}
    score(subject, given)  # the first call imports what it needs
    with expect_process_unchanged("the metric"), expect_generators_unused("the metric"):
        score(subject, given)
    changed = [name for name, array in arrays.items() if not np.array_equal(array, before[name])]
    expect(not changed, f"it changed {', '.join(changed)}")


@check("metric", remedy="treat rows as a set: never pair row i of one side with row i of the other")
def order_of_rows_does_not_matter(subject: Subject) -> None:
    """Samples in another order have the same score, within the spread of repeated draws."""
    require_samples(subject)
    shifted = Generator(TRUTH, shift=0.2)
    given = evidence_for(subject, shifted, 0)
    shuffled = np.random.default_rng(7).permutation(len(given.fake))
    by_column = np.argsort(given.fake[:, 0])
    spread = float(perfect_values(subject).std(ddof=1))
    first = value(subject, given)
    for order in (shuffled, by_column):
        other = value(subject, evidence_for(subject, shifted, 0, order=order))
        tolerance = max(2 * spread, 1e-9 * abs(first))  # as folds and subsets depend on positions
        expect(
            abs(other - first) <= tolerance,
            f"the same samples in another order score {other:.6g} instead of {first:.6g}",
        )


@check("metric", remedy="normalise by the number of rows of each side")
def unequal_numbers_of_rows_work(subject: Subject) -> None:
    """With more or fewer samples than real rows, the score stays close to that of equally many."""
    require_samples(subject)
    shifted = values(subject, "shift", FAULTS["shift"]) if changes_by_fault(subject) else perfect_values(subject)
    equal = float(perfect_values(subject).mean())
    tolerance = abs(float(shifted.mean()) - equal) + 6 * float(perfect_values(subject).std(ddof=1))
    for n_fake in (NUMBER_OF_ROWS // 2, 2 * NUMBER_OF_ROWS):
        other = value(subject, evidence_for(subject, PERFECT, 3, n_fake=n_fake))
        scores = f"score {other:.4g}, {NUMBER_OF_ROWS} score {equal:.4g}"
        expect(
            abs(other - equal) <= tolerance + 1e-9,
            f"{n_fake} perfect samples against {NUMBER_OF_ROWS} rows {scores}",
        )


@check("metric", remedy="where rows are too few return Score(None, warnings=('needs at least ... rows',))")
def few_rows_do_not_break_it(subject: Subject) -> None:
    """With two or three rows it gives a value, or None with a reason."""
    for n in (2, 3):
        found = score(subject, evidence_for(subject, PERFECT, 0, n=n))
        expect(found.value is not None or found.warnings, f"with {n} rows it gives None without a reason")


@check("metric", remedy="make the score depend on the samples: a constant passes all other checks")
def a_known_fault_changes_the_score(subject: Subject) -> None:
    """At least one of a shift, a width, a lost mode, a correlation and copies changes the score beyond its noise."""
    found = changes_by_fault(subject)
    listed = ", ".join(f"{name} {z:+.1f}" for name, z in found.items())
    largest = max(map(abs, found.values()))
    expect(largest > MIN_CHANGE_SDS, f"the faults change it, in standard deviations of repeated draws, by: {listed}")


@check(
    "metric", remedy="compare the samples with evidence.real.rows, or name in `needs` what else they are compared with"
)
def held_out_rows_enter_the_score(subject: Subject) -> None:
    """A metric that needs only samples compares them with held-out rows: with other held-out rows the score changes."""
    if set(subject.spec.needs) != {"samples"}:
        raise Skipped("it may compare samples with something else")
    if max(map(abs, changes_by_fault(subject).values())) <= MIN_CHANGE_SDS:
        raise Skipped("no fault changes it")
    generators = PERFECT, Generator(TRUTH, 1.6, 0.5, 0.8)
    given, faulty = (evidence_for(subject, generator, 0) for generator in generators)
    others = replace(given, real=RealSide(faulty.fake), test_raw=faulty.fake_raw)
    first, second = value(subject, given), value(subject, others)
    expect(first != second, f"against wider, shifted and correlated held-out rows the samples also score {second:.6g}")


@check("metric", remedy="remove from `detects` what it does not see; genbench audit finds from which size on it does")
def advertised_faults_are_seen(subject: Subject) -> None:
    """A large fault that the metric advertises changes its score beyond noise, and for the worse."""
    advertised = [name for name in subject.spec.detects if name in FAULTS]
    if not advertised:
        raise Skipped("it advertises none of the faults that are tried here")
    found = changes_by_fault(subject)
    worse = 1 if subject.spec.better == "lower" else -1
    for name in advertised:
        z = found[name]
        strength = worse * z if getattr(subject.spec, "ranked", True) else abs(z)
        expect(
            strength > MIN_ADVERTISED_SDS,
            f"it advertises {name}, which changes it by {z:+.1f} standard deviations of repeated draws",
        )


@check("metric", remedy="reverse `better` in the spec, or the sign of the value")
def faults_change_it_for_the_worse(subject: Subject) -> None:
    """The fault that changes the score most changes it in the direction that the spec declares as worse."""
    if not getattr(subject.spec, "ranked", True):
        raise Skipped("neither direction is better")
    found = {name: z for name, z in changes_by_fault(subject).items() if abs(z) > MIN_CHANGE_SDS}
    if not found:
        raise Skipped("no fault changes it")
    worse = 1 if subject.spec.better == "lower" else -1
    name = max(found, key=lambda each: abs(found[each]))
    expect(
        worse * found[name] > 0,
        f"better is declared {subject.spec.better!r}, but {name} changes it by {found[name]:+.1f} standard deviations",
    )


@check("metric", remedy="compare nearness to training rows with nearness to held-out rows, or declare copying=False")
def copies_alone_count_as_copying(subject: Subject) -> None:
    """A metric of copying is worse for copies of training rows, and not for draws that are narrower than the data."""
    if not getattr(subject.spec, "copying", False):
        raise Skipped("it is no metric of copying")
    worse = 1 if subject.spec.better == "lower" else -1
    floor = perfect_values(subject)
    copied = worse * _separation(floor, values(subject, "exact_copies", FAULTS["exact_copies"]))
    narrow = worse * _separation(floor, values(subject, "narrow", NARROW_MODES))
    expect(copied > MIN_CHANGE_SDS, f"copies change it by {worse * copied:+.1f} standard deviations of repeated draws")
    expect(
        narrow < MIN_CHANGE_SDS,
        f"fresh draws of narrower modes change it by {worse * narrow:+.1f} standard deviations, as if they were copies",
    )


@check("metric", remedy="declare `best` as the value of a perfect model, or None where it depends on the data")
def perfect_samples_are_near_the_best(subject: Subject) -> None:
    """The score of fresh real data is closer to the declared best value than the worst fault, or close within noise."""
    best = subject.spec.best
    if best is None:
        raise Skipped("it declares no best value")
    require_samples(subject)
    floor = perfect_values(subject)
    gap = abs(float(floor.mean()) - best)
    damaged = {name: values(subject, name, generator) for name, generator in FAULTS.items()}
    worst = max(abs(float(v.mean()) - best) for v in damaged.values())
    noise = 4 * float(floor.std(ddof=1)) / math.sqrt(len(floor))
    expect(gap <= 0.5 * worst + noise, f"fresh real data score {floor.mean():.4g}, the declared best is {best:g}")
