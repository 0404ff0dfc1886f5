"""Figures: files that are the same twice, and mistakes in one line."""

import pytest
from matplotlib.figure import Figure
from synthetic import record, score

from genbench.errors import DataError, UnknownName
from genbench.report.figures.draw import draw, results_by_dataset, save


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


def test_what_cannot_be_drawn_says_why(records) -> None:
    (empty,) = results_by_dataset([record("vae", 0, [score("energy", 1.0)])])
    with pytest.raises(DataError, match="ring: no record holds the metric 'equivalent'"):
        draw("equivalent", empty)
    (subject,) = results_by_dataset(records)
    with pytest.raises(UnknownName, match="did you mean 'equivalent'"):
        draw("equivlent", subject)
