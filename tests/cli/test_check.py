"""``genbench check``: verdicts, remedies, exit codes, and mistakes in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from genbench.cli.main import main

HERE = Path(__file__).parents[1] / "testing" / "checks"


DATA = str(HERE / "broken_datasets.py")


def test_the_command_prints_verdict_reason_and_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "dataset:sound", "--plugin", DATA]) == 0
    out = capsys.readouterr().out
    assert "✓ splits_share_no_row" in out
    assert "0 failed" in out
    assert main(["check", "splits_share_no_row", "--plugin", DATA]) == 3
    out = capsys.readouterr().out
    assert "✗ splits_share_no_row: failed: 5 rows are in train and in test" in out
    assert "remedy: split with genbench.data.split" in out
    assert ", 1 failed" in out
    excused = ["--expect", "splits_share_no_row=known"]
    assert main(["check", "splits_share_no_row", "--plugin", DATA, *excused]) == 0


def test_one_cause_is_printed_once_and_names_the_checks_that_share_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "unbuildable.py"
    path.write_text(
        "import genbench\n\nclass Needs:\n    def __init__(self):\n        raise TypeError('no')\n\n"
        "@genbench.hookimpl\ndef genbench_register():\n    return [genbench.ModelSpec('needs', Needs, None, 'x')]\n"
    )
    assert main(["check", "needs", "--plugin", str(path)]) == 3
    out = capsys.readouterr().out
    assert out.count("raised TypeError: no") == 1
    [shared] = [line for line in out.splitlines() if "for the same cause as constructor_is_inert" in line]
    assert "it_learned" in shared


def test_the_command_runs_only_the_checks_of_these_names(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["check", "dataset:sound", "--plugin", DATA, "--fast"]
    assert main([*arguments, "--only", "splits_share_no_row", "--only", "origin_is_stated"]) == 0
    assert "2 passed, 0 failed" in capsys.readouterr().out
    assert main([*arguments, "--only", "splits_share_no_rows"]) == 2
    assert "--only: no check named 'splits_share_no_rows' for a dataset, did you mean" in capsys.readouterr().err


def test_the_command_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "origin_is_stated", "--plugin", DATA, "--json"]) == 3
    [report] = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    assert report["counts"]["failed"] == 1
    [bad] = [each for each in report["checks"] if each["verdict"] == "failed"]
    assert bad["check"] == "origin_is_stated"
    assert bad["remedy"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rign"], "did you mean 'ring'"),
        (["ring", "--expect", "nothing"], "expected CHECK=REASON"),
        (["ring", "--expect", "nothing=why"], "no check named 'nothing'"),
        (["ring", "--plugin", "absent.py"], "no such file"),
    ],
)
def test_a_wrong_request_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_broken_plugin_fails_its_check_with_its_traceback(
    install: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    install("genbench-bad", "1 / 0")
    assert main(["check", "bad"]) == 3
    error = capsys.readouterr().err
    assert "genbench: plugin 'bad' (genbench-bad 1.0) is broken: ZeroDivisionError: division by zero\n" in error
    assert "Traceback" in error
    install("genbench-old", "1 / 0", requires=("genbench>=90",))
    assert main(["check", "old"]) == 2
    assert "try: pip install -U genbench-old" in capsys.readouterr().err


def test_a_plugin_with_nothing_to_check_says_why(
    install: Callable[..., Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    install("genbench-watch", "import genbench\n@genbench.hookimpl\ndef genbench_register():\n    return []\n")
    assert main(["check", "watch"]) == 2
    assert (
        "provides no model, dataset, metric, space or suite; it provides nothing, and observes"
        in capsys.readouterr().err
    )
    assert main(["check", "gans", "--kind", "dataset"]) == 2
    assert "provides no dataset; it provides model gan, model wgan, model wgan_gp" in capsys.readouterr().err
    monkeypatch.setenv("GENBENCH_BLOCK", "gans")
    assert main(["check", "gans"]) == 2
    assert "plugin 'gans' (genbench 0.1.0) is blocked by GENBENCH_BLOCK" in capsys.readouterr().err
