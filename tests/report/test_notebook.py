"""Results in a notebook."""

import html
import re

import pytest
from synthetic import EVIL, record, score, seeds

from genbench.errors import DataError, UnknownName, UserError
from genbench.record.store import write_json, write_record
from genbench.report import render
from genbench.report.notebook import NotebookResults
from genbench.table.results import Results, load

RECORDS = (
    *seeds("a", [1.0, 1.4, 0.6]),
    *seeds("b", [9.0, 9.1, 9.2]),
    *seeds("real", [0.1, 0.2, 0.3]),
    record("c", 0, status="failed", reason="<script>alert(1)</script>"),
    *seeds("a", [3.0], dataset="moons"),
)


@pytest.fixture
def run(tmp_path):
    """A run of two datasets, with times."""
    folder = tmp_path / "run"
    folder.mkdir()
    write_json(folder / "run.json", {})
    for at, each in enumerate((*RECORDS, *seeds("b", [4.0], dataset="moons"))):
        write_record(folder, each | {"key": f"{at:024}", "timings": {"fit_s": 1.0 + at, "samples_per_s": 100.0 * at}})
    return folder


def test_a_notebook_shows_the_tables_of_the_report():
    shown = NotebookResults(RECORDS)._repr_html_()
    assert shown.count("<table") == 2
    assert "<th>energy ↓</th>" in shown
    assert re.search(r"<th>a</th><td>1</td><td><b>1\.0</b>.*?<small>\[0\.006, 2\.0\]</small>", shown), (
        "ranked, marked, rounded"
    )
    assert "1.0 [0.006, 2.0]*" in render(RECORDS), "as in any other table"
    assert re.search(r'<th>c</th><td>\d</td><td colspan="\d+">failed</td>', shown)
    assert "<i>real</i>" in shown
    assert shown.count("lower is better") == 1
    assert "Take `a`" in shown
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


def test_hostile_names_are_only_text():
    shown = NotebookResults((*seeds("a", [1.0, 2.0], dataset_label=EVIL), *seeds("b", [1.0], label=EVIL)))._repr_html_()
    assert "<script" not in shown
    assert "<img" not in shown
    assert f"<h4>{html.escape(EVIL)[:20]}" in shown


def test_results_of_any_kind_become_those_of_a_notebook(run):
    results = load(run)
    shown = NotebookResults.of(results)
    assert isinstance(results, Results)
    assert not isinstance(results, NotebookResults)
    assert (shown.records, shown.runs) == (results.records, results.runs)
    assert isinstance(shown.select("a"), NotebookResults)
    assert ".report(), .plot(FIGURE), .table()" in repr(shown)


def test_the_report_is_shown_and_written(run, tmp_path):
    results = NotebookResults.of(load(run))
    page = results.report(tmp_path / "page.html", pictures=False)
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page.html
    frame = page._repr_html_()
    assert frame.startswith('<iframe srcdoc="&lt;!')
    assert html.unescape(re.search(r'srcdoc="([^"]*)"', frame)[1]) == page.html
    assert "written to" in repr(page)
    assert "report(out=" in repr(results.report(pictures=False))
    with pytest.raises(UserError, match="the folder of the run is not known"):
        NotebookResults(RECORDS).report()


def test_figures_are_shown_by_name_and_written(run, tmp_path):
    results = NotebookResults.of(load(run))
    drawing = results.plot("pareto")
    assert [dataset for dataset, _ in drawing.figures] == ["ring", "moons"]
    assert drawing._repr_html_().count('src="data:image/png;base64,iVBORw0KGgo') == 2
    assert [path.name for path in drawing.save(tmp_path / "cost.svg")] == ["cost-ring.svg", "cost-moons.svg"]
    assert repr(drawing) == "figure 'pareto' of ring, moons; save(FILE) writes it"
    one = results.plot("pareto", dataset="moons", models="a")
    assert [path.name for path in one.save(tmp_path / "cost.png")] == ["cost.png"]
    with pytest.raises(UnknownName, match="did you mean 'pareto'"):
        results.plot("paretto")
    with pytest.raises(DataError, match="no record holds the metric 'equivalent'"):
        results.plot("equivalent")
    with pytest.raises(UserError, match="selects no dataset"):
        NotebookResults(tuple(record("a", 0, [score("w1", 1.0)]) for _ in "a"), runs=(run,)).plot("pareto", "-ring")
