"""Figures: what is drawn is what the records say; hostile names; files that are the same twice."""

import json
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from synthetic import record, score

from genbench.cli.main import main
from genbench.errors import DataError, UnknownName, UserError
from genbench.record.store import write_json, write_record
from genbench.report.figures.dataset_results import NotApplicable
from genbench.report.figures.draw import draw, results_by_dataset, save
from genbench.report.figures.equivalent import equivalent_curve
from genbench.report.figures.progress import quality_curves_of
from genbench.report.figures.style import line_styles

BANDWIDTHS = [2.0, 1.0, 0.5]


def worth(values, low, high):
    detail = {"bandwidths": BANDWIDTHS, "values": values, "low": low, "high": high, "at_least": False}
    return score("equivalent", 100.0, better="higher", detail=detail)


def scored(model, seed=0, values=(300.0, 200.0, 100.0), low=None, high=None, **fields):
    low = [x / 2 for x in values] if low is None else low
    high = [x * 2 for x in values] if high is None else high
    return record(model, seed, [worth(list(values), low, high)], **fields)


@pytest.fixture
def records():
    sizes = {"train": 500, "test": 2000, "reference": 2000}
    return [
        scored("vae", values=[300.0, 200.0, 100.0], sizes=sizes),
        scored("gan", values=[None, 20.0, 10.0], low=[70.0, 10.0, 5.0], high=[None, 40.0, 20.0], sizes=sizes),
        scored("real", values=[None] * 3, low=[900.0, None, 800.0], high=[None] * 3, sizes=sizes),
        record("kde", status="failed", reason="boom"),
    ]


def axes_of(records):
    (subject,) = results_by_dataset(records)
    return draw("equivalent", subject).axes[0]


def drawn(axes):
    """Return the finite points of each line that has a marker, as sets of (x, y)."""
    lines = [line.get_xydata() for line in axes.lines if line.get_marker() not in ("None", None)]
    return [sorted(map(tuple, points[np.isfinite(points).all(1)])) for points in lines]


def test_a_curve_is_the_median_over_seeds_and_unbounded_where_most_seeds_are() -> None:
    told, untold = [300.0, 200.0, 100.0], [None, 100.0, 50.0]
    cells = [
        scored("vae", 0, told),
        scored("vae", 1, untold, low=[1.0] * 3, high=[None] * 3),
        scored("vae", 2, untold, low=[1.0] * 3, high=[None] * 3),
    ]
    curve = equivalent_curve(cells)
    assert curve.bandwidths == pytest.approx(BANDWIDTHS)
    assert curve.value.tolist() == [np.inf, 100.0, 50.0]
    assert curve.low.tolist() == [1.0] * 3
    assert np.isinf(curve.high).all()
    assert equivalent_curve([record("vae", 0, [score("energy", 1.0)])]) is None


def test_points_are_values_and_arrows_lower_limits(records) -> None:
    axes = axes_of(records)
    points, top = drawn(axes), axes.get_ylim()[1]
    assert [(0.5, 100.0), (1.0, 200.0), (2.0, 300.0)] in points
    assert [(0.5, 10.0), (1.0, 20.0)] in points  # gan, where it is told from real data
    assert [(2.0, 70.0)] in points  # and where it is not
    assert [(0.5, 800.0), (1.0, top), (2.0, 900.0)] in points  # real: in the middle it is closer than real data come


def test_the_axes_are_logarithmic_and_hold_every_point_and_the_sizes(records) -> None:
    axes = axes_of(records)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    low, high = axes.get_ylim()
    assert low < 10
    assert high > 2000
    assert {text.get_text() for text in axes.texts} == {"500 train", "2000 test"}
    assert {500.0, 2000.0} <= {y for line in axes.lines for y in line.get_ydata()}


def test_models_are_told_apart_in_grey_and_to_colour_blind_eyes() -> None:
    (subject,) = results_by_dataset([scored(f"m{i}") for i in range(28)] + [scored("real"), scored("memoriser")])
    shown = list(line_styles(subject.rows).values())
    assert len({(style.colour, str(style.dashes)) for style in shown}) == 30
    assert len({(style.marker, str(style.dashes)) for style in shown[:28]}) == 28
    assert [style.label for style in shown[-2:]] == ["real", "memoriser"]


@pytest.mark.parametrize("name", ["$\\frac{", "_hidden", "<script>alert(1)</script>", "名", "\x1b[31mred", "a" * 500])
@pytest.mark.filterwarnings("ignore:Glyph")  # a font may lack a letter
def test_names_of_strangers_are_only_text(name, tmp_path) -> None:
    (subject,) = results_by_dataset([scored("vae", label=name, dataset=name, dataset_label=name)])
    figure = draw("equivalent", subject)
    save(figure, tmp_path / "x.svg")
    assert "<script" not in (tmp_path / "x.svg").read_text()
    label = figure.legends[0].get_texts()[0].get_text()
    assert "\x1b" not in label
    assert len(label) <= 41


