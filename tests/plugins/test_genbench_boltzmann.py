"""Boltzmann machines against sums over all of their states, which are few enough in a small machine."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from genbench.budget import Budget
from genbench.protocol import TrainingData
from genbench.spec import DataFacts
from genbench.training.run import Run
from genbench_boltzmann import DBNConfig, RBMConfig, genbench_register, two_levels
from genbench_boltzmann.dbn import DBN, upside_down
from genbench_boltzmann.images import to_images, to_units
from genbench_boltzmann.machine import Machine, likelihood_gradient
from genbench_boltzmann.partition import anneal, annealed_log_partition, draw, exact_log_partition
from genbench_boltzmann.rbm import RBM

SMALL = {"chains": 50, "batch": 50, "sampling_steps": 50}
MODELS = {"rbm": (RBM, RBMConfig, {"hidden": 8}), "dbn": (DBN, DBNConfig, {"layers": (8, 9)})}


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=MODELS)
def make(request):
    model, config, layers = MODELS[request.param]
    return lambda **options: model(config(**{**SMALL, **layers, **options}))


def machine_of(visible, hidden, scale=1.0, seed=0):
    """Return a machine with random weights of this size, whose base has other means than it."""
    torch.manual_seed(seed)
    return Machine(scale * torch.randn(visible, hidden), *(torch.randn(k) for k in (visible, hidden, visible)))


def states(units):
    """Return all states (2^units, units) of a layer."""
    return torch.cartesian_prod(*[torch.arange(2.0)] * units).view(-1, units)


def probabilities(machine):
    """Return p(v) (2^visible,) of all visible states, by the sum over all states of both layers."""
    weights, a, b = (each.double() for each in machine.parameters())
    v, h = states(len(a)).double(), states(len(b)).double()
    joint = (v @ a)[:, None] + h @ b + v @ weights @ h.T
    return joint.flatten().softmax(0).view(joint.shape).sum(1)


def frequencies(v):
    """Return how often each of the 2^visible states is among v (n, visible), in the order of ``states``."""
    place = 2 ** torch.arange(v.shape[1] - 1, -1, -1)
    return torch.bincount((v.long() * place).sum(1), minlength=2 ** v.shape[1]).double() / len(v)


def assert_drawn_from(v, p, bias=0.0):
    error = (p * (1 - p) / len(v)).sqrt()
    assert ((frequencies(v) - p).abs() <= 4.5 * error + bias * p + 1e-9).all()


def pairs(n):
    """Return images (n, 1, 2, 2) whose rows are mostly of one level, and the entropy of their law in nats."""
    torch.manual_seed(5)
    first = torch.randint(2, (n, 1, 2, 1))
    other = torch.where(torch.rand(n, 1, 2, 1) < 0.9, first, 1 - first)
    return torch.cat([first, other], 3) - 0.5, 2 * (math.log(2) - 0.9 * math.log(0.9) - 0.1 * math.log(0.1))


def fitted(model, rows, steps, seed=0):
    torch.manual_seed(seed)
    model.fit(TrainingData(rows, 2), Run(Budget(steps, "steps"), levels=2, train=rows))
    return model


# -------------------------------------------------------------------------------------------------------- the machine


def test_free_energy_is_minus_the_logarithm_of_the_sum_over_hidden_states():
    machine = machine_of(6, 5)
    v, h = states(6), states(5)
    energy = -(v @ machine.visible_bias)[:, None] - h @ machine.hidden_bias - v @ machine.weights @ h.T
    torch.testing.assert_close(machine.free_energy(v), -(-energy).logsumexp(1))


@pytest.mark.parametrize(("visible", "hidden"), [(6, 5), (4, 9), (1, 3)])
def test_the_exact_partition_function_makes_probabilities_sum_to_one(visible, hidden):
    machine = machine_of(visible, hidden)
    p = (-machine.free_energy(states(visible)) - exact_log_partition(machine)).exp()
    assert float(p.sum()) == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(p.double(), probabilities(machine), atol=1e-6, rtol=1e-4)


def test_a_sum_over_too_many_states_is_refused():
    with pytest.raises(ValueError, match=r"a sum over 2\^15 states is too long"):
        exact_log_partition(machine_of(15, 16))


def test_the_gradient_is_that_of_the_exact_likelihood():
    machine = machine_of(4, 3)
    rows = states(4)[torch.tensor([0, 3, 3, 9, 14])]
    chains = states(4)[torch.multinomial(probabilities(machine), 200_000, replacement=True)]
    parameters = [each.requires_grad_() for each in machine.parameters()]
    log_z = (-machine.free_energy(states(4))).logsumexp(0)
    expected = torch.autograd.grad(-machine.free_energy(rows).mean() - log_z, parameters)
    with torch.no_grad():
        found = likelihood_gradient(machine, rows, chains)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=5 * 0.5 / 200_000**0.5, rtol=0)


def test_a_gibbs_step_leaves_the_law_of_the_machine_as_it_is():
    machine = machine_of(4, 3)
    p = probabilities(machine)
    start = states(4)[torch.multinomial(p, 100_000, replacement=True)]
    after = machine.gibbs_step(start)
    assert_drawn_from(after, p)
    assert float((after != start).float().mean()) > 0.1


def test_units_have_the_probabilities_of_their_energies_given_the_other_layer():
    machine, v = machine_of(3, 2), torch.tensor([[1.0, 0.0, 1.0]])
    h = states(2)
    p = (h @ machine.hidden_bias + (v @ machine.weights @ h.T)[0]).softmax(0)
    torch.testing.assert_close(machine.hidden_means(v)[0], (p[:, None] * h).sum(0))
    g, w = torch.tensor([[0.0, 1.0]]), states(3)
    q = (w @ machine.visible_bias + (w @ machine.weights @ g.T)[:, 0]).softmax(0)
    torch.testing.assert_close(machine.visible_means(g)[0], (q[:, None] * w).sum(0))


# ---------------------------------------------------------------------------------------------------------- annealing


def test_annealed_states_are_those_of_the_machine():
    machine = machine_of(5, 4, 0.7)
    torch.manual_seed(1)
    assert_drawn_from(draw(machine, 20_000, 300), probabilities(machine), bias=0.03)


def test_blocks_of_samples_are_as_many_as_is_asked_for(monkeypatch):
    monkeypatch.setattr("genbench_boltzmann.partition.BLOCK_ROWS", 7)
    assert [len(draw(machine_of(3, 2), n, 2)) for n in (0, 1, 7, 20)] == [0, 1, 7, 20]


@pytest.mark.parametrize(("visible", "hidden", "scale"), [(16, 12, 0.5), (12, 20, 0.7)])
def test_annealed_importance_sampling_finds_the_exact_partition_function(visible, hidden, scale):
    machine = machine_of(visible, hidden, scale)
    torch.manual_seed(2)
    log_z, error = annealed_log_partition(machine, 400, 500)
    assert 0 < error < 0.1
    assert log_z == pytest.approx(exact_log_partition(machine), abs=4 * error)


def test_the_standard_error_is_the_spread_of_repeated_estimates():
    machine = machine_of(10, 8, 0.7)
    torch.manual_seed(3)
    found = np.array([annealed_log_partition(machine, 50, 20) for _ in range(200)])
    assert found[:, 0].std() == pytest.approx(float(np.median(found[:, 1])), rel=0.3)
    assert found[:, 0].mean() == pytest.approx(exact_log_partition(machine), abs=0.05)


def test_importance_weights_are_one_where_there_is_nothing_to_anneal():
    machine = machine_of(4, 3, 0.0)
    machine.hidden_bias.zero_()
    machine.base = machine.visible_bias.clone()
    assert anneal(machine, 50, 10)[1].abs().max() < 1e-5
    log_z, error = annealed_log_partition(machine, 50, 10)
    assert log_z == pytest.approx(exact_log_partition(machine), abs=1e-5)
    assert error < 1e-5


# ------------------------------------------------------------------------------------------------------------- models


def test_an_rbm_learns_the_law_of_small_images():
    rows, entropy = pairs(4000)
    model = fitted(RBM(RBMConfig(hidden=6, sampling_steps=100, learning_rate=0.5)), rows, 3000)
    held_out = pairs(8000)[0][4000:]
    assert float(-model.log_prob(held_out).mean()) == pytest.approx(entropy, abs=0.03)
    assert float(model.log_prob(to_images(states(4), (1, 2, 2))).exp().sum()) == pytest.approx(1, abs=1e-5)
    assert model.log_prob_note.endswith("is an exact sum")
    torch.manual_seed(0)
    assert_drawn_from(to_units(model.sample(20_000)), probabilities(model.machine), bias=0.05)


def test_a_dbn_learns_the_law_of_small_images():
    rows, _ = pairs(4000)
    model = fitted(DBN(DBNConfig(layers=(6, 6), sampling_steps=100, learning_rate=0.5)), rows, 3000)
    torch.manual_seed(0)
    found, expected = frequencies(to_units(model.sample(20_000))), frequencies(to_units(rows))
    assert float((found - expected).abs().sum()) / 2 < 0.06


def test_each_layer_learns_in_its_share_of_the_budget():
    rows, _ = pairs(200)
    run = Run(Budget(11, "steps"), levels=2, train=rows)
    DBN(DBNConfig(layers=(3, 2, 4), **SMALL)).fit(TrainingData(rows, 2), run)
    assert run.steps_taken == 11


def test_a_layer_upside_down_is_the_same_model_of_the_layer_between():
    below = machine_of(3, 4)
    v, h = states(3), states(4)
    energy = -(v @ below.visible_bias)[:, None] - h @ below.hidden_bias - v @ below.weights @ h.T
    expected = (-energy).logsumexp(0).softmax(0)  # p(h)
    for units in (3, 5):
        top = upside_down(below, units, torch.full((4,), 0.5))
        found = (-top.free_energy(h)).softmax(0)
        torch.testing.assert_close(found, expected, atol=1e-6 if units == 3 else 0.01, rtol=0)


def test_log_prob_does_not_depend_on_when_it_is_asked_for():
    rows = torch.randint(2, (60, 1, 4, 4)) - 0.5
    model = RBM(RBMConfig(hidden=15, ais_chains=20, ais_steps=10, **SMALL))
    first = fitted(model, rows, 5).log_prob(rows)
    assert "20 chains and 10 temperatures, standard error" in model.log_prob_note
    again = fitted(model, rows, 5)
    assert again.log_prob_note == ""
    torch.manual_seed(99)
    assert torch.equal(again.log_prob(rows), first)
    torch.testing.assert_close(again.log_prob(rows), first)


@pytest.mark.parametrize("asked", [False, True])
def test_a_restored_model_is_the_same(make, asked):
    rows = torch.randint(2, (60, 1, 4, 5)) - 0.5
    model, other = fitted(make(), rows, 5), make()
    if asked and isinstance(model, RBM):
        model.log_prob(rows)
    other.restore(model.state())
    samples = []
    for each in (model, other):
        torch.manual_seed(1)
        samples.append(each.sample(8))
    assert torch.equal(*samples)
    if isinstance(model, RBM):
        assert torch.equal(model.log_prob(rows), other.log_prob(rows))


@pytest.mark.parametrize("shape", [(1, 2, 2), (1, 8, 8), (2, 3, 7)], ids=str)
def test_samples_are_the_centres_of_two_levels(make, shape):
    model = fitted(make(), torch.randint(2, (60, *shape)) - 0.5, 4)
    for n in (0, 1, 5):
        samples = model.sample(n)
        assert samples.shape == (n, *shape)
        assert not samples.requires_grad
        assert set(samples.flatten().tolist()) <= {-0.5, 0.5}


def test_training_changes_every_parameter_and_no_data(make):
    rows = torch.randint(2, (60, 1, 4, 4)) - 0.5
    before = rows.clone()
    early, late = fitted(make(), rows, 2), fitted(make(), rows, 40)
    assert torch.equal(rows, before)
    assert not [p.shape for p, q in zip(early.parameters(), late.parameters(), strict=True) if torch.equal(p, q)]
    again = fitted(late, rows, 2)  # a second fit starts afresh
    assert all(torch.equal(p, q) for p, q in zip(early.parameters(), again.parameters(), strict=True))


def test_units_are_the_levels_of_two():
    data = TrainingData(torch.rand(9, 1, 3, 3) * 1.99 - 1, 2)
    torch.testing.assert_close(to_units(data.train), data.to_levels(data.train).flatten(1).float())
    units = to_units(data.train)
    torch.testing.assert_close(to_images(units, data.shape), data.from_levels(units).view(9, 1, 3, 3))


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (DataFacts("image", shape=(1, 8, 8), levels=2, rows=1000), None),
        (DataFacts("image", levels=17), "needs binary images, these have 17 grey levels"),
        (DataFacts("image", shape=(1, 8, 8)), None),  # not known before it is loaded
        (DataFacts("image", shape=(1, 8, 8), rows=1000), "needs binary images, these have no grey levels"),
    ],
)
def test_only_images_of_two_levels_are_taken(facts, reason):
    assert two_levels(facts) == reason
    assert all(spec.suits is two_levels and spec.data == ("image",) for spec in genbench_register())


@pytest.mark.parametrize(
    ("config", "wrong", "message"),
    [
        (RBMConfig, {"hidden": 0}, r"hidden must be in \[1, inf\), got 0"),
        (RBMConfig, {"chains": 0}, r"chains must be in \[1, inf\), got 0"),
        (RBMConfig, {"ais_chains": 1}, r"ais_chains must be in \[2, inf\), got 1"),
        (RBMConfig, {"learning_rate": 0.0}, r"learning_rate must be in \(0.0, inf\), got 0.0"),
        (RBMConfig, {"weight_decay": 1.0}, r"weight_decay must be in \[0.0, 1.0\), got 1.0"),
        (DBNConfig, {"layers": ()}, r"layers must be numbers of units in \[1, inf\), at least one, got \(\)"),
        (DBNConfig, {"layers": (4, 0)}, r"layers must be numbers of units"),
        (DBNConfig, {"sampling_steps": 0}, r"sampling_steps must be in \[1, inf\), got 0"),
    ],
)
def test_wrong_options_are_refused(config, wrong, message):
    with pytest.raises(ValueError, match=message):
        replace(config(), **wrong)


def test_samples_before_fit_are_refused(make):
    with pytest.raises(RuntimeError, match="fit the model before sampling"):
        make().sample(1)


def test_registering_imports_no_torch():
    code = "import sys, genbench_boltzmann as m; m.genbench_register(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    rbm, dbn = genbench_register()
    assert (rbm.density, rbm.support, dbn.density) == ("estimate", "discrete", "none")
