"""Figures of scores, a dot a model."""

import numpy as np
from synthetic import record, score

from genbench.report.figures.draw import draw, results_by_dataset


def test_modes_are_counted_seed_by_seed_as_in_the_table() -> None:
    counts = ([5, 0, 5, 0], [0, 5, 5, 0])  # each seed hits two modes of four, together three
    cells = [
        record("gan", seed, [score("modes", 2.0, better="higher", n_fake=10, detail={"of": 4, "counts": each})])
        for seed, each in enumerate(counts)
    ]
    (subject,) = results_by_dataset(cells)
    axes = draw("modes", subject).axes[0]
    assert [text.get_text() for text in axes.texts] == ["2/4"]
    shares = axes.images[0].get_array()
    assert shares.filled(-1).tolist() == [[1.0, 1.0, 2.0, -1.0]]


def test_an_open_end_is_an_arrow() -> None:
    cells = [record(m, 0, [score("coverage", 0.5, better="higher", low=0.4, high=high)])
             for m, high in (("open", None), ("closed", 0.6))]  # fmt: skip
    (subject,) = results_by_dataset(cells)
    axes = draw("coverage", subject).axes[0]
    assert all(np.isfinite(np.asarray(line.get_xdata(), float)).all() for line in axes.get_lines())
    assert len([text for text in axes.texts if text.get_text() == ""]) == 1