@pytest.fixture
def trained():
    def fields(seconds):
        trace = [[seconds / 2, 5, {"loss": 2.0, "kl": -1.0}], [seconds, 10, {"loss": 1.0, "kl": 500.0}]]
        return {"timings": {"fit_s": seconds, "samples_per_s": 1e3 * seconds}, "trace": trace}

    made = [scored("vae", 0, **fields(2.0)), scored("vae", 1, **fields(2.5)), scored("gan", 0, **fields(20.0))]
    others = [score("nll", 1.0, params={"kind": "exact"}), score("coverage", 0.9, better="higher"), score("ct", 1.0)]
    return [{**each, "scores": [*each["scores"], *others, learned(each["timings"]["fit_s"])]} for each in made]


def learned(seconds, steps=(5, 10, 20), last=0.01):
    curve = [
        {"seconds": seconds * step / 40, "step": step, "value": last * 40 / step, "low": 0.0, "high": 0.4, "n_fake": 9}
        for step in steps
    ]
    return score("energy", last, detail={"curve": curve})


def test_quality_against_time_goes_through_the_snapshots_to_the_trained_model(trained) -> None:
    (subject,) = results_by_dataset(trained)
    vae = next(row for row in subject.models if row.label == "vae")
    first, second = quality_curves_of(vae, "energy")
    assert first.points.tolist() == [[0.25, 0.08], [0.5, 0.04], [1.0, 0.02], [2.0, 0.01]]
    assert second.points[:, 0].tolist() == [0.3125, 0.625, 1.25, 2.5]
    assert first.error == pytest.approx(0.2)
    axes = draw("progress", subject).axes[0]
    mean = [2.25 / 8, 2.25 / 4, 2.25 / 2, 2.25]
    assert any(line.get_xdata().tolist() == pytest.approx(mean) for line in axes.lines if len(line.get_xdata()) == 4)


def test_seeds_are_averaged_over_the_snapshots_that_all_of_them_have(trained) -> None:
    trained[1]["scores"][-1] = learned(2.5, steps=(5, 20))
    (subject,) = results_by_dataset(trained)
    lines = [list(line.get_ydata()) for line in draw("progress", subject).axes[0].lines]
    assert any(len(line) == 3 and line == pytest.approx([0.08, 0.02, 0.01]) for line in lines), lines


def test_seeds_of_a_budget_in_seconds_are_averaged_at_the_same_shares_of_it(trained) -> None:
    for each, steps in ((trained[0], (5, 10, 20)), (trained[1], (6, 12, 21))):
        each["budget"], each["scores"][-1] = "4s", learned(4.0, steps)
    trained[1]["scores"][-1]["detail"]["curve"].pop(1)  # it could not be afforded
    (subject,) = results_by_dataset(trained[:2])
    first, second = quality_curves_of(subject.models[0], "energy")
    assert first.steps == (4, 8, 16, -1)
    assert second.steps == (4, 16, -1)
    lines = [line.get_xdata() for line in draw("progress", subject).axes[0].lines]
    assert any(list(line) == pytest.approx([0.55, 2.05, 2.25]) for line in lines), "the mean seconds"


def test_snapshots_of_trainings_that_ended_without_a_value_are_no_figure(trained) -> None:
    for each in trained:
        each["scores"][-1]["value"] = None
    (subject,) = results_by_dataset(trained)
    with pytest.raises(NotApplicable, match="value of energy"):
        draw("progress", subject)


def test_a_model_without_snapshots_is_a_point_and_none_at_all_is_no_figure(trained) -> None:
    trained.append(record("kde", 0, [score("energy", 0.05)], timings={"fit_s": 0.5}))
    (subject,) = results_by_dataset(trained)
    axes = draw("progress", subject).axes[0]
    assert [0.5, 0.05] in [line.get_xydata()[-1].tolist() for line in axes.lines]
    (without,) = results_by_dataset([record("kde", 0, [score("energy", 0.05)], timings={"fit_s": 0.5})])
    with pytest.raises(NotApplicable, match="snapshots"):
        draw("progress", without)


def test_a_curve_that_is_none_is_left_out(trained) -> None:
    for curve in ("text", [None], [{"seconds": "1"}], [{"seconds": 1.0, "value": None, "step": 2}], 3):
        trained[0]["scores"][-1]["detail"]["curve"] = curve
        (subject,) = results_by_dataset(trained)
        assert (
            len(quality_curves_of(next(row for row in subject.models if row.label == "vae"), "energy")[0].points) == 1
        )
        draw("progress", subject)


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


# ----------------------------------------------------------------------------------------------------- the command line


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
