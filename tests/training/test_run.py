"""The training loop that the core gives a model: what it draws, when it stops, what it hears."""

import math

import pytest
import torch

from genbench.budget import Budget
from genbench.errors import Diverged, UserError
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
    assert sum(1 for _ in loop.batches(rows(8), 4)) == loop.steps_taken == steps


def test_a_second_loop_goes_on_with_what_is_left() -> None:
    loop = run("5steps")
    for _ in loop.batches(rows(8), 4):
        if loop.steps_taken == 1:
            break
    left = 5 - loop.steps_taken
    assert sum(1 for _ in loop.batches(rows(8), 4)) == left
    assert list(loop.batches(rows(8), 4)) == []


def test_a_loop_that_is_left_has_taken_its_step() -> None:
    loop = run("50steps")
    for _ in range(20):
        for _ in loop.batches(rows(8), 4):
            break
    assert loop.steps_taken == 20
    assert sum(1 for _ in loop.batches(rows(8), 4)) == 30
    held = run("5steps")
    batches = [held.batches(rows(8), 4) for _ in range(3)]  # which nothing closes
    for each in batches:
        next(each)
    held.finish()
    assert held.steps_taken == 3


def test_a_loop_that_an_error_ends_has_taken_its_step() -> None:
    loop = run("5steps")
    with pytest.raises(ZeroDivisionError):
        [1 / 0 for _ in loop.batches(rows(8), 4)]
    assert loop.steps_taken == 1


def test_two_loops_that_take_turns_count_each_of_their_steps() -> None:
    loop = run("6steps")
    one, other = loop.batches(rows(8), 4), loop.batches(rows(8), 2)
    for _ in one:
        next(other, None)
    assert loop.steps_taken == 6


# -------------------------------------------------------------------------------------------------------------- tuples


def test_tensors_of_a_tuple_are_drawn_with_one_index_and_none_stays_none() -> None:
    x, c = rows(12, 2), torch.arange(12)
    seen = []
    for batch, nothing, labels in run("2epochs").batches((x, None, c), 4):
        assert nothing is None
        assert torch.equal(batch[:, 0], 2.0 * labels)
        seen += labels.tolist()
    assert sorted(seen) == sorted([*range(12)] * 2)


def test_a_tuple_gives_the_batches_that_its_first_tensor_gives_alone() -> None:
    def draw(data: object) -> list[torch.Tensor]:
        torch.manual_seed(3)
        return [each[0] if isinstance(each, tuple) else each for each in run("2epochs").batches(data, 4)]  # type: ignore[call-overload]

    x = rows(12)
    assert all(torch.equal(a, b) for a, b in zip(draw(x), draw((x, torch.arange(12))), strict=True))


@pytest.mark.parametrize("bad", [(rows(8), rows(7)), (None,), (), rows(0), (rows(0), None)])
def test_tensors_of_different_lengths_or_none_are_refused(bad: object) -> None:
    with pytest.raises(ValueError, match=r"run.batches: expected tensors of equally many rows, at least one, got \("):
        list(run("1steps").batches(bad, 4))  # type: ignore[call-overload]


# -------------------------------------------------------------------------------------------------------------- stages


@pytest.mark.parametrize(("budget", "steps"), [("10steps", [5, 3, 2]), ("5epochs", [5, 3, 2])])
def test_a_stage_has_its_share_of_the_budget_and_its_own_progress(budget: str, steps: list[int]) -> None:
    loop, taken = run(budget), []
    for share in (0.5, 0.3, 0.2):
        with loop.stage(share):
            seen = [loop.progress for _ in loop.batches(rows(8), 4)]
            assert loop.progress == 1
        assert seen[0] == 0
        assert seen == sorted(seen)
        taken.append(len(seen))
    assert taken == steps
    assert loop.progress == 1


