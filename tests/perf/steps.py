"""Training steps of models, each beside the tightest loop that computes the same thing with automatic differentiation.

A tight loop has the same network, loss, batch, optimiser and average of weights as the model, and nothing else: no
module is called, no budget is counted, nothing is logged. It uses the public interface of torch alone. All are on the
default device of torch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from ratios import Comparison, Timed, seconds_of
from torch import Tensor, nn
from torch.nn import functional

from genbench.budget import Budget
from genbench.protocol import TrainingData
from genbench.registry.registry import Registry, resolve
from genbench.training.run import Run

__all__ = ["LOOP", "PEERS", "STEPS", "Trained", "step_seconds"]

ROWS, IMAGES, WARM_UP, COUNT = 10_000, 1_500, 5, 30
BUDGET_STEPS = 10_000  # of the whole training, of which only the first steps are taken: no held-out check falls in them
GRID, TABLE, DIGITS = (2,), (10,), (1, 8, 8)
LEVELS = 17
REGISTRY = Registry.discover()
Step = Callable[[Tensor], object]


def clock() -> float:
    """Return processor seconds on the CPU, and on another device the time at which its work is done."""
    device = torch.get_default_device()
    if device.type == "cpu":
        return time.process_time()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


# ------------------------------------------------------------------------------------------------------------ genbench


class TimedRun(Run):
    """A training that ends after some steps, with the processor seconds of one of them."""

    seconds = math.nan

    def __init__(self, count: int, **options: Any) -> None:
        super().__init__(Budget(BUDGET_STEPS, "steps"), torch.get_default_device(), **options)
        self.count = count

    def batches(self, rows: Any, size: int, **options: Any) -> Iterator[Any]:
        """Yield the batches of the first steps."""
        begin = 0.0
        for batch in super().batches(rows, size, **options):
            if self.steps_taken == WARM_UP:
                begin = clock()
            if self.steps_taken == WARM_UP + self.count:
                self.seconds = (clock() - begin) / self.count
                return
            yield batch


def rows_of(shape: tuple[int, ...]) -> Tensor:
    """Return rows that are standardised, or images in [-1, 1]."""
    size = IMAGES if shape[1:] else ROWS
    noise = torch.randn(size, *shape, generator=torch.Generator("cpu").manual_seed(0), device="cpu")
    return (noise.tanh() if shape[1:] else noise).to(torch.get_default_device())


def step_seconds(name: str, shape: tuple[int, ...], count: int = COUNT, **options: Any) -> float:
    """Return the processor seconds of a training step of a model on rows of a shape."""
    torch.manual_seed(1)
    entry = REGISTRY.find("model", name)
    config = entry.spec.config
    assert config is not None
    rows, run = rows_of(shape), TimedRun(count)
    resolve(entry)(config(**options)).fit(TrainingData(rows, LEVELS if shape[1:] else None), run)
    return run.seconds


# --------------------------------------------------------------------------------------------------------- tight loops


def loop_seconds(step: Step, rows: Tensor, size: int, count: int = COUNT) -> float:
    """Return the processor seconds of a step of a loop by hand over shuffled batches."""
    done, begin, per_epoch = -WARM_UP, 0.0, len(rows) // size
    while True:
        for index in torch.randperm(len(rows))[: per_epoch * size].view(per_epoch, size).unbind():
            if done == 0:
                begin = clock()
            if done == count:
                return (clock() - begin) / count
            step(rows.index_select(0, index))
            done += 1


class Descent:
    """Fused Adam and a moving average of the weights."""

    def __init__(self, weights: Sequence[nn.Parameter], *, average: bool = True, **options: Any) -> None:
        self.weights = list(weights)
        self.adam = torch.optim.Adam(self.weights, fused=True, **options)
        self.mean = [weight.detach().clone() for weight in self.weights] if average else []

    def step(self, loss: Tensor, max_norm: float | None = None) -> None:
        """Take one step down the gradient of a loss."""
        self.take(torch.autograd.grad(loss, self.weights, allow_unused=True), max_norm)

    @torch.no_grad()
    def take(self, gradients: Sequence[Tensor | None], max_norm: float | None = None) -> None:
        """Take one step down these gradients, whose norm is clipped where ``max_norm`` is given."""
        if max_norm is not None:
            given = [each for each in gradients if each is not None]
            norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(given)))
            torch._foreach_mul_(given, (max_norm / (norm + 1e-6)).clamp(max=1.0))
        for weight, gradient in zip(self.weights, gradients, strict=True):
            weight.grad = gradient
        self.adam.step()
        if self.mean:
            torch._foreach_lerp_(self.mean, [weight.data for weight in self.weights], 0.001)


Layers = list[tuple[Tensor, Tensor]]


def layers_of(network: nn.Module) -> Layers:
    """Return the weight and bias of each affine layer of a network, in order."""
    return [(layer.weight, layer.bias) for layer in network.modules() if isinstance(layer, nn.Linear)]


def residual_perceptron(h: Tensor, layers: Layers) -> Tensor:
    """Return an affine layer, residual layers, and an affine layer of h (n, d), with SiLU between them."""
    h = functional.linear(h, *layers[0])
    for weight, bias in layers[1:-1]:
        h = h + functional.linear(functional.silu(h), weight, bias)
    return functional.linear(functional.silu(h), *layers[-1])


def tight_vae(shape: tuple[int, ...]) -> Timed:
    """Return the timed loop of a variational autoencoder of vectors."""
    from genbench_autoencoders import VAEConfig
    from genbench_autoencoders.vae import Network

    network, rows = Network(VAEConfig(), shape, None), rows_of(shape)
    descent = Descent(list(network.parameters()), lr=3e-3)
    encoder, decoder = layers_of(network.encoder), layers_of(network.decoder)
    [log_sigma] = network.likelihood.parameters()

    def step(x: Tensor) -> None:
        mean, log_s = residual_perceptron(x, encoder).chunk(2, 1)
        s = log_s.exp()
        z = torch.addcmul(mean, s, torch.randn_like(s))
        residual = (x - residual_perceptron(z, decoder)) * (-log_sigma).exp()
        kl = 0.5 * (mean.square() + s.square()).sum() - log_s.sum()
        descent.step((0.5 * residual.square().sum() + 0.1 * kl) / len(x) + log_sigma.sum())

    return lambda: loop_seconds(step, rows, 64)


def damped_features(x: Tensor, frequencies: Tensor, noise_share: Tensor) -> Tensor:
    """Return x (n, d) and its Fourier features, damped by the share of noise (n,), (n, d (1 + 2 frequencies))."""
    phase = x[:, :, None] * frequencies
    damping = torch.exp(-0.5 * (frequencies * noise_share[:, None]).square())[:, None]
    return torch.cat([x, torch.cat([phase.sin() * damping, phase.cos() * damping], 2).flatten(1)], 1)


def harmonic_features(angle: Tensor, harmonics: Tensor) -> Tensor:
    """Return sine and cosine of multiples of angles (n,), (n, 2 multiples)."""
    phase = angle[:, None] * harmonics
    return torch.cat([phase.sin(), phase.cos()], 1)


def tight_ddpm(shape: tuple[int, ...]) -> Timed:
    """Return the timed loop of a diffusion model of vectors."""
    from genbench_diffusion import DDPMConfig
    from genbench_diffusion.chain import Chain
    from genbench_diffusion.networks import Perceptron, build

    network, batch = build(DDPMConfig(), shape, 0)
    assert isinstance(network, Perceptron)
    rows, chain = rows_of(shape), Chain("cosine", 1000, torch.get_default_device())
    descent, errors = Descent(list(network.parameters()), lr=2e-3), torch.full((2, 1001), 1e-6)
    angle_layer, layers = (network.embedding.angle.weight, network.embedding.angle.bias), layers_of(network)
    first, *hidden = [pair for pair in layers if pair[0] is not angle_layer[0]]
    table = torch.stack([chain.alpha, chain.sigma, chain.angle], 1)  # looked up once a step

    def step(x: Tensor) -> None:
        t = torch.randint(1, 1001, (len(x),))
        noise, of_t = torch.randn_like(x), table.index_select(0, t)
        alpha, sigma, angle = of_t[:, :1], of_t[:, 1:2], of_t[:, 2]
        noisy = torch.addcmul(alpha * x, sigma, noise)
        h = functional.linear(damped_features(noisy, network.frequencies, angle.sin()), *first)
        h = h + functional.linear(harmonic_features(angle, network.embedding.harmonics), *angle_layer)
        for weight, bias in hidden[:-1]:
            h = h + functional.linear(functional.silu(h), weight, bias)
        flow = functional.linear(functional.silu(h), *hidden[-1])
        error = (torch.addcmul(sigma * noisy, alpha, flow) - noise).square().mean(1)
        descent.step(error.mean())
        errors.mul_(0.999).index_add_(1, t, torch.stack([error.detach(), torch.ones_like(error)]))

    return lambda: loop_seconds(step, rows, batch)


def tight_flow_matching(shape: tuple[int, ...]) -> Timed:
    """Return the timed loop of flow matching of vectors."""
    from genbench_flow_matching import FlowMatchingConfig
    from genbench_flow_matching.flow_matching import build
    from genbench_flow_matching.networks import Perceptron

    network, rows = build(FlowMatchingConfig(), shape, 0), rows_of(shape)
    assert isinstance(network, Perceptron)
    for parameter in network.parameters():
        parameter.requires_grad_()
    descent = Descent(list(network.parameters()), lr=2e-3)
    time_layer = network.time.time.weight, network.time.time.bias
    first, *hidden = [pair for pair in layers_of(network) if pair[0] is not time_layer[0]]
    strata = torch.arange(512)

    def step(x: Tensor) -> None:
        t = (strata + torch.rand(512)) / 512
        noise = torch.randn_like(x)
        target, s = x - noise, torch.hypot(t, 1 - t)
        scaled = torch.addcmul(noise, t[:, None], target) / s[:, None]
        h = functional.linear(damped_features(scaled, network.frequencies, (1 - t) / s), *first)
        h = h + functional.linear(harmonic_features(torch.atan2(1 - t, t), network.time.harmonics), *time_layer)
        for weight, bias in hidden[:-1]:
            h = h + functional.linear(functional.silu(h), weight, bias)
        out = functional.linear(functional.silu(h), *hidden[-1])
        descent.step((torch.addcmul(out, (2 * t - 1)[:, None], scaled) / s[:, None] - target).square().mean())

    return lambda: loop_seconds(step, rows, 512)


def tight_nsf(shape: tuple[int, ...]) -> Timed:
    """Return the timed loop of an autoregressive spline flow of vectors."""
    from genbench_flows import NSFConfig
    from genbench_flows.masked import MaskedNetwork
    from genbench_flows.nsf import NSF, SplineTransform
    from genbench_flows.splines import spline

    parts = [part for part in NSF(NSFConfig()).build(shape, 0).modules() if isinstance(part, SplineTransform)]
    rows, batch = rows_of(shape), 512 if shape == GRID else 128
    descent = Descent([weight for part in parts for weight in part.parameters()], lr=5e-3)

    def theta(network: MaskedNetwork, h: Tensor) -> Tensor:
        a, b, c = network.input_layer, network.hidden_layer, network.output_layer
        h = torch.relu(functional.linear(h, a.weight * network.input_mask, a.bias))
        h = torch.relu(functional.linear(h, b.weight * network.hidden_mask, b.bias))
        return functional.linear(h, c.weight * network.output_mask, c.bias).view(-1, network.d, network.outputs)

    def step(x: Tensor) -> None:
        total = torch.zeros(())
        for k, part in enumerate(parts):
            x = x.flip(1) if k else x
            x, log_slope = spline(x, theta(part.network, x), part.bound)
            total = total + log_slope.sum()
        descent.step((0.5 * x.square().sum() - total) / len(x), max_norm=5.0)

    return lambda: loop_seconds(step, rows, batch)


def tight_wgan_gp(shape: tuple[int, ...]) -> Timed:
    """Return the timed loop of a Wasserstein GAN: of vectors with its gradients by hand, of images by autograd."""
    from genbench_gans.networks import MLP, discriminator, generator
    from genbench_gans.penalty import critic_gradients

    batch, latent = (32, 32) if shape[1:] else (64, max(2, shape[0]))
    critic, rows = discriminator(shape, 128, 3, 16), rows_of(shape)
    generate = generator(shape, latent, 128, 3, 16)
    adam = {"lr": 2e-3, "betas": (0.5, 0.9)}
    of_critic = Descent(list(critic.parameters()), average=False, **adam)
    of_generator = Descent(list(generate.parameters()), **adam)

    def gradients(real: Tensor, fake: Tensor, mixed: Tensor) -> Sequence[Tensor | None]:
        if isinstance(critic, MLP):
            return critic_gradients(critic, real, fake, mixed, 0.3)[1]
        n, x = len(real), mixed.detach().requires_grad_()
        scores = critic(torch.cat([fake, real]))
        [slope] = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        loss = (scores[:n].sum() - scores[n:].sum()) / n + 0.3 * (slope.flatten(1).norm(dim=1) - 1).square().mean()
        return torch.autograd.grad(loss, of_critic.weights, allow_unused=True)

    def step(real: Tensor) -> None:
        with torch.no_grad():
            fake = generate(torch.randn(len(real), latent))
            mixed = torch.lerp(real, fake, torch.rand(len(real), *[1] * len(shape)))
        for part in zip(real.split(batch), fake.split(batch), mixed.split(batch), strict=True):
            of_critic.take(gradients(*part))
        of_generator.step(-critic(generate(torch.randn(batch, latent))).mean())

    return lambda: loop_seconds(step, rows, 4 * batch, COUNT // 2)


TIGHT: dict[str, Callable[[tuple[int, ...]], Timed]] = {
    "vae": tight_vae,
    "ddpm": tight_ddpm,
    "flow_matching": tight_flow_matching,
    "nsf": tight_nsf,
    "wgan_gp": tight_wgan_gp,
}
OPTIONS: dict[str, dict[str, Any]] = {"vae": {"prior": "normal"}}  # without the mixture, which is fitted after training


def beside_tight(name: str, shape: tuple[int, ...]) -> Callable[[], tuple[Timed, Timed]]:
    """Return what prepares the steps of a model and of its tight loop."""
    count = COUNT // 2 if name == "wgan_gp" else COUNT
    return lambda: (lambda: step_seconds(name, shape, count, **OPTIONS.get(name, {})), TIGHT[name](shape))


SHAPES = {GRID: f"{ROWS // 1000}k x 2", TABLE: f"{ROWS // 1000}k x 10", DIGITS: "images 8 x 8"}
STEPS = [
    Comparison(f"{name}, {SHAPES[shape]}", "the tight loop", 1 / 1.05, least, beside_tight(name, shape))
    for name, shape, least in (
        ("vae", GRID, 0.6), ("vae", TABLE, 0.6), ("ddpm", GRID, 0.75), ("ddpm", TABLE, 0.75),
        ("flow_matching", GRID, 0.75), ("flow_matching", TABLE, 0.75), ("nsf", GRID, 0.75), ("nsf", TABLE, 0.75),
        ("wgan_gp", GRID, 0.65), ("wgan_gp", TABLE, 0.65), ("wgan_gp", DIGITS, 0.65),
    )
]  # fmt: skip


# --------------------------------------------------------------------------------------------------------------- peers


def zuko_nsf(shape: tuple[int, ...]) -> Timed:
    """Return the timed loop of zuko's spline flow of the same size, trained as its tutorials do."""
    import zuko

    [d], plane = shape, shape == GRID
    transforms, bins, width, batch = (2, 32, 64, 512) if plane else (3, 8, 128, 128)
    flow = zuko.flows.NSF(d, 0, bins=bins, transforms=transforms, hidden_features=(width, width))
    adam, rows = torch.optim.Adam(flow.parameters(), lr=1e-3), rows_of(shape)

    def step(x: Tensor) -> None:
        loss = -flow().log_prob(x).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()

    return lambda: loop_seconds(step, rows, batch)


