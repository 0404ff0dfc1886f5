"""Checks of models: shapes, seeds, budgets, and what a model must not change."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np
import torch

from genbench.errors import describe
from genbench.process.launch import start_server
from genbench.testing.check import Failed, Skipped, Subject, check, expect
from genbench.testing.interface import subjects
from genbench.testing.model_training import (
    FULL_TRAINING_STEPS,
    SHORT_TRAINING_STEPS,
    digest,
    draw,
    fitted_model,
    is_repeatable,
    kind_of,
    require_repeatable,
    rows_for,
    samples_as_fitted,
    train,
)
from genbench.testing.process_state import expect_process_unchanged
from genbench.training.snapshots import Snapshots

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
    """Training and sampling work on each declared kind of data: vectors of 1 and 5 columns, images of 1 channel."""
    rng = np.random.default_rng(0)
    rows_by_kind = {"vector": [rng.normal(size=(300, d)) for d in (1, 5)], "image": [rows_for("image", 64)]}
    for kind in subject.spec.data:
        for rows in rows_by_kind[kind]:
            samples = draw(train(subject, rows)[0], 4)
            expect(samples.shape[1:] == rows.shape[1:], f"trained on {rows.shape}, samples are {tuple(samples.shape)}")


@check("model", remedy="draw from torch's global generator, or from one that it seeds; never seed by the clock")
def same_seed_same_samples(subject: Subject) -> None:
    """The same seed gives the same samples, bit for bit."""
    expect(is_repeatable(subject), "trained and sampled twice with one seed, the samples differ")


@check("model", remedy="depend on the seed alone: not on hash(), the order of a set, the time or the process")
def same_seed_in_another_process(subject: Subject) -> None:
    """Another process with the same seed gives the same samples."""
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


@check("model", remedy="train in 'for batch in run.batches(data.train, size)', and stop when it ends")
def budget_is_honoured(subject: Subject) -> None:
    """An iterative model takes exactly the steps of its budget."""
    if not subject.spec.iterative:
        raise Skipped("it does not iterate")
    for steps in (SHORT_TRAINING_STEPS, 11):
        taken = fitted_model(subject, steps=steps)[1].steps_taken
        expect(taken == steps, f"with a budget of {steps} steps it took {taken}")


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


@check("model", remedy="return one row for each row from encode, decode and reconstruct")
def capabilities_work(subject: Subject) -> None:
    """encode, decode and reconstruct return one row per row; decode and reconstruct have the shape of the data."""
    model, _ = fitted_model(subject)
    capabilities = [name for name in subject.spec.capabilities if callable(getattr(model, name, None))]
    if not capabilities:
        raise Skipped("it declares no capabilities")
    x = torch.as_tensor(rows_for(kind_of(subject), 20), dtype=torch.float32)
    with torch.no_grad():
        code = model.encode(x) if "encode" in capabilities else None
        returned: dict[str, Any] = {"reconstruct": model.reconstruct(x)} if "reconstruct" in capabilities else {}
        if code is not None:
            expect(len(code) == len(x), f"encode returned {len(code)} codes for {len(x)} rows")
            if "decode" in capabilities:
                returned["decode"] = model.decode(copy.copy(code))
    for name, rows in returned.items():
        expect(rows.shape == x.shape, f"{name} returned shape {tuple(rows.shape)}, expected {tuple(x.shape)}")
