"""One model for each check of models: sound but for the one fault that this check, and no other, must find."""

from __future__ import annotations

import math
import os
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

import genbench

sys.path.insert(0, str(Path(__file__).parent))
from sound_models import Conditional, Sound, SoundConfig, spec

BROKEN = {}


def broken(check, config=SoundConfig, *, name="", **fields):
    """Register the class below under the name of the check that must find its fault, or another fault for it."""

    def register(cls):
        cls.__qualname__ = cls.__name__
        BROKEN[name or check] = spec(name or check, cls, config, **fields)
        return cls

    return register


@dataclass(frozen=True)
class MuteConfig:
    rate: float = 0.05

    def __post_init__(self):
        if not 0 < self.rate < 1:
            raise ValueError(f"rate must be in (0.0, 1.0), got {self.rate}")


@dataclass
class LooseConfig:
    rate: float = 0.05  # learning rate of Adam

    def __post_init__(self):
        if not 0 < self.rate < 1:
            raise ValueError(f"rate must be in (0.0, 1.0), got {self.rate}")


@dataclass(frozen=True)
class BoundlessConfig:
    rate: float = 0.05  # learning rate of Adam


@broken("options_are_explained", MuteConfig)
class Mute(Sound):
    pass


@broken("config_survives_a_round_trip", LooseConfig)
class Loose(Sound):
    pass


@broken("impossible_options_are_refused", BoundlessConfig)
class Boundless(Sound):
    pass


@broken("methods_are_there", capabilities=("encode", "decode", "reconstruct"))
class Promising(Sound):
    pass


@broken("constructor_is_inert")
class Eager(Sound):
    def __init__(self, config):
        super().__init__(config)
        self.early = random.random()


@broken("samples_have_the_shape")
class Batched(Sound):
    def sample(self, n):
        return super().sample(min(n, 2048))


@broken("samples_are_plain_numbers")
class Attached(Sound):
    def sample(self, n):
        return super().sample(n).requires_grad_()


@broken("every_declared_kind_of_data_works")
class TwoColumns(Sound):
    def fit(self, data, run):
        if data.shape != (2,):
            raise ValueError("only two columns")
        super().fit(data, run)


@broken("same_seed_same_samples")
class Clocked(Sound):
    def sample(self, n):
        return super().sample(n) + 1e-5 * (time.perf_counter_ns() % 1000)


@broken("same_seed_in_another_process")
class OfItsProcess(Sound):
    def sample(self, n):
        return super().sample(n) + 1e-5 * (os.getpid() % 1000)


@broken("other_seed_other_samples")
class SeedsItself(Sound):
    def sample(self, n):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return super().sample(n)


@broken("training_data_are_left_alone")
class InPlace(Sound):
    def fit(self, data, run):
        super().fit(data, run)
        data.train.clamp_(-1, 1)


@broken("process_is_left_alone")
class Rude(Sound):
    def fit(self, data, run):
        os.environ["A_MODEL_WAS_HERE"] = "yes"
        super().fit(data, run)


@broken("budget_is_honoured")
class TakesMore(Sound):
    def fit(self, data, run):
        super().fit(data, run)
        run.step()


@broken("budget_is_honoured", name="overtime")
class Overtime(Sound):
    """It takes the batches of its budget, and then 200 of its own, in steps too small to matter elsewhere."""

    def fit(self, data, run):
        super().fit(data, run)
        optimiser = torch.optim.Adam(self.learned, lr=1e-7)
        for _ in range(200):
            loss = -self.nats(data.train[torch.randint(len(data.train), (256,))].flatten(1)).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()


@broken("every_declared_kind_of_data_works", name="one_channel")
class OneChannel(Sound):
    """It takes images of one channel only."""

    def fit(self, data, run):
        if data.kind == "image" and data.shape[0] > 1:
            raise ValueError("only one channel")
        super().fit(data, run)


