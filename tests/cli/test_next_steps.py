"""What can be done after a run, as commands."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import pytest
from synthetic import record, score, seeds

from genbench.cli.main import group
from genbench.cli.next_steps import next_steps, resume_command
from genbench.table.results import Results


def context(*args: str) -> click.Context:
    command = group.get_command(click.Context(group), "run")
    assert command is not None
    return command.make_context("run", list(args), parent=click.Context(group, info_name="genbench"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("-m kde -d moons", "--models kde --datasets moons"),
        ("--force --out elsewhere --json", "--json"),
        ("-m 'vae[latent=2|8]' --set a.b=4 --set c.d=8", "--models 'vae[latent=2|8]' --set a.b=4 --set c.d=8"),
        ("--memory 4GB --timeout 10min", "--timeout 10min --memory 4000000000"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_run_is_resumed_by_its_command_and_its_folder(given: str, expected: str) -> None:
    command = resume_command(context(*shlex.split(given)), Path("results/my run"))
    assert command == " ".join(f"genbench run {expected} --out 'results/my run'".split()), "can be pasted"
    again = context(*shlex.split(command)[2:]).params
    assert {**again, "out": None, "force": None} == {
        **context(*shlex.split(given)).params,
        "out": None,
        "force": None,
    }


def test_the_model_to_take_is_sampled_in_the_format_of_the_data() -> None:
    records = [*seeds("a", [1.0, 1.1, 1.2]), *seeds("b", [9.0, 9.1, 9.2]), *seeds("real", [0.1, 0.2, 0.3])]
    steps = next_steps(Results(tuple(records)), Path("a run"))
    assert steps == [
        "genbench report 'a run' -o report.html",
        "genbench sample 'a run' a -n 10000 -o samples.csv",
        "genbench table 'a run' --metrics all",
    ]
    own = [each | {"dataset_config": {"path": "my/events.root"}} for each in records]
    assert "-o samples.root" in next_steps(Results(tuple(own)), Path("run"))[1]


def test_of_several_datasets_one_is_named_and_where_nothing_was_scored_there_is_no_model() -> None:
    both = [record("vae[n=2]", 0, [score("energy", 1.0)]), record("gan", 0, status="failed", dataset="moons")]
    assert "genbench sample run 'vae[n=2]' -d ring -n 10000 -o samples.csv" in next_steps(
        Results(tuple(both)), Path("run")
    )
    assert next_steps(Results((record("gan", 0, status="failed"),)), Path("run")) == [
        "genbench table run --metrics all"
    ]
