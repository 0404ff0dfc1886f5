"""Checks of models: shapes, seeds, budgets, and what must be left alone."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

from genbench.testing import replay
from genbench.testing.check import Failed, Skipped, Subject, check, expect
from genbench.testing.surroundings import untouched
from genbench.testing.trained import FEW, deterministic, digest, draw, fitted, kind_of, repeatable, rows_for, train
from genbench.training.snapshots import Snapshots


@check("model", remedy="return a tensor (n, *data.shape); a loop over latents of n rows does it for every n")
def samples_have_the_shape(subject: Subject) -> None:
    """Any number of samples comes as a tensor (n, *shape): one, few, and more than a batch."""
    model, _ = fitted(subject)
    shape = rows_for(kind_of(subject), 1).shape[1:]
    for n in (1, 7, 3000):
        samples = draw(model, n)
        expect(isinstance(samples, torch.Tensor), f"sample({n}) returned {type(samples).__name__}, expected a tensor")
        expect(tuple(samples.shape) == (n, *shape), f"sample({n}) has shape {tuple(samples.shape)}")


@check("model", remedy="sample under torch.no_grad() and return float32 on run.device")
def samples_are_plain_numbers(subject: Subject) -> None:
    """Samples are finite floating point numbers on the run's device, and carry no gradient."""
    model, run = fitted(subject)
    samples = model.sample(100)
    expect(samples.is_floating_point(), f"samples have dtype {samples.dtype}, expected floating point")
    expect(not samples.requires_grad, "samples carry a gradient")
    expect(samples.device == run.device, f"samples are on {samples.device}, the run is on {run.device}")
    expect(bool(torch.isfinite(samples).all()), f"{int((~torch.isfinite(samples)).sum())} numbers are not finite")


@check("model", remedy="take the shape from data.shape in fit, or declare the one kind of data in the spec")
def every_declared_kind_of_data_works(subject: Subject) -> None:
    """It trains on and samples each kind of data that its spec declares: one column and five, images of one channel."""
    rng = np.random.default_rng(0)
    given = {"vector": [rng.normal(size=(300, d)) for d in (1, 5)], "image": [rows_for("image", 64)]}
    for kind in subject.spec.data:
        for rows in given[kind]:
            samples = draw(train(subject, rows)[0], 4)
            expect(samples.shape[1:] == rows.shape[1:], f"trained on {rows.shape}, samples are {tuple(samples.shape)}")


@check("model", remedy="draw from torch's global generator, or from your own seeded by it; never from the clock")
def same_seed_same_samples(subject: Subject) -> None:
    """The same seed gives the same samples, bit for bit."""
    expect(repeatable(subject), "trained and sampled twice with one seed, the samples differ")


@check("model", remedy="depend on nothing but the seed: not on hash(), on the order of a set, on time or the process")
def same_seed_in_another_process(subject: Subject) -> None:
    """Another process gives the same samples."""
    deterministic(subject)
    here = digest(draw(fitted(subject)[0], 50))
    there = replay.elsewhere(subject)
    expect(here == there, "another process with the same seed gives other samples")


@check("model", remedy="draw new noise in each call of sample; seed nothing yourself")
def other_seed_other_samples(subject: Subject) -> None:
    """Another seed, and a second call, give other samples."""
    model, _ = fitted(subject)
    expect(not torch.equal(draw(model, 50, 0), draw(model, 50, 1)), "two seeds give the same samples")
    with torch.no_grad():
        twice = model.sample(50), model.sample(50)
    expect(not torch.equal(*twice), "two calls of sample in a row give the same samples")


@check("model", remedy="work on a copy: operations whose names end in _ change their tensor")
def training_data_are_left_alone(subject: Subject) -> None:
    """Training changes no number of data.train."""
    rows = torch.as_tensor(rows_for(kind_of(subject)), dtype=torch.float32)
    before = rows.clone()
    train(subject, rows)  # type: ignore[arg-type]
    expect(torch.equal(rows, before), f"{int((rows != before).sum())} numbers of the training data changed")