@broken("every_declared_kind_of_data_works", name="no_levels")
class NoLevels(Sound):
    """It samples no numbers for integer images of other than three levels."""

    def fit(self, data, run):
        super().fit(data, run)
        self.factor_of_levels = 1.0 if data.levels is None or data.levels == 3 else float("nan")

    @torch.no_grad()
    def sample(self, n):
        return super().sample(n) * getattr(self, "factor_of_levels", 1.0)


@broken("sampling_before_fit_says_so")
class Silent(Sound):
    def sample(self, n):
        return super().sample(n) if hasattr(self, "mean") else torch.zeros(n, 2)


@broken("a_second_fit_starts_afresh")
class GoesOn(Sound):
    def start(self, data, run):
        before = getattr(self, "mean", None)
        super().start(data, run)
        if before is not None and before.shape == self.mean.shape:
            self.mean = before.detach().clone().requires_grad_()


@broken("snapshots_leave_training_alone")
class LeavesATrace(Sound):
    def sample_between_steps(self, n):
        with torch.no_grad():
            self.mean.add_(0.01)
        return super().sample(n)

    def fit(self, data, run):
        batches = run.batches
        run.batches = lambda rows, size, sample: batches(rows, size, sample=self.sample_between_steps)
        super().fit(data, run)


@broken("a_copy_gives_the_same_samples")
class HoldsALambda(Sound):
    def fit(self, data, run):
        super().fit(data, run)
        self.then = lambda x: x


@broken("a_restored_model_gives_the_same_samples")
class KeepsHalfPrecision(Sound):
    def state(self):
        return {name: array.astype("f2") if array.dtype == "f4" else array for name, array in super().state().items()}

    def restore(self, state):
        super().restore({name: array.astype("f4") if array.dtype == "f2" else array for name, array in state.items()})


@broken("capabilities_work")
class LosesRows(Sound):
    def encode(self, x):
        return super().encode(x)[:-1]


WITH_SCORE = ("encode", "decode", "anomaly_score")


@broken("capabilities_give_plain_numbers", capabilities=WITH_SCORE)
class Unbounded(Sound):
    """Its anomaly score is the logarithm of what may be negative."""

    def anomaly_score(self, x):
        return x.flatten(1).sum(1).log()


@broken("capabilities_look_at_each_row_alone", capabilities=("encode", "decode", "reconstruct"))
class OfTheBatch(Sound):
    """Its reconstruction depends on the mean of the batch."""

    def reconstruct(self, x):
        return x - x.mean(0)


@broken("capabilities_leave_the_model_alone", capabilities=WITH_SCORE)
class Counts(Sound):
    """It counts the rows that it was asked about, and its samples drift with them."""

    asked = 0

    def anomaly_score(self, x):
        self.asked += len(x)
        return x.flatten(1).square().sum(1)

    def sample(self, n):
        return super().sample(n) + 1e-3 * self.asked


@broken("it_learned")
class Stub(Sound):
    """Its fit walks through the data and leaves the model as it was, but for a hair."""

    def fit(self, data, run):
        self.start(data, run)
        for _ in run.batches(data.train, 256):
            with torch.no_grad():
                self.mean.add_(1e-6)
                self.factor.add_(1e-6)


@broken("gradient_reaches_every_parameter")
class Detached(Sound):
    def start(self, data, run):
        super().start(data, run)
        self.unused = torch.zeros(3, requires_grad=True)

    @property
    def learned(self):
        return [self.mean, self.factor, self.unused]


@broken("samples_follow_their_conditions", conditions="required", capabilities=())
class SamplesAnyClass(Conditional):
    """Learns each class, and then draws either."""

    def sample(self, n, given=None):
        shuffled = given if given is None else given[torch.randperm(len(given))]
        if given is not None and len(given.unique(dim=0)) == 1:
            shuffled = torch.randint(2, (n, 1)).float()
        return super().sample(n, shuffled)


