"""Checks of models: shapes, seeds, budgets, and what a model must not change."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import torch

from genbench.errors import Invalid, describe
from genbench.process.launch import start_server
from genbench.testing import toy_data
from genbench.testing.check import Failed, Skipped, Subject, check, expect
from genbench.testing.interface import subjects
from genbench.testing.model_training import (
    FULL_TRAINING_STEPS,
    SHORT_TRAINING_STEPS,
    counted_updates,
    digest,
    draw,
    fitted_model,
    is_repeatable,
    kind_of,
    log_densities,
    require_repeatable,
    restored_model,
    rows_for,
    samples_as_fitted,
    takes,
    train,
)
from genbench.testing.process_state import expect_process_unchanged
from genbench.training.model_file import state_of
from genbench.training.snapshots import Snapshots

BUDGETS = SHORT_TRAINING_STEPS, 11  # steps
MAX_UPDATES_BEYOND = 5  # of the weights, outside of the budget's steps
MIN_SHARE_OF_WEIGHTS = 0.5  # of the change that weights make to a mean; none of it where they are ignored


@check("model", remedy="return a tensor (n, *data.shape), for any n")
def samples_have_the_shape(subject: Subject) -> None:
    """sample(n) returns a tensor (n, *shape) for any n: one, a few, and more than a batch."""
    model, _ = fitted_model(subject)
    shape = rows_for(kind_of(subject), 1).shape[1:]
    for n in (1, 7, 3000):
        samples = draw(model, n)
        expect(isinstance(samples, torch.Tensor), f"sample({n}) returned {type(samples).__name__}, expected a tensor")
        expect(tuple(samples.shape) == (n, *shape), f"sample({n}) has shape {tuple(samples.shape)}")


@check("model", remedy="sample under torch.no_grad() and return float32 on run.device")
def samples_are_plain_numbers(subject: Subject) -> None:
    """Samples are finite floating point numbers on the run's device, and carry no gradient."""
    model, run = fitted_model(subject)
    samples = model.sample(100)
    expect(samples.is_floating_point(), f"samples have dtype {samples.dtype}, expected floating point")
    expect(not samples.requires_grad, "samples carry a gradient")
    expect(samples.device == run.device, f"samples are on {samples.device}, the run is on {run.device}")
    expect(bool(torch.isfinite(samples).all()), f"{int((~torch.isfinite(samples)).sum())} values are not finite")


@check("model", remedy="take the shape from data.shape in fit, or declare only one kind of data in the spec")
def every_declared_kind_of_data_works(subject: Subject) -> None:
    """Training and sampling work on each declared kind of data: vectors of 1 and 5 columns, images of several shapes.

    Images have one channel or several, unequal sides, and grey levels or none; those that its ``suits`` refuses are
    left out.
    """
    rng = np.random.default_rng(0)
    vectors = [(rng.normal(size=(300, d)), None) for d in (1, 5)]
    images = [
        (rows_for("image", 64), None),
        (toy_data.grey_images(64, rng, (3, 12, 8), 4), 4),
        (toy_data.grey_images(64, rng, (2, 8, 16), 2), 2),
        (toy_data.grey_images(64, rng, (1, 16, 16), 256), 256),
    ]
    for kind in subject.spec.data:
        suitable = [each for each in (vectors if kind == "vector" else images) if takes(subject, *each)]
        for rows, levels in suitable[: 2 if subject.fast else None]:
            samples = draw(train(subject, rows, levels=levels)[0], 4)
            found = f"trained on {rows.shape}{'' if levels is None else f' of {levels} grey levels'}"
            expect(samples.shape[1:] == rows.shape[1:], f"{found}, samples are {tuple(samples.shape)}")
            expect(bool(torch.isfinite(samples).all()), f"{found}, samples are not finite")


@check("model", remedy="draw from torch's global generator, or from one that it seeds; never seed by the clock")
def same_seed_same_samples(subject: Subject) -> None:
    """The same seed gives the same samples, bit for bit."""
    expect(is_repeatable(subject), "trained and sampled twice with one seed, the samples differ")


