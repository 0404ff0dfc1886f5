"""The kit's own promises: verdicts, counts, expected failures, its fronts, and that a skip is no pass."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from genbench.cli.main import main
from genbench.errors import UnknownName
from genbench.testing import Check, Failed, Report, Skipped, check_plugin, checks_for, conformance, kit, subjects

HERE = Path(__file__).parent / "checks"
DATA = str(HERE / "broken_datasets.py")


def verdicts(report: Report) -> dict[str, str]:
    return {outcome.check.name: outcome.verdict for outcome in report.outcomes}


def test_a_package_that_declares_heavily_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "heavy_declaration"
    package.mkdir()
    (package / "__init__.py").write_text("import json, numpy\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    [subject] = subjects("dataset:ring")
    from dataclasses import replace

    entry = replace(subject.entry, provenance=replace(subject.entry.provenance, module="heavy_declaration"))
    [check] = [each for each in checks_for("dataset") if each.name == "declared_lightly"]
    with pytest.raises(Failed, match="imports numpy: every start"):
        check(replace(subject, entry=entry))
    check(subject)


def test_an_expected_failure_needs_a_reason_and_an_unexpected_pass_fails() -> None:
    known = {"origin_is_stated": "the author is still asking"}
    [report] = check_plugin("dataset:origin_is_stated", plugins=[DATA], expected_failures=known)
    assert verdicts(report)["origin_is_stated"] == "expected failure"
    assert report.ok
    [sound] = check_plugin("dataset:sound", plugins=[DATA], expected_failures=known)
    assert verdicts(sound)["origin_is_stated"] == "unexpected pass"
    assert not sound.ok
    with pytest.raises(ValueError, match="needs a reason"):
        check_plugin("dataset:sound", plugins=[DATA], expected_failures={"origin_is_stated": " "})
    with pytest.raises(ValueError, match="no check named 'origin'"):
        check_plugin("dataset:sound", plugins=[DATA], expected_failures={"origin": "why"})


def test_all_skipped_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def skips(_: object) -> None:
        raise Skipped("not today")

    only = Check("only", ("dataset",), "Nothing", "none", skips)
    monkeypatch.setattr(kit, "checks_for", lambda kind: [only])
    [report] = check_plugin("dataset:sound", plugins=[DATA])
    assert report.counts == {"passed": 0, "failed": 0, "skipped": 1, "expected failure": 0, "unexpected pass": 0}
    assert not report.ok


def test_every_check_says_what_it_asks_and_what_to_do() -> None:
    for kind in ("model", "dataset", "metric", "space"):
        checks = checks_for(kind)
        assert len(checks) > 8
        for check in checks:
            assert check.summary
            assert check.remedy
            assert len({each.name for each in checks}) == len(checks)


def test_a_name_may_stand_for_several_specs() -> None:
    assert {subject.spec.kind for subject in subjects("gaussian")} == {"model", "dataset"}
    assert [subject.spec.kind for subject in subjects("gaussian", kind="model")] == ["model"]
    assert [subject.config.latent for subject in subjects("vae[latent=7]")] == [7]
    assert {subject.entry.key for subject in subjects("gans")} == {"gan", "wgan_gp"}
    with pytest.raises(UnknownName, match="did you mean 'vae'"):
        subjects("vea")


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


def test_pytest_runs_the_checks_by_name_and_by_decorator(tmp_path: Path) -> None:
    test = tmp_path / "test_mine.py"
    test.write_text(
        "from genbench.testing import conformance\n\n"
        f"@conformance('dataset:splits_share_no_row', plugins=[{DATA!r}],\n"
        "             expected_failures={'origin_is_stated': 'no'})\n"
        "def test_contract(check):\n    check()\n"
    )
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(test)]
    done = subprocess.run(
        [*line, "--genbench", "dataset:sound", "--genbench-plugin", DATA],
        capture_output=True, text=True, cwd=tmp_path, timeout=300,
    )  # fmt: skip
    last = done.stdout.strip().splitlines()[-1]
    assert done.returncode == 1, done.stdout
    assert last.startswith("2 failed"), last  # the leak, and the pass that was not expected
    assert "5 rows are in train and in test" in done.stdout
    assert "remedy: split with" in done.stdout
    unknown = subprocess.run([*line, "--genbench", "nobody"], capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert unknown.returncode == 4
    assert "--genbench nobody: no plugin named 'nobody'" in unknown.stderr + unknown.stdout


def test_pytest_chooses_among_the_checks_by_keyword_and_tells_two_kinds_of_one_name_apart(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--collect-only"]
    done = subprocess.run(
        [*line, "--genbench", "gaussian", "-k", "declared_lightly or splits_share_no_row"],
        capture_output=True, text=True, cwd=tmp_path, timeout=300,
    )  # fmt: skip
    assert [text.partition("gaussian-")[0::2] for text in done.stdout.splitlines() if "gaussian-" in text] == [
        ("::genbench::model:", "declared_lightly"),
        ("::genbench::dataset:", "declared_lightly"),
        ("::genbench::dataset:", "splits_share_no_row"),
    ]


def test_the_decorator_refuses_what_no_check_is_called() -> None:
    with pytest.raises(ValueError, match="no check named 'x' for a dataset"):
        conformance("dataset:sound", plugins=[DATA], expected_failures={"x": "why"})


def test_an_expected_failure_of_a_distribution_is_of_the_kinds_that_have_the_check(tmp_path: Path) -> None:
    both = [subject for name in ("model:vae", "dataset:ring") for subject in subjects(name)]
    known = kit.expected_by_kind(both, {"it_learned": "why", "origin_is_stated": "why", "constructor_is_inert": "why"})
    assert set(known["model"]) == {"it_learned", "constructor_is_inert"}
    assert set(known["dataset"]) == {"origin_is_stated", "constructor_is_inert"}
    with pytest.raises(ValueError, match="no check named 'order_of_rows_does_not_matter' for a model or dataset"):
        kit.expected_by_kind(both, {"order_of_rows_does_not_matter": "why"})
    with pytest.raises(ValueError, match="'origin_is_stated' needs a reason"):
        conformance("dataset:sound", plugins=[DATA], expected_failures={"origin_is_stated": ""})


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
    assert "provides no model, dataset, metric or space; it provides nothing, and observes" in capsys.readouterr().err
    assert main(["check", "gans", "--kind", "dataset"]) == 2
    assert "provides no dataset; it provides model gan, model wgan_gp" in capsys.readouterr().err
    monkeypatch.setenv("GENBENCH_BLOCK", "gans")
    assert main(["check", "gans"]) == 2
    assert "plugin 'gans' (genbench 0.1.0) is blocked by GENBENCH_BLOCK" in capsys.readouterr().err


def test_of_a_clash_each_is_checked(install: Callable[..., Path]) -> None:
    for name in ("one", "two"):
        install(
            f"genbench-{name}",
            "import genbench\n@genbench.hookimpl\ndef genbench_register():\n"
            "    return [genbench.DatasetSpec('same', 'no:Where', None, 'x')]\n",
        )
    assert [subject.entry.key for subject in subjects("same")] == ["genbench-one:same", "genbench-two:same"]
    assert [subject.entry.key for subject in subjects("genbench-two:same")] == ["genbench-two:same"]
    with pytest.raises(UnknownName, match="no metric named 'same'") as caught:
        subjects("metric:same")
    assert "same" not in caught.value.known


def test_a_plugin_cannot_end_the_check_and_call_it_a_success(tmp_path: Path) -> None:
    path = tmp_path / "leaving.py"
    path.write_text(
        "import os\n\nimport genbench\n\nclass Leaves:\n    def load(self, sizes, rng):\n        os._exit(0)\n\n"
        "@genbench.hookimpl\ndef genbench_register():\n"
        "    return [genbench.DatasetSpec('leaves', Leaves, None, 'nothing')]\n"
    )
    line = [sys.executable, "-m", "genbench", "check", "leaves", "--plugin", str(path)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300)
    assert done.returncode == 3
    assert "it ends the process: os._exit(0)" in done.stdout


def test_what_a_plugin_prints_is_no_part_of_the_answer(tmp_path: Path) -> None:
    path = tmp_path / "loud.py"
    path.write_text(
        "import os\n\nimport genbench\n\nclass Loud:\n    def load(self, sizes, rng):\n"
        "        print('epoch 1')\n        os.system('echo epoch 2')\n\n"
        "@genbench.hookimpl\ndef genbench_register():\n"
        "    return [genbench.DatasetSpec('loud', Loud, None, 'nothing')]\n"
    )
    line = [sys.executable, "-m", "genbench", "check", "loud", "--plugin", str(path), "--json"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300)
    assert [report["name"] for report in json.loads(done.stdout)] == ["loud"]
    assert "epoch 1" in done.stderr
    assert "epoch 2" in done.stderr


def test_one_cause_has_one_traceback_and_none_of_the_kits_own_frames(tmp_path: Path) -> None:
    path = tmp_path / "unbuildable.py"
    path.write_text(
        "import genbench\n\nclass Needs:\n    def __init__(self):\n        raise TypeError('no')\n\n"
        "@genbench.hookimpl\ndef genbench_register():\n"
        "    return [genbench.ModelSpec('needs', Needs, None, 'nothing')]\n"
    )
    [report] = check_plugin("needs", plugins=[path])
    told = [outcome.traceback for outcome in report.outcomes if outcome.verdict == "failed"]
    assert len(told) > 5
    assert sum(bool(text) for text in told) == 1
    assert "genbench/testing" not in "".join(told)