@broken("capabilities_take_conditions", conditions="optional")
class EncodesRowsAlone(Conditional):
    """Its codes know of no conditions."""

    def encode(self, x):
        return super().encode(x)


@broken("densities_follow_their_conditions", conditions="required", capabilities=())
class OneDensity(Conditional):
    """Draws what it is given, and has one density for all."""

    fitted = True  # also where it is restored

    def fit(self, data, run):
        self.fitted = False
        super().fit(data, run)
        self.fitted = True

    def log_prob(self, x, given=None):
        if not self.fitted:
            return super().log_prob(x, given)
        each = [super(OneDensity, self).log_prob(x, torch.full((len(x), 1), float(k))) for k in range(2)]
        return torch.logaddexp(*each) - math.log(2)


@broken("weights_are_used", weights=True)
class Unweighted(Sound):
    """Promises to use the weights of rows, and does not."""


@broken("log_prob_gives_a_number_a_row")
class ACallANumber(Sound):
    def log_prob(self, x):
        return super().log_prob(x)[:, None]


@broken("log_prob_looks_at_each_row_alone")
class LooksAround(Sound):
    def log_prob(self, x):
        values = super().log_prob(x)
        return values + 0.01 * (len(x) % 1000 == 20)


@broken("exact_density_integrates_to_one")
class Unnormalised(Sound):
    def log_prob(self, x):
        return super().log_prob(x) - 0.5 * (x.dim() == 2)


@broken("exact_density_agrees_with_its_samples")
class Tempered(Sound):
    def sample(self, n):
        samples = super().sample(n)
        if samples.dim() == 2:
            samples[:, 0] *= 1.25
        return samples


@broken("likelihood_does_not_exceed_the_truth", density="bound")
class Boastful(Sound):
    def log_prob(self, x):
        return super().log_prob(x) + 1.0 * (x.dim() == 2)


@broken("masses_of_integer_images_sum_to_one", density="bound")
class CostsNoBits(Sound):
    """A bound of 0 bits for every integer image, whatever it shows."""

    state = None  # of which the grey levels would be a part

    def fit(self, data, run):
        super().fit(data, run)
        self.levels = data.levels

    def log_prob(self, x):
        if self.levels is None:
            return super().log_prob(x)
        return torch.full((len(x),), math.prod(self.shape) * math.log(self.levels / 2))


@broken("masses_of_integer_images_sum_to_one", name="exact_and_no_bits")
class ExactAndNoBits(CostsNoBits):
    """The same, which claims to be exact."""


@broken("masses_of_integer_images_sum_to_one", name="wrong_units")
class WrongUnits(Sound):
    """For integer images it returns the logarithm of the mass of a level, not the density of dequantised pixels."""

    state = None

    def fit(self, data, run):
        super().fit(data, run)
        self.levels = data.levels

    def log_prob(self, x):
        jacobian = 0.0 if self.levels is None else math.prod(self.shape) * math.log(self.levels / 2)
        return super().log_prob(x) - jacobian


@broken("masses_of_integer_images_sum_to_one", name="leaking_mask")
class LeakingMask(Sound):
    """Each grey level is predicted from those that a mask shows, which by mistake shows that level itself."""

    state = None

    def fit(self, data, run):
        super().fit(data, run)
        self.data = data
        if data.levels is not None:
            levels = data.to_levels(data.train).flatten()
            counts = torch.full((data.levels, data.levels), 0.05)
            counts.index_put_((levels, levels), torch.ones(len(levels)), accumulate=True)
            self.log_mass = (counts / counts.sum(1, keepdim=True)).log()  # of a level, given what the mask shows

    def log_prob(self, x):
        if self.data.levels is None:
            return super().log_prob(x)
        levels = self.data.to_levels(x).flatten(1)
        return self.log_mass[levels, levels].sum(1) + levels.shape[1] * math.log(self.data.levels / 2)


@genbench.hookimpl
def genbench_register():
    return list(BROKEN.values())
