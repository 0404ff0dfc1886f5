"""Figures: files that are the same twice, and mistakes in one line."""

import json
import subprocess
import sys

import pytest
from equivalent_records import scored
from matplotlib.figure import Figure
from synthetic import record, score

from genbench.cli.main import main
from genbench.errors import DataError, UnknownName, UserError
from genbench.record.store import write_json, write_record
from genbench.report.figures.draw import draw, results_by_dataset, save


@pytest.fixture
def records():
    sizes = {"train": 500, "test": 2000, "reference": 2000}
    return [
        scored("vae", values=[300.0, 200.0, 100.0], sizes=sizes),
        scored("gan", values=[None, 20.0, 10.0], low=[70.0, 10.0, 5.0], high=[None, 40.0, 20.0], sizes=sizes),
        scored("real", values=[None] * 3, low=[900.0, None, 800.0], high=[None] * 3, sizes=sizes),
        record("kde", status="failed", reason="boom"),
    ]


@pytest.mark.parametrize("name", ["equivalent", "training", "pareto", "progress", "likelihood", "copying", "coverage"])
def test_figures_are_written_in_every_format_the_same_twice(name, trained, tmp_path) -> None:
    (subject,) = results_by_dataset(trained)
    for suffix, start in ((".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")):
        files = [tmp_path / f"{i}{suffix}" for i in range(2)]
        for file in files:
            figure = draw(name, subject)
            assert isinstance(figure, Figure)
            save(figure, file)
        first, second = (file.read_bytes() for file in files)
        assert first.startswith(start)
        assert first == second


def test_what_cannot_be_drawn_says_why(records, tmp_path) -> None:
    (empty,) = results_by_dataset([record("vae", 0, [score("energy", 1.0)])])
    with pytest.raises(DataError, match="ring: no record holds the metric 'equivalent'"):
        draw("equivalent", empty)
    (subject,) = results_by_dataset(records)
    with pytest.raises(UnknownName, match="did you mean 'equivalent'"):
        draw("equivlent", subject)
    with pytest.raises(UserError, match=r"ends with .png, .pdf, .svg"):
        save(draw("equivalent", subject), tmp_path / "x.gif")


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
    assert main(["plot", str(run), "--dataset", "ring", "-o", str(tmp_path / "worth.svg")]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "worth.svg")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "x.gif"], "expected a file that ends with .png"),
        (["-o", "/nowhere/at/all.png"], "no folder /nowhere/at"),
        (["-o", "x.png", "--dataset", "rign"], "--dataset rign: not in these runs; there are: "),
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
