"""Sound models, small and fast, that the broken ones are made from: each fault is one change."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

import genbench
from genbench.protocol import Column
from genbench.training import from_arrays, to_arrays


@dataclass(frozen=True)
class SoundConfig:
    rate: float = 0.05  # learning rate of Adam

    def __post_init__(self):
        if not 0 < self.rate < 1:
            raise ValueError(f"rate must be in (0.0, 1.0), got {self.rate}")


class Sound:
    """A Gaussian with a learned mean and factor, by gradient descent: sample, exact density, encode and decode."""

    def __init__(self, config):
        self.config = config

    def fit(self, data, run):
        self.start(data, run)
        optimiser = torch.optim.Adam(self.learned, lr=self.config.rate)
        for batch in run.batches(data.train, 256, sample=self.sample):
            loss = -self.nats(batch.flatten(1)).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            run.log(loss=loss)

    def start(self, data, run):
        self.shape, self.device = data.shape, run.device
        d = math.prod(data.shape)
        self.mean = torch.full((d,), 0.3, requires_grad=True)
        self.factor = (torch.eye(d) + 0.1 * torch.randn(d, d).tril(-1)).requires_grad_()

    @property
    def learned(self):
        return [self.mean, self.factor]

    def parameters(self):
        return self.learned

    @property
    def lower(self):
        return self.factor.tril(-1) + torch.diag(self.factor.diagonal().abs() + 1e-3)

    def nats(self, x):
        white = torch.linalg.solve_triangular(self.lower, (x - self.mean).T, upper=False)
        volume = self.lower.diagonal().log().sum()
        return -0.5 * white.square().sum(0) - volume - 0.5 * len(self.mean) * math.log(2 * math.pi)

    @torch.no_grad()
    def sample(self, n):
        if not hasattr(self, "mean"):
            raise RuntimeError("fit the model before sampling")
        return self.decode(torch.randn(n, len(self.mean)))

    def log_prob(self, x):
        return self.nats(x.flatten(1))

    def state(self):
        return to_arrays(mean=self.mean, factor=self.factor, shape=self.shape)

    def restore(self, state):
        parts = from_arrays(state)
        self.mean, self.factor, self.shape = parts["mean"], parts["factor"], tuple(parts["shape"])

    def encode(self, x):
        return torch.linalg.solve_triangular(self.lower, (x.flatten(1) - self.mean).T, upper=False).T

    def decode(self, z):
        return (z @ self.lower.T + self.mean).view(-1, *self.shape)


class Weighted(Sound):
    """The same, of rows that it draws by their weights itself."""

    def fit(self, data, run):
        if data.weights is not None:
            rows = data.train[torch.multinomial(data.weights, len(data.train), replacement=True)]
            data = replace(data, train=rows, weights=None)
        super().fit(data, run)


class Conditional(Sound):
    """The same with a mean for each class: the first condition, if there is any."""

    def start(self, data, run):
        super().start(data, run)
        classes = 1 if data.conditions is None else len(data.condition_columns[0].levels)
        self.mean = torch.full((classes, math.prod(data.shape)), 0.3, requires_grad=True)

    def fit(self, data, run):
        if data.conditions is None:
            data = replace(data, conditions=torch.zeros(len(data.train), 1), condition_columns=(Column("none"),))
            self.start(replace(data, conditions=None), run)
        else:
            self.start(data, run)
        optimiser = torch.optim.Adam(self.learned, lr=self.config.rate)
        for batch, given in run.batches((data.train, data.conditions), 256):
            loss = -self.log_prob(batch, given).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            run.log(loss=loss)

    def means(self, given, n):
        return self.mean[:1].expand(n, -1) if given is None else self.mean[given[:, 0].long()]

    @torch.no_grad()
    def sample(self, n, given=None):
        if not hasattr(self, "mean"):
            raise RuntimeError("fit the model before sampling")
        white = torch.randn(n, self.mean.shape[1])
        return (white @ self.lower.T + self.means(given, n)).view(-1, *self.shape)

    def log_prob(self, x, given=None):
        white = torch.linalg.solve_triangular(self.lower, (x.flatten(1) - self.means(given, len(x))).T, upper=False)
        return (
            -0.5 * white.square().sum(0) - self.lower.diagonal().log().sum() - 0.5 * len(white) * math.log(2 * math.pi)
        )

    def encode(self, x, given=None):
        return torch.linalg.solve_triangular(self.lower, (x.flatten(1) - self.means(given, len(x))).T, upper=False).T

    def decode(self, z, given=None):
        return (z @ self.lower.T + self.means(given, len(z))).view(-1, *self.shape)


class Chain:
    """Each pixel depends on the one before it: probabilities of grey levels, which it needs."""

    def __init__(self, config):
        self.config = config

    def fit(self, data, run):
        self.data = data
        before, levels = self.pairs(data.train)
        counts = torch.full((levels.shape[1], data.levels, data.levels), 0.01)
        counts.index_put_((self.places(levels), before, levels), counts.new_ones(()), accumulate=True)
        self.log_mass = (counts / counts.sum(-1, keepdim=True)).log()

    def pairs(self, x):
        levels = self.data.to_levels(x).flatten(1)
        return torch.nn.functional.pad(levels[:, :-1], (1, 0)), levels

    def places(self, levels):
        return torch.arange(levels.shape[1]).expand_as(levels)

    def sample(self, n):
        if not hasattr(self, "log_mass"):
            raise RuntimeError("fit the model before sampling")
        levels = [torch.zeros(n, dtype=torch.long)]
        for log_mass in self.log_mass:
            levels.append(torch.distributions.Categorical(logits=log_mass[levels[-1]]).sample())
        return self.data.from_levels(torch.stack(levels[1:], 1)).view(n, *self.data.shape)

    def log_prob(self, x):
        before, levels = self.pairs(x)
        return self.log_mass[self.places(levels), before, levels].sum(1)


def needs_grey_levels(facts):
    return "it needs grey levels, 3 or more" if not facts.levels or facts.levels < 3 else None


class Binary:
    """Rows of binary images, learned in counts; it refuses what ``only_binary`` does."""

    def fit(self, data, run):
        assert data.levels == 2
        self.shape, pairs = data.shape, torch.zeros(2)
        for batch in run.batches(data.train, 256):
            x = batch >= 0
            pairs += torch.stack([(x[..., 1:] == x[..., :-1]).sum(), torch.tensor(x[..., 1:].numel())])
            self.equal = pairs[0] / pairs[1]

    def sample(self, n):
        if not hasattr(self, "equal"):
            raise RuntimeError("fit the model before sampling")
        changes = torch.rand(n, *self.shape) > self.equal
        changes[..., 0] = torch.rand(n, *self.shape[:-1]) < 0.5
        return changes.cumsum(-1) % 2 - 0.5


def only_binary(facts):
    return None if facts.levels in (None, 2) and (facts.levels or facts.shape is None) else "needs binary images"


DECLARED = {"density": "exact", "capabilities": ("encode", "decode"), "steps": 1000}


def spec(name, target, config=SoundConfig, **fields):
    return genbench.ModelSpec(name, target, config, "a Gaussian by gradient descent", **(DECLARED | fields))


@genbench.hookimpl
def genbench_register():
    return [
        spec("sound", Sound),
        spec("weighted", Weighted, weights=True),
        spec("conditional", Conditional, conditions="optional"),
        spec("given", Conditional, conditions="required"),
        spec(
            "grey",
            Chain,
            data=("image",),
            support="discrete",
            suits=needs_grey_levels,
            iterative=False,
            capabilities=(),
        ),
        genbench.ModelSpec("binary", Binary, None, "of binary images", data=("image",), suits=only_binary),
    ]
