"""``genbench plot``: which files it writes, and mistakes in one line."""

import json
import subprocess
import sys

import pytest
from equivalent_records import scored
from synthetic import record, score, write_run

from genbench.cli.main import main
from genbench.record.store import write_json, write_record


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "run"
    path.mkdir()
    write_json(path / "run.json", {})
    for r in (scored("vae"), scored("vae", dataset="a/b"), scored("gan")):
        write_record(path, r)
    return path


def test_several_datasets_are_several_files(run, tmp_path, capsys) -> None:
    assert main(["plot", str(run), "-o", str(tmp_path / "worth.png")]) == 0
    written = capsys.readouterr().out.split()
    assert sorted(written) == sorted(map(str, tmp_path.glob("*.png")))
    assert {path.name for path in tmp_path.glob("*.png")} == {"worth-ring.png", "worth-a_b.png"}


def test_one_dataset_is_one_file(run, tmp_path, capsys) -> None:
    assert main(["plot", str(run), "-d", "ri*", "-o", str(tmp_path / "worth.svg")]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "worth.svg")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "x.gif"], "expected a file that ends with .png"),
        (["-o", "/nowhere/at/all.png"], "no folder /nowhere/at"),
        (["-o", "x.png", "--datasets", "rign"], "--datasets rign: not in these runs; there are: "),
        (["-o", "x.png", "--figure", "equivalnt"], "no figure named 'equivalnt', did you mean 'equivalent'?"),
    ],
)
def test_mistakes_are_told_in_a_line(run, arguments, message, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["plot", str(run), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("x*"))
    assert main(["plot", str(tmp_path), "-o", "x.png"]) == 2
    assert "no run here" in capsys.readouterr().err
    assert main(["plot", str(run), str(run), "-o", "x.png"]) == 2
    assert "two of these runs are called 'run'" in capsys.readouterr().err


def test_drawing_imports_no_torch(run, tmp_path) -> None:
    code = (
        "import sys; from genbench.cli.main import main\n"
        f"assert main({json.dumps(['plot', str(run), '-d', 'ring', '-o', str(tmp_path / 'x.pdf')])}) == 0\n"
        "assert 'torch' not in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, capture_output=True)


def test_a_sweep_is_one_file_for_all_options_of_a_dataset(tmp_path, capsys) -> None:
    cells = [
        record("kde", 0, [score("kl", 0.1 * dim), score("energy", 0.2)], dataset="gaussian",
               dataset_label=f"gaussian[dim={dim}]", dataset_config={"dim": dim})
        for dim in (2, 8)
    ]  # fmt: skip
    path = str(write_run(tmp_path / "sweep", cells))
    out = ["-o", str(tmp_path / "sweep.svg")]
    assert main(["plot", path, "--figure", "sweep", "--metrics", "kl", "--option", "dim", *out]) == 0
    assert capsys.readouterr().out.split() == out[1:]
    assert "energy" not in (tmp_path / "sweep.svg").read_text()
    assert main(["plot", path, "--figure", "sweep", "--option", "width", *out]) == 2
    assert "no option with several values named 'width'; known: dim" in capsys.readouterr().err
    assert main(["plot", path, "--figure", "likelihood", "--metrics", "kl", *out]) == 2
    assert "--metrics applies to the figure sweep, not to likelihood" in capsys.readouterr().err