@check("model", remedy="depend on the seed alone: not on hash(), the order of a set, the time or the process")
def same_seed_in_another_process(subject: Subject) -> None:
    """Another process with the same seed gives the same samples."""
    if subject.fast:
        raise Skipped("--fast starts no second process")
    require_repeatable(subject)
    own = digest(draw(fitted_model(subject)[0], 50))
    other = _digest_in_second_process(subject)
    expect(own == other, "another process with the same seed gives other samples")


def _digest_in_second_process(subject: Subject) -> str:
    """Return the digest of the samples that a second process draws; raises Failed where it fails."""
    files = [str(path) for path in subject.files]
    try:
        with ProcessPoolExecutor(1, mp_context=start_server()) as pool:
            found, problem = pool.submit(_digest, subject.entry.qualified, files).result()
    except BrokenProcessPool:
        found, problem = "", "the process ended without an answer"
    if problem:
        raise Failed(f"the other process failed: {problem}")
    return found


def _digest(name: str, files: list[str]) -> tuple[str, str]:
    """Return the digest, and what went wrong."""
    torch.set_num_threads(1)
    try:
        [subject] = subjects(name, files, "model")
        return digest(draw(fitted_model(subject)[0], 50)), ""
    except Exception as error:
        return "", describe(error)


@check("model", remedy="draw new noise in each call of sample, and set no seed")
def other_seed_other_samples(subject: Subject) -> None:
    """Another seed, and a second call of sample, give different samples."""
    model, _ = fitted_model(subject)
    expect(not torch.equal(draw(model, 50, 0), draw(model, 50, 1)), "two seeds give the same samples")
    with torch.no_grad():
        twice = model.sample(50), model.sample(50)
    expect(not torch.equal(*twice), "two calls of sample in a row give the same samples")


@check("model", remedy="work on a copy: methods whose names end in _ change their tensor")
def training_data_are_left_alone(subject: Subject) -> None:
    """Training changes no value of data.train."""
    rows = torch.as_tensor(rows_for(kind_of(subject)), dtype=torch.float32)
    before = rows.clone()
    train(subject, rows)  # type: ignore[arg-type]
    expect(torch.equal(rows, before), f"{int((rows != before).sum())} values of the training data changed")


@check("model", remedy="change settings in a context manager that restores them, such as torch.enable_grad()")
def process_is_left_alone(subject: Subject) -> None:
    """Training and sampling keep the default dtype, threads, grad mode, folder, environment and signal handlers."""
    rows = rows_for(kind_of(subject))
    with expect_process_unchanged("training and sampling"):
        draw(train(subject, rows)[0], 10)


@check(
    "model",
    remedy="train in loops over run.batches or run.steps(), in stages if there are several, and stop when they end",
)
def budget_is_honoured(subject: Subject) -> None:
    """An iterative model takes exactly the steps of its budget, and updates its weights in no others."""
    if not subject.spec.iterative:
        raise Skipped("it does not iterate")
    updates = []
    for steps in BUDGETS:
        with counted_updates() as count:
            taken = train(subject, rows_for(kind_of(subject)), steps)[1].steps_taken
        expect(taken == steps, f"with a budget of {steps} steps it took {taken}")
        updates += count
    (few, many), (short, longer) = updates, BUDGETS
    beyond = few - short * (many - few) / (longer - short)  # if the number grows with the budget, plus a constant
    expect(
        beyond <= MAX_UPDATES_BEYOND,
        f"its optimisers made {few} and {many} updates with budgets of {short} and {longer} steps: {beyond:.0f} of "
        "them whatever the budget",
    )