def test_the_steps_that_a_stage_leaves_are_there_for_the_next_and_for_the_rest() -> None:
    loop = run("20steps")
    with loop.stage(0.5):
        for _ in loop.batches(rows(8), 4):
            if loop.steps_taken == 3:
                break
    assert loop.steps_taken == 4
    with loop.stage(0.25):
        assert sum(1 for _ in loop.batches(rows(8), 4)) == 11
    assert loop.progress == 0.75
    assert sum(1 for _ in loop.batches(rows(8), 4)) == 5


def test_training_outside_of_stages_takes_nothing_from_the_next_stage() -> None:
    loop = run("20steps")
    for _ in loop.batches(rows(8), 4):
        if loop.steps_taken == 4:
            break
    with loop.stage(0.5):
        assert sum(1 for _ in loop.batches(rows(8), 4)) == 10


def test_thirds_are_a_whole_and_more_is_refused() -> None:
    loop = run("10steps")
    for _ in range(3):
        with loop.stage(1 / 3):
            list(loop.batches(rows(8), 4))
    assert loop.steps_taken == 10
    with pytest.raises(
        ValueError, match=r"run.stage\(0.1\): all stages may have 1 in sum, and 0 of the budget is left"
    ):
        loop.stage(0.1).__enter__()


def test_a_stage_within_another_and_a_share_out_of_range_are_refused() -> None:
    loop = run("10steps")
    with loop.stage(0.5), pytest.raises(RuntimeError, match="within another stage"):
        loop.stage(0.1).__enter__()
    for share in (0, -0.1, 1.5, math.nan):
        with pytest.raises(ValueError, match=r"expected a share of the whole budget"):
            run("10steps").stage(share).__enter__()


def test_a_stage_that_an_error_ends_is_over() -> None:
    loop = run("10steps")
    with pytest.raises(ZeroDivisionError), loop.stage(0.5):
        1 / 0  # noqa: B018
    with loop.stage(0.5):
        assert sum(1 for _ in loop.batches(rows(8), 4)) == 10


def test_a_stage_of_a_budget_of_seconds_ends_in_time() -> None:
    loop = run("0.2s")
    for end in (0.1, 0.2):
        with loop.stage(0.5):
            for _ in loop.batches(rows(8), 4):
                pass
            assert loop.progress == 1
        assert loop.elapsed >= end
    assert loop.progress == 1


def test_an_epoch_of_a_stage_is_one_of_its_own_batches() -> None:
    loop = run("4epochs")
    with loop.stage(0.5):
        assert sum(1 for _ in loop.batches(rows(8), 4)) == 4
    with loop.stage(0.5):
        assert sum(1 for _ in loop.batches(rows(8), 1)) == 16
    assert loop.steps_taken == 20


def test_log_and_trace_count_the_steps_of_all_stages() -> None:
    loop, reported = run("10steps"), []
    for share in (0.5, 0.5):
        with loop.stage(share):
            for _ in loop.batches(rows(8), 4):
                loop.log(loss=1.0)
        reported.append(loop.trace[-1][1])
    assert reported == [5, 10]


# -------------------------------------------------------------------------------------------------- a loop of their own


def test_steps_are_counted_for_a_model_that_draws_its_own_batches() -> None:
    loop, seen = run("7steps"), []
    for step in loop.steps():
        seen.append((step, loop.progress))
    assert seen == [(i, i / 7) for i in range(7)]
    assert loop.steps_taken == 7


def test_a_callback_counts_steps_and_is_told_when_to_stop() -> None:
    loop = run("4steps")
    assert [loop.step() for _ in range(4)] == [True, True, True, False]
    assert loop.progress == 1
    timed = run("0.05s")
    while timed.step():
        pass
    assert timed.elapsed >= 0.05


def test_a_budget_in_epochs_needs_the_steps_of_one() -> None:
    assert sum(1 for _ in run("3epochs").steps(per_epoch=5)) == 15
    for use in (lambda loop: list(loop.steps()), lambda loop: loop.step()):
        with pytest.raises(UserError, match="--budget 3epochs: this model's loop counts steps, not epochs"):
            use(run("3epochs"))


# ------------------------------------------------------------------------------------------------------- log and facts


