"""Checks of metrics: what they say of a generator that is perfect, and of some that are known to be worse."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genbench.protocol import Array, Evidence, LogDensity, Modes, RealSide, Score, Simulator
from genbench.scoring.scorer import missing
from genbench.testing.check import Skipped, Subject, check, expect
from genbench.testing.laws import Clusters
from genbench.testing.surroundings import generators_untouched, untouched

N = 800
REPEATS = 6
WIDTH = 0.25
KNOWN = {
    "shift": "shift",
    "width": "width",
    "dropped_modes": "dropped modes",
    "exact_copies": "copies",
}  # as advertised


def truth() -> Clusters:
    """Return three round modes at the corners of a triangle, one twice as heavy, of about unit variance."""
    return Clusters(np.array([[1.2, 0.0], [-0.6, 1.1], [-0.6, -1.1]]), WIDTH, np.array([0.5, 0.25, 0.25]))


@dataclass(frozen=True)
class Generator:
    """A generator whose fault is known: how it maps draws of its law, and its log-density."""

    law: Clusters
    scale: float = 1.0
    shift: float = 0.0
    shear: float = 0.0  # of the second column by the first: a correlation that is not there
    copies: bool = False  # of training rows, instead of draws

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """Return (n, 2) samples."""
        samples: Array = self.scale * self.law.draw(n, rng) + self.shift
        samples[:, 1] += self.shear * samples[:, 0]
        return samples

    def log_prob(self, x: Array) -> Array:
        """Return (n,) nats."""
        x = np.stack([x[:, 0], x[:, 1] - self.shear * x[:, 0]], axis=1)
        nats: Array = self.law.log_prob((x - self.shift) / self.scale) - x.shape[1] * math.log(self.scale)
        return nats


def faults() -> dict[str, Generator]:
    """Return what any generator may suffer from: its centre, width, a lost mode, a correlation, copied rows."""
    law = truth()
    two = Clusters(law.centres[:2], law.std, law.weights[:2] / law.weights[:2].sum())
    return {
        "shift": Generator(law, shift=0.5),
        "width": Generator(law, scale=1.6),
        "dropped modes": Generator(two),
        "correlation": Generator(law, shear=0.8),
        "copies": Generator(law, copies=True),
    }


class Labelled:
    """A feature space that leaves rows as they are, and knows the modes as labels."""

    def fit(self, train: Array, labels: Array | None, rng: np.random.Generator) -> None:
        """Learn nothing."""

    def transform(self, rows: Array) -> Array:
        """Return the rows."""
        return rows

    def predict(self, rows: Array) -> Array:
        """Return which mode each row is nearest to."""
        return truth().nearest(rows)


def evidence(generator: Generator, seed: int, n: int = N, n_fake: int = 0, kind: str = "vector") -> Evidence:
    """Return all that a metric may ask for, of samples of this generator against the truth."""
    law, rng = truth(), np.random.default_rng([seed, n])
    real, train, reference = (law.draw(n, rng) for _ in range(3))
    n_fake = n_fake or n
    fake = rng.permutation(train)[np.arange(n_fake) % n] if generator.copies else generator.draw(n_fake, rng)
    if kind == "image":  # the same numbers, beside each other
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
        density_test=LogDensity(generator.log_prob(flat[0]), "exact"),
        density_fake=LogDensity(generator.log_prob(flat[1]), "exact"),
        truth_test=law.log_prob(flat[0]),
        truth_fake=law.log_prob(flat[1]),
        modes=Modes(law.centres, law.std, law.weights),
        levels=256 if kind == "image" else None,
        timing={"fit_s": 10.0, "samples_per_s": 1000.0, "first_sample_s": 0.01},
        simulator=Simulator(0.1, "a slow one"),
        features=Labelled(),
        labels_train=law.nearest(flat[2]),
        labels_test=law.nearest(flat[0]),
        labels_fake=law.nearest(flat[1]),
        observables_test={"radius": np.hypot(*flat[0].T)},
        observables_fake={"radius": np.hypot(*flat[1].T)},
        seed=seed,
    )


def score(subject: Subject, given: Evidence) -> Score:
    """Return the metric's answer; raises Skipped where it cannot be computed from anything that the kit has."""
    if given.kind not in subject.spec.data:
        given = replace(given, kind=subject.spec.data[0])
    lacking = missing(subject.spec, given)
    if lacking:
        raise Skipped(lacking)
    made = subject.target(given) if subject.config is None else subject.target(given, subject.config)
    expect(isinstance(made, Score), f"it returned {type(made).__name__}, expected genbench.protocol.Score")
    return made  # type: ignore[no-any-return]


def value(subject: Subject, given: Evidence) -> float:
    """Return the metric's number; raises Failed where there is none."""
    made = score(subject, given)
    expect(made.value is not None and math.isfinite(made.value), f"it gives {made.value}: {'; '.join(made.warnings)}")
    return float(made.value)  # type: ignore[arg-type]