@check("model", remedy="set what you need in a context manager that puts it back, as torch.enable_grad()")
def process_is_left_alone(subject: Subject) -> None:
    """Training and sampling change no default dtype, threads, grad mode, folder, environment or signal handler."""
    rows = rows_for(kind_of(subject))
    with untouched("training and sampling"):
        draw(train(subject, rows)[0], 10)


@check("model", remedy="train in 'for batch in run.batches(data.train, size)' and leave nothing out when it ends")
def budget_is_honoured(subject: Subject) -> None:
    """A model that iterates takes exactly the steps of its budget."""
    if not subject.spec.iterative:
        raise Skipped("it does not iterate")
    for steps in (FEW, 11):
        taken = fitted(subject, steps=steps)[1].steps
        expect(taken == steps, f"with a budget of {steps} steps it took {taken}")


@check("model", remedy="raise RuntimeError('fit the model before sampling') where nothing was fitted yet")
def sampling_before_fit_says_so(subject: Subject) -> None:
    """Sampling before fit raises an error that speaks of fit."""
    try:
        subject.build().sample(2)
    except Exception as error:
        expect("fit" in str(error), f"sampling before fit raises {type(error).__name__}: {error}")
    else:
        raise Failed("sampling before fit gives samples")


@check("model", remedy="make what fit needs in fit itself, and not in the constructor")
def a_second_fit_starts_afresh(subject: Subject) -> None:
    """A model that was fitted before learns as a new one does."""
    deterministic(subject)
    kind = kind_of(subject)
    used, _ = train(subject, -rows_for(kind, seed=5), seed=5)
    again, _ = train(subject, rows_for(kind), model=used)
    # under the seed of a fit a new model is built first, which draws nothing: the constructor is inert
    expect(
        torch.equal(draw(again, 50), draw(fitted(subject)[0], 50)), "fitted a second time, it differs from a new model"
    )


@check("model", remedy="let the sampler given to run.batches leave no trace: networks as they were, nothing fit reads")
def snapshots_leave_training_alone(subject: Subject) -> None:
    """Samples drawn in the middle of a training, where its loop allows them, change nothing of what it learns."""
    deterministic(subject)
    snapshots = Snapshots(lambda sample: sample(50).cpu().numpy(), np.random.SeedSequence(0))
    watched, _ = train(subject, rows_for(kind_of(subject)), snapshots=snapshots)
    expect(not snapshots.problem, snapshots.problem)
    if not snapshots.rows:
        raise Skipped("its loop is given no sampler")
    expect(torch.equal(draw(watched, 50), draw(fitted(subject)[0], 50)), "a training with snapshots ends elsewhere")


@check("model", remedy="keep tensors and modules as attributes: no open files, generators, lambdas or hooks")
def a_copy_gives_the_same_samples(subject: Subject) -> None:
    """A fitted model that is saved and loaded samples as before."""
    import pickle

    deterministic(subject)
    model, _ = fitted(subject)
    loaded = pickle.loads(pickle.dumps(model))  # noqa: S301 (what this process just wrote)
    expect(torch.equal(draw(loaded, 50), draw(model, 50)), "saved and loaded, it gives other samples")


@check("model", remedy="return what encode, decode and reconstruct promise: one row out for each row in")
def capabilities_work(subject: Subject) -> None:
    """Encoding, decoding and reconstructing keep the rows, and decoding gives data again."""
    model, _ = fitted(subject)
    can = [name for name in subject.spec.capabilities if callable(getattr(model, name, None))]
    if not can:
        raise Skipped("it declares no capabilities")
    x = torch.as_tensor(rows_for(kind_of(subject), 20), dtype=torch.float32)
    with torch.no_grad():
        code = model.encode(x) if "encode" in can else None
        made: dict[str, Any] = {"reconstruct": model.reconstruct(x)} if "reconstruct" in can else {}
        if code is not None:
            expect(len(code) == len(x), f"encode returned {len(code)} codes for {len(x)} rows")
            if "decode" in can:
                made["decode"] = model.decode(copy.copy(code))
    for name, out in made.items():
        expect(out.shape == x.shape, f"{name} returned shape {tuple(out.shape)}, expected {tuple(x.shape)}")