def test_what_is_logged_after_the_loop_is_kept() -> None:
    loop = run("2steps")
    train(loop, loss=2.0)
    loop.log(bandwidth=torch.tensor(0.25))
    loop.finish()
    assert [values for _, _, values in loop.trace] == [{"loss": 2.0}, {"bandwidth": 0.25}]
    loop.finish()
    assert len(loop.trace) == 2
    loop.log(loss=math.nan)
    with pytest.raises(Diverged, match="loss is nan at step 2"):
        loop.finish()


def test_facts_are_finite_numbers_and_the_last_value_counts() -> None:
    loop = run("1steps")
    loop.report(function_evaluations=39, codes_used=torch.tensor(0.5))
    loop.report(codes_used=0.75)
    assert loop.facts == {"function_evaluations": 39.0, "codes_used": 0.75}
    for bad, why in ((math.nan, "a finite number, got nan"), ("many", "one number, got str"),
                     (torch.ones(2), "one number, got Tensor")):  # fmt: skip
        with pytest.raises(ValueError, match=rf"run.report\(error=...\): expected {why}"):
            loop.report(error=bad)  # type: ignore[arg-type]


def test_a_budget_of_seconds_ends_the_loop() -> None:
    loop = run("0.1s")
    count = sum(1 for _ in loop.batches(rows(8), 4))
    assert count == loop.steps_taken > 0
    assert loop.elapsed >= 0.1


@pytest.mark.parametrize("budget", ["9steps", "3epochs", "0.5s"])
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


def test_only_the_images_are_dequantised() -> None:
    levels = 4
    images = (torch.randint(levels, (64, 1, 2, 2)) + torch.rand(64, 1, 2, 2)) * 2 / levels - 1
    hidden, codes = torch.sigmoid(torch.randn(64, 5)), torch.randint(9, (64, 3))
    loop = run("1steps", levels=levels, train=images)
    [(x, h, k)] = loop.batches((images, hidden, codes), 64)
    assert sorted(h.flatten().tolist()) == sorted(hidden.flatten().tolist())
    assert sorted(k.flatten().tolist()) == sorted(codes.flatten().tolist())
    assert not torch.isin(x, images).any()
    [unchanged] = run("1steps", levels=levels, train=images).batches(images, 64, dequantise=False)
    assert torch.isin(unchanged, images).all()


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
    for name in ("device", "progress", "batches", "stage", "steps", "step", "log", "report"):
        assert hasattr(run("1steps"), name), name
        assert name in RunContext.__annotations__ or hasattr(RunContext, name)


def test_in_bf16_steps_are_cast_and_nothing_else_is() -> None:
    def dtype() -> torch.dtype:
        return torch.nn.functional.linear(torch.ones(2, 2), torch.ones(2, 2)).dtype

    run = Run(Budget(3, "steps"), precision="bf16")
    for batch in run.batches(torch.zeros(8, 2), 4):
        assert batch.dtype == torch.float32
        assert dtype() == torch.bfloat16
        break
    assert dtype() == torch.float32
    assert [dtype() for _ in run.steps()] == 2 * [torch.bfloat16]
    assert dtype() == torch.float32
    assert run.steps_taken == 3


def test_weights_are_cast_anew_after_each_update_within_a_step() -> None:
    weight = torch.nn.Parameter(torch.ones(1, 1))
    for batch in Run(Budget(1, "steps"), precision="bf16").batches(torch.ones(4, 1), 4):
        for value in (2.0, 3.0):
            with torch.no_grad():
                weight.fill_(value)
            assert float(torch.nn.functional.linear(batch, weight)[0].detach()) == value


def test_a_step_that_raises_an_error_leaves_no_cast_behind() -> None:
    run = Run(Budget(3, "steps"), precision="bf16")
    loop = iter(run.batches(torch.zeros(8, 2), 4))
    next(loop)
    assert torch.is_autocast_enabled("cpu")
    run.abandon()
    assert not torch.is_autocast_enabled("cpu")
