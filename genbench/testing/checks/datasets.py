"""Checks of datasets: the rows, their splits, and whether the declared density is that of the rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from genbench.budget import Sizes
from genbench.data import copies_between
from genbench.protocol import Array, Data
from genbench.testing.check import Skipped, Subject, check, expect
from genbench.testing.process_state import expect_generators_unused, expect_process_unchanged
from genbench.training.conditions import conditions_of, true_log_prob

SIZES = Sizes(2000, 1000, 1000)
ENTROPY_SIZES = Sizes(20_000, 100, 100)
SPLITS = ("train", "test", "reference")
# of importance sampling from a mixture of Gaussians around rows
MAX_CENTRES = 1000
NUMBER_OF_POINTS = 20_000
GAUSSIAN_WIDTHS = (0.1, 0.3, 0.8)
MIN_EFFECTIVE_POINTS = 400


def shared_data(subject: Subject) -> Data:
    """Return data, shared by several checks."""
    return subject.once("data", lambda: load(subject, 0))


def load(subject: Subject, seed: int) -> Data:
    """Return data loaded under a seed."""
    data = subject.build().load(SIZES, np.random.default_rng(seed))
    expect(isinstance(data, Data), f"load returned {type(data).__name__}, expected genbench.protocol.Data")
    return data  # type: ignore[no-any-return]


def splits(data: Data) -> dict[str, Array]:
    """Return the three splits by name."""
    return {name: getattr(data, name) for name in SPLITS}


@check("dataset", remedy="return arrays (n, d) or (n, channels, height, width) of one shape, without nan")
def splits_are_finite_and_alike(subject: Subject) -> None:
    """The splits are finite arrays of the declared kind and of one shape, with at most the requested rows."""
    axes, data = {"vector": 2, "image": 4}[subject.spec.data], shared_data(subject)
    for name, rows in splits(data).items():
        expect(isinstance(rows, np.ndarray), f"{name} is {type(rows).__name__}, expected a numpy array")
        expect(rows.ndim == axes, f"{name} has {rows.ndim} axes; {subject.spec.data} data have {axes}")
        expect(rows.shape[1:] == data.shape, f"{name} is {rows.shape}, train {data.train.shape}")
        expect(
            0 < len(rows) <= getattr(SIZES, name), f"{name} has {len(rows)} rows, {getattr(SIZES, name)} were requested"
        )
        expect(rows.dtype.kind in "fiu", f"{name} has dtype {rows.dtype}, expected numbers")
        expect(np.isfinite(rows).all(), f"{name} has {int((~np.isfinite(rows)).sum())} values that are not finite")


@check(
    "dataset", remedy="split with genbench.data.split, which keeps copies together; keep related rows in the same split"
)
def splits_share_no_row(subject: Subject) -> None:
    """No copy of a row is in two splits; rows that are equal because their columns are discrete may be."""
    rows = splits(shared_data(subject))
    for one, other in (("train", "test"), ("train", "reference"), ("test", "reference")):
        shared = copies_between([rows[one], rows[other]])
        expect(not shared, f"{shared} rows are in {one} and in {other}")


@check("dataset", remedy="draw all random numbers from the generator that load is given")
def same_generator_same_data(subject: Subject) -> None:
    """The same generator gives the same data, bit for bit."""
    again = splits(load(subject, 0))
    for name, rows in splits(shared_data(subject)).items():
        expect(np.array_equal(rows, again[name]), f"loaded twice with the same generator, {name} differs")


@check("dataset", remedy="draw the rows, or at least the split, with the generator that load is given")
def other_generator_other_data(subject: Subject) -> None:
    """Different generators give different splits."""
    same = np.array_equal(shared_data(subject).train, load(subject, 1).train)
    expect(not same, "two generators give the same training rows")


@check("dataset", remedy="use the generator that load is given, and change no global setting")
def loading_leaves_the_process_alone(subject: Subject) -> None:
    """Loading uses no global random generator and does not change the state of the process."""
    dataset = subject.build()
    with expect_process_unchanged("loading"), expect_generators_unused("loading"):
        dataset.load(SIZES, np.random.default_rng(0))


@check("dataset", remedy="set the flag in the spec, or the field in Data: plans are made from the flags")
def flags_are_true(subject: Subject) -> None:
    """The data carry exactly the optional fields that the spec declares."""
    data = shared_data(subject)
    for flag in ("density", "modes", "labels", "observables", "simulator"):
        present = getattr(data, "log_prob" if flag == "density" else flag) is not None
        declared = bool(getattr(subject.spec, flag))
        expect(present == declared, f"the spec declares {flag}={declared}, the data {'have' if present else 'lack'} it")
    declared, present = subject.spec.outliers_of(subject.config), data.outliers is not None
    expect(present == declared, f"outliers={declared} is declared, the data {'have' if present else 'lack'} them")
    given, conditional = data.conditions is not None, subject.spec.is_conditional(subject.config)
    expect(
        given == conditional, f"the spec declares conditions={conditional}, the data {'have' if given else 'lack'} them"
    )
    facts = subject.spec.facts(subject.config)
    for name in ("shape", "levels", "columns"):
        found, stated = getattr(data, name), getattr(facts, name)
        expect(not stated or found == stated, f"the spec declares {name}={stated}, the data have {found}")


@check("dataset", remedy="declare one Column for each column, of the kind that its values have")
def columns_have_their_kinds(subject: Subject) -> None:
    """Declared columns are as many as those of the rows; integers are whole, codes of categories have a level."""
    data = shared_data(subject)
    if not data.columns:
        raise Skipped("it declares no columns")
    rows = np.concatenate(list(splits(data).values()))
    expect(rows.ndim == 2, f"columns are declared of rows {rows.shape}")
    declared, d = len(data.columns), rows.shape[1]
    expect(declared == d, f"{declared} columns are declared, the rows have {d}")
    for column, values in zip(data.columns, rows.T, strict=True):
        if column.kind in ("integer", "category"):
            worst = values[np.argmax(np.abs(values - np.rint(values)))]
            expect(worst == np.rint(worst), f"column {column.name!r}, of kind {column.kind}, holds {worst:g}")
        if column.kind == "category":
            ends, levels = f"{values.min():g} to {values.max():g}", len(column.levels)
            fits = values.min() >= 0 and values.max() < levels
            expect(fits, f"column {column.name!r} has {levels} levels, its codes are {ends}")
        if column.log:
            expect(values.min() > 0, f"column {column.name!r} is a logarithm, and holds {values.min():g}")


@check("dataset", remedy="fill in licence and source, so that users know what they may do with the data")
def origin_is_stated(subject: Subject) -> None:
    """The licence and the source of the data are declared."""
    missing = [name for name in ("licence", "source") if not getattr(subject.spec, name).strip()]
    expect(not missing, f"the spec has no {' and no '.join(missing)}")


# ---------------------------------------------------------------------------------------- where the density is declared


def data_with_density(subject: Subject) -> Data:
    """Return the shared data; raises Skipped where no density is declared."""
    if not subject.spec.density:
        raise Skipped("it declares no density")
    return shared_data(subject)


@check("dataset", remedy="return (n,) nats, -inf where the density is zero, for any finite rows")
def log_prob_gives_a_number_a_row(subject: Subject) -> None:
    """The declared density gives one number per row, finite for rows of the data."""
    data = data_with_density(subject)
    assert data.log_prob is not None
    values = true_log_prob(data, data.test[:50], conditions_of(data, "test"))
    expect(np.shape(values) == (min(50, len(data.test)),), f"log_prob of 50 rows has shape {np.shape(values)}")
    expect(np.isfinite(values).all(), f"log_prob is not finite at {int((~np.isfinite(values)).sum())} of its own rows")


@check("dataset", remedy="look for a missing constant, Jacobian or factor: the density is in the units of the data")
def declared_density_integrates_to_one(subject: Subject) -> None:
    """The declared density of vectors integrates to 1: on a grid, or by importance sampling from 3 columns on.

    A conditional one is integrated given the condition of the first test row.
    """
    log_p, volumes = _integration_points(subject)
    masses = np.exp(log_p) * volumes
    total = float(masses.sum())
    tolerance = 0.02 if len(volumes) == 1 else 0.05 + 6 * math.sqrt(len(masses)) * float(masses.std())
    expect(abs(total - 1) < tolerance, f"it integrates to {total:.4g}")


def _integration_points(subject: Subject) -> tuple[Array, Array]:
    """Return the declared log-density at points (n,) and the volume of each: (n,), or (1,) where all are equal.

    Raises Skipped for images, and where the points are too few for a reliable integral.
    """
    data = data_with_density(subject)
    if data.train.ndim != 2:
        raise Skipped("it is a density of images")
    points = _grid_points if data.shape[0] <= 2 else _random_points
    return subject.once("integration points", lambda: points(data))


def _grid_points(data: Data) -> tuple[Array, Array]:
    axes = [_nodes(data, j) for j in range(data.train.shape[1])]
    points = np.stack([part.ravel() for part in np.meshgrid(*(nodes for nodes, _ in axes), indexing="ij")], axis=1)
    return _log_prob(data, points), np.array([math.prod(step for _, step in axes)])


def _log_prob(data: Data, points: Array) -> Array:
    given = conditions_of(data, "test")
    blocks = np.array_split(points, max(1, len(points) // 50_000))
    given_of = [None if given is None else np.repeat(given[:1], len(block), axis=0) for block in blocks]
    values = [true_log_prob(data, block, each) for block, each in zip(blocks, given_of, strict=True)]
    return np.concatenate([np.asarray(each, dtype=np.float64) for each in values])


def _random_points(data: Data) -> tuple[Array, Array]:
    """Return the same for importance sampling, with points from Gaussians of several widths around rows."""
    from scipy.special import logsumexp

    rng, rows = np.random.default_rng(0), np.asarray(data.train[:MAX_CENTRES], dtype=np.float64)
    d = rows.shape[1]
    try:
        root = np.linalg.cholesky(np.cov(rows.T))
    except np.linalg.LinAlgError:
        raise Skipped("a column is constant, or a function of others") from None
    noise = rng.choice(GAUSSIAN_WIDTHS, size=(NUMBER_OF_POINTS, 1)) * rng.normal(size=(NUMBER_OF_POINTS, d))
    points = rows[rng.integers(len(rows), size=NUMBER_OF_POINTS)] + noise @ root.T
    centres, white = (np.linalg.solve(root, (x - rows.mean(axis=0)).T).T for x in (rows, points))
    log_q = np.empty(NUMBER_OF_POINTS)
    for block in np.array_split(np.arange(NUMBER_OF_POINTS), NUMBER_OF_POINTS // 500):
        squares = ((white[block, None, :] - centres) ** 2).sum(2)
        terms = [-0.5 * squares / width**2 - d * math.log(width) for width in GAUSSIAN_WIDTHS]
        log_q[block] = logsumexp(np.concatenate(terms, axis=1), axis=1)
    log_q -= (
        math.log(len(GAUSSIAN_WIDTHS) * len(rows))
        + 0.5 * d * math.log(2 * math.pi)
        + float(np.log(np.diag(root)).sum())
    )
    log_p = _log_prob(data, points)
    highest = float((log_p - log_q).max())
    # an infinite or zero density is left to the check to fail
    weights = np.exp(log_p - log_q - highest) if math.isfinite(highest) else np.ones(NUMBER_OF_POINTS)
    if weights.sum() ** 2 < MIN_EFFECTIVE_POINTS * (weights**2).sum():
        raise Skipped(f"with {d} columns, or with so fine a structure, it cannot be integrated reliably")
    return log_p, np.exp(-log_q) / NUMBER_OF_POINTS


def _nodes(data: Data, column: int) -> tuple[Array, float]:
    """Return the nodes of a grid that covers a column with a margin, and their distance.

    They are midpoints of their intervals, so that a sharp edge is counted once.
    """
    values = np.concatenate([rows[:, column] for rows in splits(data).values()]).astype(np.float64)
    margin = 0.6 * (values.max() - values.min())
    period = data.columns[column].period if data.columns else None
    low, high = float(values.min()) - margin, float(values.max()) + margin
    if period is not None:
        low, high = -period / 2, period / 2
    n = 2**14 if data.train.shape[1] == 1 else 1200
    step = (high - low) / n
    return low + step * (np.arange(n) + 0.5), step


@check("dataset", remedy="draw from the distribution whose log_prob you return, in the same units")
def declared_density_is_that_of_the_draws(subject: Subject) -> None:
    """The mean log-density of the rows is that of draws from the declared density (its negative entropy)."""
    data_with_density(subject)
    data = subject.build().load(ENTROPY_SIZES, np.random.default_rng(0))
    values = np.asarray(true_log_prob(data, data.train, conditions_of(data, "train")), dtype=np.float64)
    if data.conditions is not None and data.entropy is None:
        raise Skipped("the entropy of a conditional density is not declared, and changes with the condition")
    entropy, error = data.entropy, float(values.std() / math.sqrt(len(values)))
    if entropy is None:
        log_p, volumes = _integration_points(subject)
        masses = np.exp(log_p) * volumes
        entropy = -float((masses * np.where(np.isfinite(log_p), log_p, 0.0)).sum())
        if len(volumes) > 1 and masses.any():  # add the error of importance sampling, by its effective sample size
            entropy /= float(masses.sum())
            error *= math.sqrt(1 + len(values) * float((masses**2).sum()) / float(masses.sum()) ** 2)
    gap = float(values.mean() + entropy)
    expect(abs(gap) < 5 * error + 1e-3, f"the mean log-density of rows is {gap:+.3g} +- {error:.2g} nats from -entropy")


@check("dataset", remedy="declare the centres, standard deviation and weights of the distribution of the rows")
def declared_modes_hold_the_draws(subject: Subject) -> None:
    """Each declared mode has about its weight of the rows, and rows lie within a few standard deviations of a mode."""
    data = shared_data(subject)
    if data.modes is None:
        raise Skipped("it declares no modes")
    centres, weights = np.asarray(data.modes.centres), np.asarray(data.modes.weights)
    expect(abs(float(weights.sum()) - 1) < 1e-6, f"the weights sum to {weights.sum():.4g}")
    squares = ((data.train[:, None, :] - centres) ** 2).sum(2)
    distance = np.sqrt(squares.min(1)) / data.modes.std
    far = float((distance > 3 + math.sqrt(centres.shape[1])).mean())
    expect(far < 0.02, f"{far:.0%} of the rows lie far from every mode")
    share = np.bincount(squares.argmin(1), minlength=len(weights)) / len(data.train)
    z = np.abs(share - weights) / np.sqrt(weights * (1 - weights) / len(data.train) + 1e-4 / len(data.train))
    worst = int(z.argmax())
    expect(z[worst] < 6, f"mode {worst} has {share[worst]:.3f} of the rows, its weight is {weights[worst]:.3f}")


# ------------------------------------------------------------------------------------------------ optional fields


@check("dataset", remedy="give labels as {'train': (n,), 'test': ..., 'reference': ...} of integers")
def labels_fit_the_rows(subject: Subject) -> None:
    """Each row of each split has an integer label."""
    data = shared_data(subject)
    if data.labels is None:
        raise Skipped("its rows carry no labels")
    for name, rows in splits(data).items():
        given: Any = data.labels.get(name)
        expect(given is not None, f"there are no labels of {name}")
        expect(np.shape(given) == (len(rows),), f"{len(rows)} rows of {name}, labels of shape {np.shape(given)}")
        expect(np.asarray(given).dtype.kind in "iu", f"the labels of {name} have dtype {np.asarray(given).dtype}")


@check(
    "dataset",
    remedy="compute the observables of each row from that row alone, for any row that a model may sample",
)
def observables_fit_the_rows(subject: Subject) -> None:
    """Each observable is one number per row, with the same names and numbers whatever the other rows are."""
    data = shared_data(subject)
    if data.observables is None:
        raise Skipped("it declares no observables")
    few, many = data.observables(data.test[:10]), data.observables(data.test)
    expect(
        len(many) > 0 and set(few) == set(many),
        f"the observables are {sorted(few)} for ten rows, {sorted(many)} for all",
    )
    for name, values in many.items():
        expect(np.shape(values) == (len(data.test),), f"{name} has shape {np.shape(values)}")
        expect(np.isfinite(values).all(), f"{name} is not finite at {int((~np.isfinite(values)).sum())} real rows")
        expect(np.array_equal(few[name], values[:10]), f"{name} of a row depends on the other rows")


@check("dataset", remedy="measure the seconds per sample on one thread, and name the simulator with its version")
def simulator_has_a_cost(subject: Subject) -> None:
    """A declared simulator has a name and a cost above zero."""
    simulator = shared_data(subject).simulator
    if simulator is None:
        raise Skipped("it declares no simulator")
    cost = simulator.seconds_per_sample
    expect(math.isfinite(cost) and cost > 0, f"its cost is {cost} seconds a sample")
    expect(bool(simulator.name.strip()), "it has no name")