def values(subject: Subject, name: str, generator: Generator) -> Array:
    """Return the values over repeated draws, which several checks share."""
    kind = subject.spec.data[0]
    found: Array = subject.once(
        ("values", name),
        lambda: np.array([value(subject, evidence(generator, seed, kind=kind)) for seed in range(REPEATS)]),
    )
    return found


def perfect(subject: Subject) -> Array:
    """Return the values of fresh real data."""
    return values(subject, "perfect", Generator(truth()))


def looks_at_samples(subject: Subject) -> None:
    """Raise Skipped where no sample changes the score."""
    if set(subject.spec.needs) <= {"timing", "simulator"}:
        raise Skipped("it looks at times, not at samples")


def changes(subject: Subject) -> dict[str, float]:
    """Return by how many standard deviations of repeated draws each fault changes the score."""
    looks_at_samples(subject)
    damaged = {name: values(subject, name, generator) for name, generator in faults().items()}
    floor = perfect(subject)
    positive = all((found > 0).all() for found in (floor, *damaged.values()))
    scales = (
        (np.asarray, np.log) if positive else (np.asarray,)
    )  # the spread of what is positive may grow with its size
    return {
        name: max((_separation(scale(floor), scale(found)) for scale in scales), key=abs)
        for name, found in damaged.items()
    }


def _separation(one: Array, other: Array) -> float:
    spread = math.sqrt(one.var(ddof=1) + other.var(ddof=1)) or 1e-12 * (1 + abs(float(one.mean())))
    return float(other.mean() - one.mean()) / spread


@check(
    "metric", remedy="return Score(value, low=..., high=..., level=0.95), low <= value <= high, or None and a warning"
)
def answers_with_a_score(subject: Subject) -> None:
    """The answer is a Score with a number and, where it has an interval, a level and low below high."""
    given = evidence(Generator(truth()), 0, kind=subject.spec.data[0])
    value(subject, given)
    made = score(subject, given)
    if made.low is None or made.high is None:
        expect(made.warnings or made.detail, "its interval is not there or has one end only, and no warning says why")
    if made.low is None and made.high is None:
        return
    low, high = (-math.inf if made.low is None else made.low), (math.inf if made.high is None else made.high)
    expect(low <= high, f"its interval runs from {made.low} to {made.high}")
    expect(made.level is not None and 0 < made.level < 1, f"its interval has the level {made.level}")


@check("metric", remedy="draw from evidence.rng(name), which is seeded by the cell; never from a global generator")
def same_evidence_same_score(subject: Subject) -> None:
    """The same evidence gives the same score."""
    kind = subject.spec.data[0]
    twice = [value(subject, evidence(Generator(truth()), 0, kind=kind)) for _ in range(2)]
    expect(twice[0] == twice[1], f"the same evidence gives {twice[0]!r} and {twice[1]!r}")


@check("metric", remedy="work on copies, and draw from evidence.rng(name)")
def evidence_and_process_are_left_alone(subject: Subject) -> None:
    """Scoring changes no array of the evidence, no global generator and nothing of the process."""
    given = evidence(Generator(truth()), 0, kind=subject.spec.data[0])
    arrays = {name: a for name, a in vars(given).items() if isinstance(a, np.ndarray)} | {"real": given.real.rows}
    before = {name: array.copy() for name, array in arrays.items()}
    score(subject, given)  # the first one imports what it needs
    with untouched("the metric"), generators_untouched("the metric"):
        score(subject, given)
    changed = [name for name, array in arrays.items() if not np.array_equal(array, before[name])]
    expect(not changed, f"it changed {', '.join(changed)}")


@check("metric", remedy="treat the rows as sets: no pairing of row i of one side with row i of the other")
def order_of_rows_does_not_matter(subject: Subject) -> None:
    """Samples in another order have the same score, within the spread of repeated draws."""
    looks_at_samples(subject)
    given = evidence(Generator(truth(), shift=0.2), 0, kind=subject.spec.data[0])
    order = np.random.default_rng(7).permutation(len(given.fake))
    sorted_ = np.argsort(given.fake[:, 0])
    spread = float(perfect(subject).std(ddof=1))
    first = value(subject, given)
    for how in (order, sorted_):
        other = value(subject, _reordered(given, how))
        slack = max(2 * spread, 1e-9 * abs(first))  # folds and thinning go by position
        expect(
            abs(other - first) <= slack, f"the same samples in another order score {other:.6g} instead of {first:.6g}"
        )


def _reordered(given: Evidence, order: Array) -> Evidence:
    def put(a: Any) -> Any:
        return None if a is None else a[order]

    dense = given.density_fake
    return replace(
        given,
        fake=given.fake[order],
        fake_raw=put(given.fake_raw),
        truth_fake=put(given.truth_fake),
        labels_fake=put(given.labels_fake),
        density_fake=None if dense is None else LogDensity(dense.values[order], dense.kind),
        observables_fake={name: values[order] for name, values in (given.observables_fake or {}).items()},
    )


