"""``genbench new``: names that are taken are refused, and what is written works as it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from genbench.cli.main import main
from genbench.scaffold import KINDS, Names


def test_a_name_that_is_taken_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "model", "vae", "--into", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "there is already a model named 'vae' (genbench" in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
    assert main(["new", "dataset", "vae", "--into", str(tmp_path)]) == 0  # names are unique within a kind


@pytest.mark.parametrize("name", ["diffusion", "genbench-toys", "Tables"])
def test_a_package_that_would_hide_an_installed_one_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """pip would write it over the files of the other, genbench's own among them."""
    assert main(["new", "model", name, "--into", str(tmp_path)]) == 2
    assert f"a package named {Names(name).package} is already installed" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def run(arguments: list[str], site: Path, where: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        cwd=where,
        env=os.environ | {"PYTHONPATH": path},
        timeout=600,
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_it_can_be_installed_checked_tested_and_run_as_it_is(kind: str, tmp_path: Path) -> None:
    assert main(["new", kind, "my-first", "--into", str(tmp_path)]) == 0
    package, site = tmp_path / "my-first", tmp_path / "site"
    quiet = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    installed = run(["pip", "install", *quiet, "--target", str(site), str(package)], site, tmp_path)
    assert installed.returncode == 0, installed.stderr
    checked = run(["genbench", "check", "my-first"], site, package)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    tested = run(["pytest", "-q", "-p", "no:cacheprovider"], site, package)
    assert tested.returncode == 0, tested.stdout
    assert " passed" in tested.stdout
    line = {
        "model": "-m my-first,-gaussian,-memoriser -d moons --metrics energy,nll",
        "dataset": "-m kde,-gaussian,-memoriser -d my-first --metrics energy,kl",
        "metric": "-m kde,-gaussian,-memoriser -d moons --metrics my-first",
        "space": "-m kde,-gaussian,-memoriser -d moons --metrics frechet@my-first",
        "suite": "--suite my-first",
    }[kind].split()
    small = ["--preset", "smoke", "--device", "cpu", "--json", "--out", str(tmp_path / "run")]
    ran = run(["genbench", "run", *line, *small], site, tmp_path)
    assert ran.returncode == 0, ran.stderr
    records = [json.loads(path.read_text()) for path in (tmp_path / "run").glob("cells/*/*/1.json")]
    assert {record["status"] for record in records} == {"ok"}
    scored = [record for record in records if record["model"] != "memoriser"]  # which has no density
    assert all(score["value"] is not None for record in scored for score in record["scores"])