@check("model", remedy="use data.weights, or leave weights=True out of the spec: rows are then drawn by weight")
def weights_are_used(subject: Subject) -> None:
    """A model that declares weights=True follows the weights of its training rows."""
    if not subject.spec.weights:
        raise Skipped("it does not declare weights")
    kind = kind_of(subject)
    rows = rows_for(kind)
    side = rows.reshape(len(rows), -1)
    above = side[:, 0] > np.median(side[:, 0])
    model, _ = train(subject, rows, FULL_TRAINING_STEPS, weights=np.where(above, 1.8, 0.2))
    mean = float(draw(model, 2000).flatten(1)[:, 0].mean())
    unweighted, weighted = float(side[:, 0].mean()), float(np.average(side[:, 0], weights=np.where(above, 1.8, 0.2)))
    share = (mean - unweighted) / (weighted - unweighted)
    expect(share > MIN_SHARE_OF_WEIGHTS, f"samples follow {100 * share:.0f} % of the change of the mean by weights")


@check("model", remedy="raise RuntimeError('fit the model before sampling') in sample where fit was not called")
def sampling_before_fit_says_so(subject: Subject) -> None:
    """Sampling before fit raises an error that mentions fit."""
    try:
        subject.build().sample(2)
    except Exception as error:
        expect("fit" in str(error), f"sampling before fit raises {type(error).__name__}: {error}")
    else:
        raise Failed("sampling before fit returns samples")


@check("model", remedy="create in fit, not in the constructor, everything that training changes")
def a_second_fit_starts_afresh(subject: Subject) -> None:
    """A second fit gives the same model as the fit of a new one."""
    require_repeatable(subject)
    kind = kind_of(subject)
    used, _ = train(subject, -rows_for(kind, seed=5), seed=5)
    again, _ = train(subject, rows_for(kind), model=used)
    # the shared model was built after seeding, this one before: equal, as constructors draw no random numbers
    expect(samples_as_fitted(subject, again), "fitted a second time, it differs from a new model")


@check("model", remedy="give run.batches a sampler that changes neither the networks nor anything else that fit reads")
def snapshots_leave_training_alone(subject: Subject) -> None:
    """Samples drawn during training, where the loop allows it, do not change the trained model."""
    require_repeatable(subject)
    snapshots = Snapshots(lambda sample: sample(50).cpu().numpy(), np.random.SeedSequence(0))
    watched, _ = train(subject, rows_for(kind_of(subject)), snapshots=snapshots)
    expect(not snapshots.problem, snapshots.problem)
    if not snapshots.rows:
        raise Skipped("it gives no sampler to run.batches")
    expect(samples_as_fitted(subject, watched), "training with snapshots gives another model")


@check("model", remedy="keep only what can be pickled: no open files, generators, lambdas or hooks")
def a_copy_gives_the_same_samples(subject: Subject) -> None:
    """A fitted model that is saved and loaded gives the same samples."""
    require_repeatable(subject)
    loaded = pickle.loads(pickle.dumps(fitted_model(subject)[0]))  # noqa: S301 (written by this process)
    expect(samples_as_fitted(subject, loaded), "saved and loaded, it gives other samples")


@check("model", remedy="return from state() all that sampling needs, and build everything from it in restore(state)")
def a_restored_model_gives_the_same_samples(subject: Subject) -> None:
    """A new model that takes the state of a fitted one gives the same samples, and the same likelihoods."""
    model, _ = fitted_model(subject)
    if not callable(getattr(model, "state", None)):
        raise Skipped("it has no state()")
    expect(callable(getattr(model, "restore", None)), "it has state() and no restore(state)")
    require_repeatable(subject)
    try:
        state = state_of(model)
    except Invalid as error:
        raise Failed(str(error)) from None
    assert state is not None  # as it has both methods
    restored = restored_model(subject, model, {name: array.copy() for name, array in state.items()})
    expect(samples_as_fitted(subject, restored), "restored from its state, it gives other samples")
    if subject.spec.density_of(subject.config) != "none":
        x = torch.as_tensor(rows_for(kind_of(subject), 50, seed=9), dtype=torch.float32)
        same = torch.equal(log_densities(model, x), log_densities(restored, x))
        expect(same, "restored from its state, its log_prob returns other values")
