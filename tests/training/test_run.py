"""The training loop that the core gives a model: what it draws, when it stops, what it hears."""

import math

import pytest
import torch

from genbench.budget import Budget
from genbench.errors import Diverged
from genbench.protocol import RunContext
from genbench.training.run import Run


def run(budget: str, **options) -> Run:
    return Run(Budget.parse(budget), **options)


def rows(n: int, d: int = 1) -> torch.Tensor:
    return torch.arange(n * d, dtype=torch.float32).view(n, d)


def train(loop: Run, **values: float | torch.Tensor) -> None:
    for _ in loop.batches(rows(8), 4):
        loop.log(**values)


def test_each_epoch_is_every_row_once_in_a_new_order() -> None:
    batches = list(run("3epochs").batches(rows(12), 4))
    assert [tuple(b.shape) for b in batches] == [(4, 1)] * 9
    epochs = [torch.cat(batches[i : i + 3]).flatten().tolist() for i in (0, 3, 6)]
    assert all(sorted(epoch) == list(range(12)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_an_incomplete_last_batch_is_left_out_and_nothing_is_drawn_twice() -> None:
    batches = list(run("1epochs").batches(rows(10), 4))
    assert [len(b) for b in batches] == [4, 4]
    assert len(set(torch.cat(batches).flatten().tolist())) == 8


def test_fewer_rows_than_a_batch_are_one_batch() -> None:
    assert [len(b) for b in run("2epochs").batches(rows(3), 256)] == [3, 3]


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_a_budget_of_steps_is_kept_to_the_step(steps: int) -> None:
    loop = run(f"{steps}steps")
    assert sum(1 for _ in loop.batches(rows(8), 4)) == loop.steps == steps


def test_a_second_loop_goes_on_with_what_is_left() -> None:
    loop = run("5steps")
    for _ in loop.batches(rows(8), 4):
        if loop.steps == 1:
            break
    left = 5 - loop.steps
    assert sum(1 for _ in loop.batches(rows(8), 4)) == left
    assert list(loop.batches(rows(8), 4)) == []


def test_a_budget_of_seconds_ends_the_loop() -> None:
    loop = run("0.1s")
    count = sum(1 for _ in loop.batches(rows(8), 4))
    assert count == loop.steps > 0
    assert loop.elapsed >= 0.1


@pytest.mark.parametrize("budget", ["9steps", "3epochs", "0.05s"])
def test_progress_goes_from_0_to_1(budget: str) -> None:
    loop, seen = run(budget), []
    for _ in loop.batches(rows(12), 4):
        seen.append(loop.progress)
    assert seen == sorted(seen)
    assert 0 <= seen[0] < 0.5
    assert seen[-1] < 1 or budget.endswith("s")
    assert loop.progress == 1


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_ends_training(bad: float) -> None:
    with pytest.raises(Diverged, match=r"loss is (nan|-?inf) at step 3"):
        train(run("3steps"), loss=torch.tensor(bad))


def test_divergence_is_noticed_before_a_long_budget_ends() -> None:
    loop = run("60s")
    with pytest.raises(Diverged):
        train(loop, loss=math.nan)
    assert loop.elapsed < 30


def test_the_listener_and_the_trace_hear_of_the_last_step() -> None:
    heard = []
    loop = run("3steps", listener=lambda *what: heard.append(what))
    for _ in loop.batches(rows(8), 4):
        loop.log(loss=torch.tensor(2.0, requires_grad=True), rate=0.5)
    assert heard[-1] == (3, 3, {"loss": 2.0, "rate": 0.5})
    seconds, step, values = loop.trace[-1]
    assert (step, values) == (3, {"loss": 2.0, "rate": 0.5})
    assert seconds > 0


def test_a_listener_hears_of_a_long_training_while_it_lasts() -> None:
    steps = []
    for _ in run("0.7s", listener=lambda step, *_: steps.append(step)).batches(rows(8), 4):
        pass
    assert len(steps) >= 2
    assert steps == sorted(steps)


def test_a_budget_of_seconds_has_no_number_of_steps_to_tell() -> None:
    told = []
    for _ in run("0.01s", listener=lambda step, steps, values: told.append(steps)).batches(rows(8), 4):
        pass
    assert told[-1] is None


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_integer_images_are_dequantised_anew_in_each_batch_within_their_level(levels: int) -> None:
    grey = torch.randint(levels, (64, 1, 4, 4))
    images = 2 * (grey + 0.5) / levels - 1
    first, second = (b for b in run("2epochs", levels=levels).batches(images, 64))
    below = grey.double().flatten(1).sort(0).values
    rounding = levels / 2**23  # single precision takes the topmost values of a level to the next one's edge
    for batch in (first, second):
        assert batch.min() >= -1
        assert batch.max() <= 1
        within = ((batch.double() + 1) * levels / 2).flatten(1).sort(0).values - below
        assert within.min() >= -rounding
        assert within.max() <= 1 + rounding
    assert not torch.equal(first.flatten().sort().values, second.flatten().sort().values)


def test_dequantisation_is_uniform_within_a_level() -> None:
    torch.manual_seed(0)
    levels, x = 4, 2
    images = torch.full((20_000, 1), 2 * (x + 0.9) / levels - 1)
    [batch] = run("1steps", levels=levels).batches(images, len(images))
    within = (batch.flatten() + 1) * levels / 2 - x
    assert within.mean().item() == pytest.approx(0.5, abs=0.01)
    assert within.var().item() == pytest.approx(1 / 12, abs=0.003)


def test_the_rows_themselves_are_left_as_they_were() -> None:
    images = 2 * (torch.randint(256, (8, 1, 2, 2)) + 0.5) / 256 - 1
    before = images.clone()
    for batch in run("4steps", levels=256).batches(images, 4):
        batch.mul_(0)
    assert torch.equal(images, before)


def test_the_same_global_seed_gives_the_same_batches() -> None:
    def draw() -> torch.Tensor:
        torch.manual_seed(5)
        return torch.cat(list(run("2epochs", levels=4).batches(rows(8) / 8, 4)))

    assert torch.equal(draw(), draw())


def test_run_implements_what_a_model_is_promised() -> None:
    for name in ("device", "progress", "batches", "log"):
        assert hasattr(run("1steps"), name), name
        assert name in RunContext.__annotations__ or hasattr(RunContext, name)