@check("metric", remedy="normalise by each side's own number of rows")
def unequal_numbers_of_rows_work(subject: Subject) -> None:
    """More samples than real rows, and fewer, give a number near that of equally many, not another scale."""
    looks_at_samples(subject)
    kind = subject.spec.data[0]
    wrong = values(subject, "shift", faults()["shift"]) if changes(subject) else perfect(subject)
    scale = abs(float(wrong.mean() - perfect(subject).mean())) + 6 * float(perfect(subject).std(ddof=1))
    for n_fake in (N // 2, 2 * N):
        other = value(subject, evidence(Generator(truth()), 3, n_fake=n_fake, kind=kind))
        gap = abs(other - float(perfect(subject).mean()))
        expect(
            gap <= scale + 1e-9,
            f"{n_fake} perfect samples against {N} rows score {other:.4g}, {N} score {perfect(subject).mean():.4g}",
        )


@check("metric", remedy="where rows are too few return Score(None, warnings=('needs at least ... rows',))")
def few_rows_do_not_break_it(subject: Subject) -> None:
    """With two or three rows it gives a number, or None and the reason."""
    for n in (2, 3):
        made = score(subject, evidence(Generator(truth()), 0, n=n, kind=subject.spec.data[0]))
        expect(made.value is not None or made.warnings, f"of {n} rows it gives None and no reason")


@check("metric", remedy="see that the samples enter the score: a constant would pass every other check")
def a_known_fault_changes_the_score(subject: Subject) -> None:
    """A shift, a width, a lost mode, a correlation or copies change the score beyond its noise: at least one."""
    found = changes(subject)
    told = ", ".join(f"{name} {z:+.1f}" for name, z in found.items())
    expect(
        max(map(abs, found.values())) > 4, f"in standard deviations of repeated draws the faults change it by: {told}"
    )


@check(
    "metric", remedy="compare the samples with evidence.real.rows, or say in `needs` with what else they are compared"
)
def held_out_rows_enter_the_score(subject: Subject) -> None:
    """A metric that needs samples alone compares them with held-out rows: beside others they have another score."""
    if set(subject.spec.needs) != {"samples"}:
        raise Skipped("there are other things that it may compare samples with")
    if max(map(abs, changes(subject).values())) <= 4:
        raise Skipped("no fault changes it")
    kind = subject.spec.data[0]
    given, wrong = (evidence(one, 0, kind=kind) for one in (Generator(truth()), Generator(truth(), 1.6, 0.5, 0.8)))
    others = replace(given, real=RealSide(wrong.fake), test_raw=wrong.fake_raw)
    first, second = value(subject, given), value(subject, others)
    expect(
        first != second, f"beside held-out rows half a standard deviation away the samples score {second:.6g} as well"
    )


@check("metric", remedy="take out of `detects` what it does not see; genbench audit tells from what size on it does")
def advertised_faults_are_seen(subject: Subject) -> None:
    """A large fault that it advertises to detect changes its score beyond noise, and for the worse."""
    advertised = [name for name in subject.spec.detects if name in KNOWN]
    if not advertised:
        raise Skipped("it advertises none of the faults that are tried here")
    found = changes(subject)
    worse = 1 if subject.spec.better == "lower" else -1
    for name in advertised:
        z = found[KNOWN[name]]
        seen = worse * z if getattr(subject.spec, "ranked", True) else abs(z)
        expect(seen > 3, f"it advertises {name}, which changes it by {z:+.1f} standard deviations of repeated draws")


@check("metric", remedy="turn `better` round in the spec, or the sign of the value")
def faults_change_it_for_the_worse(subject: Subject) -> None:
    """What the faults change, they change in the direction that the spec declares as worse."""
    if not getattr(subject.spec, "ranked", True):
        raise Skipped("neither of its ends is better")
    seen = {name: z for name, z in changes(subject).items() if abs(z) > 4}
    if not seen:
        raise Skipped("no fault changes it")
    worse = 1 if subject.spec.better == "lower" else -1
    name = max(seen, key=lambda each: abs(seen[each]))
    expect(
        worse * seen[name] > 0,
        f"better is declared {subject.spec.better!r}, and {name} changes it by {seen[name]:+.1f} standard deviations",
    )


@check("metric", remedy="declare `best` as the value of a perfect model, or None where it depends on the data")
def perfect_samples_are_near_the_best(subject: Subject) -> None:
    """Fresh real data score nearer to the declared best value than any damaged samples, or as near within noise."""
    best = subject.spec.best
    if best is None:
        raise Skipped("it declares no best value")
    looks_at_samples(subject)
    floor = perfect(subject)
    gap = abs(float(floor.mean()) - best)
    damaged = {name: values(subject, name, generator) for name, generator in faults().items()}
    worst = max(abs(float(v.mean()) - best) for v in damaged.values())
    noise = 4 * float(floor.std(ddof=1)) / math.sqrt(len(floor))
    expect(gap <= 0.5 * worst + noise, f"fresh real data score {floor.mean():.4g}, the best is declared {best:g}")