def torchcfm_matching(shape: tuple[int, ...]) -> Timed:
    """Return the timed loop of torchcfm's paths with genbench's network, trained as its examples do."""
    from torchcfm.conditional_flow_matching import ConditionalFlowMatcher

    from genbench_flow_matching import FlowMatchingConfig
    from genbench_flow_matching.flow_matching import build

    network, matcher, rows = build(FlowMatchingConfig(), shape, 0), ConditionalFlowMatcher(sigma=0.0), rows_of(shape)
    adam = torch.optim.Adam(network.parameters())

    def step(x: Tensor) -> None:
        t, x_t, velocity = matcher.sample_location_and_conditional_flow(torch.randn_like(x), x)
        loss = (network(x_t, t, None) - velocity).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()

    return lambda: loop_seconds(step, rows, 512)


def plain_ddpm(shape: tuple[int, ...]) -> Timed:
    """Return the timed loop of a diffusion model as tutorials write it, with genbench's network."""
    from genbench_diffusion import DDPMConfig
    from genbench_diffusion.chain import Chain
    from genbench_diffusion.networks import build

    network, batch = build(DDPMConfig(), shape, 0)
    rows, chain = rows_of(shape), Chain("cosine", 1000, torch.get_default_device())
    adam = torch.optim.Adam(network.parameters(), lr=2e-3)

    def step(x: Tensor) -> None:
        t = torch.randint(1, 1001, (len(x),))
        noise = torch.randn_like(x)
        noisy = chain.noised(x, t, noise)
        loss = functional.mse_loss(network(noisy, chain.angle[t]), noise)
        adam.zero_grad()
        loss.backward()
        adam.step()

    return lambda: loop_seconds(step, rows, batch)


def pythae_vae(shape: tuple[int, ...]) -> Timed:
    """Return the timed loop of pythae's variational autoencoder with genbench's encoder and decoder."""
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    from genbench_autoencoders.networks import decoder, encoder

    [d], rows = shape, rows_of(shape)

    class Encoder(BaseEncoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = encoder(shape, 2 * d, 128)

        def forward(self, x: Tensor) -> Any:
            mean, log_variance = self.network(x).chunk(2, 1)
            return ModelOutput(embedding=mean, log_covariance=log_variance)

    class Decoder(BaseDecoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = decoder(d, shape, 128)

        def forward(self, z: Tensor) -> Any:
            return ModelOutput(reconstruction=self.network(z))

    model = VAE(VAEConfig(input_dim=shape, latent_dim=d), Encoder(), Decoder())
    adam = torch.optim.Adam(model.parameters(), lr=3e-3)

    def step(x: Tensor) -> None:
        loss = model({"data": x}).loss
        adam.zero_grad()
        loss.backward()
        adam.step()

    return lambda: loop_seconds(step, rows, 64)


def beside_peer(
    name: str, peer: Callable[[tuple[int, ...]], Timed], shape: tuple[int, ...]
) -> Callable[[], tuple[Timed, Timed]]:
    """Return what prepares the steps of a model and of a peer's loop."""
    return lambda: (lambda: step_seconds(name, shape, **OPTIONS.get(name, {})), peer(shape))


PEERS = [
    Comparison(f"{name}, {SHAPES[shape]}", against, goal, least, beside_peer(name, peer, shape))
    for name, against, peer, shape, goal, least in (
        ("nsf", "zuko, of the same size", zuko_nsf, GRID, 1.0, 0.85),
        ("nsf", "zuko, of the same size", zuko_nsf, TABLE, 1.0, 0.85),
        ("flow_matching", "torchcfm, the same network", torchcfm_matching, GRID, 1.0, 0.85),
        ("flow_matching", "torchcfm, the same network", torchcfm_matching, TABLE, 1.0, 0.85),
        ("ddpm", "a plain loop, the same network", plain_ddpm, GRID, 1.0, 0.8),
        ("ddpm", "a plain loop, the same network", plain_ddpm, TABLE, 1.0, 0.8),
        ("vae", "pythae, the same networks", pythae_vae, GRID, 2.0, 0.9),
        ("vae", "pythae, the same networks", pythae_vae, TABLE, 2.0, 0.9),
    )
]


# ------------------------------------------------------------------------------------------------------ training loop


class Trained:
    """A small network with a loss and an optimiser, the same for genbench's loop and for one by hand."""

    SIZE, STEPS = 256, 300

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.rows = torch.randn(ROWS, 2)
        self.network = nn.Sequential(nn.Linear(2, 64), nn.SiLU(), nn.Linear(64, 2))
        self.optimiser = torch.optim.Adam(self.network.parameters(), fused=True)

    def step(self, batch: Tensor) -> Tensor:
        """Take one step, and return its loss."""
        loss = (self.network(batch) - batch).square().mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return loss

    def ours(self) -> None:
        """Train in the loop of the core."""
        run = Run(Budget(self.STEPS, "steps"))
        for batch in run.batches(self.rows, self.SIZE):
            run.log(loss=self.step(batch))

    def by_hand(self) -> None:
        """Train in a loop without a budget and a log."""
        done, per_epoch = 0, ROWS // self.SIZE
        while True:
            for index in torch.randperm(ROWS)[: per_epoch * self.SIZE].view(per_epoch, self.SIZE).unbind():
                self.step(self.rows.index_select(0, index))
                done += 1
                if done == self.STEPS:
                    return


def both_loops() -> tuple[Timed, Timed]:
    """Return the timed loops of the core and by hand, after a warm-up."""
    trained = Trained()
    trained.ours(), trained.by_hand()
    return seconds_of(trained.ours), seconds_of(trained.by_hand)


LOOP = [Comparison("the loop `run.batches` with a log", "a loop by hand", 1 / 1.02, 1 / 1.15, both_loops)]
