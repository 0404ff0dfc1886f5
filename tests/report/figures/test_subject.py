"""Pictures of samples: what is drawn are the samples, beside the right rows, in the same colours everywhere."""

import numpy as np
import pytest
from synthetic import record, score, seeds

from genbench.errors import DataError
from genbench.protocol import Column, Data
from genbench.report.figures.corner import _density
from genbench.report.figures.dataset_results import NotApplicable, SeedSamples
from genbench.report.figures.draw import draw, results_by_dataset
from genbench.report.figures.images import nearest_rows
from genbench.report.figures.marginals import quantities_of
from genbench.report.figures.pareto import ParetoPoint, pareto_front

RNG = np.random.default_rng(0)


def subject_with(data, samples, **fields):
    """Return a subject whose models have these samples."""
    records = [record(label, 0, [score("energy", 1.0)], **fields) for label in [*samples, "real"]]
    (subject,) = results_by_dataset(records)
    subject.__dict__["seed_samples"] = SeedSamples(0, data, {**samples, "real": data.reference}, {})
    return subject


def table(n=4000, d=3, **fields):
    rows = RNG.normal(size=(3, n, d))
    return Data(*rows, **fields)


def test_marginals_are_histograms_and_their_ratio_to_real_rows() -> None:
    data = table()
    subject = subject_with(data, {"copy": data.test, "half": data.test[data.test[:, 0] > 0]})
    axes = draw("marginals", subject).axes
    above, below = axes[0], axes[3 if len(axes) == 6 else len(axes) // 2]
    real, copy, half = (patch.get_data() for patch in above.patches)
    assert real.values.sum() == pytest.approx(1, abs=0.01)
    assert np.allclose(copy.values, real.values)
    right = real.edges[:-1] > 0
    assert np.allclose(half.values[right], 2 * real.values[right], rtol=0.1)
    ratio = below.patches[1].get_data().values
    assert np.allclose(ratio[np.isfinite(ratio)], 1)


def test_observables_are_shown_after_columns_and_a_model_they_cannot_digest_is_left_out() -> None:
    def observables(rows):
        if len(rows) < 10:
            raise ValueError("too few")
        return {"sum": rows.sum(1), "x": rows[:, 0]}

    data = table(columns=(Column("x"), Column("y", unit="GeV"), Column("z")), observables=observables)
    shown = subject_with(data, {"good": data.test + 1, "few": data.test[:5]}).seed_samples
    found = quantities_of(shown)
    assert [(q.name, q.unit) for q in found] == [("x", ""), ("y", "GeV"), ("z", ""), ("sum", "")]
    assert set(found[-1].samples) == {"good", "real"}
    assert np.allclose(found[-1].samples["good"], data.test.sum(1) + 3)


def test_a_contour_holds_the_share_of_rows_that_it_is_said_to() -> None:
    rows = RNG.normal(size=(200_000, 2))
    edges = np.linspace(-5, 5, 61)
    density, levels = _density(rows, (edges, edges))
    for height, share in zip(levels, (0.95, 0.68), strict=True):
        assert density[density >= height].sum() / density.sum() == pytest.approx(share, abs=0.03)
    assert _density(np.empty((0, 2)), (edges, edges))[1] == []


def test_a_panel_says_how_many_samples_lie_outside() -> None:
    data = table(d=2)
    far = data.test.copy()
    far[:1000] += 100
    axes = draw("scatter", subject_with(data, {"far": far})).axes
    titles = [each.get_title(loc="left") for each in axes]
    assert titles[0].startswith("held-out data")
    assert any(title.startswith("far") and "25 % outside" in title for title in titles)
    assert axes[0].get_xlim()[1] < 10


def test_the_nearest_image_is_the_nearest_whatever_the_offset() -> None:
    train = RNG.normal(size=(5000, 1, 4, 4)) + 1e4
    rows = RNG.normal(size=(7, 1, 4, 4)) + 1e4
    found = nearest_rows(rows, train)
    for row, near in zip(rows, found, strict=True):
        distances = ((train - row) ** 2).reshape(len(train), -1).sum(1)
        assert np.array_equal(near, train[distances.argmin()])
    assert np.array_equal(nearest_rows(train[[3, 4500]], train), train[[3, 4500]])


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("levels", [None, 17])
def test_images_of_any_kind_are_shown(channels, levels) -> None:
    images = RNG.integers(0, 17, (3, 40, channels, 6, 4))
    data = Data(*(images if levels else images / 3.0), levels=levels)
    figure = draw("images", subject_with(data, {"few": data.test[:3], "none": data.test[:0]}, data_kind="image"))
    assert len(figure.axes) == 2  # held-out data and few; of none there is nothing to see
    pixels = figure.axes[0].images[0].get_array()
    assert pixels.shape[2] == 4
    assert set(np.unique(pixels[..., 3])) == {0, 255}


@pytest.mark.parametrize("name", ["scatter", "images", "corner"])
def test_a_figure_that_is_not_for_such_data_says_so(name) -> None:
    data = table(d=2 if name == "images" else 1)
    with pytest.raises(NotApplicable):
        draw(name, subject_with(data, {"vae": data.test}))


def test_a_run_that_is_not_at_hand_has_no_samples() -> None:
    (subject,) = results_by_dataset([record("vae", run="gone")])
    with pytest.raises(DataError, match=r"ring: no samples to show: the folder of the run is not known"):
        draw("scatter", subject)


def test_a_model_has_one_colour_on_every_dataset_and_in_every_selection() -> None:
    records = [*seeds("vae", [1.0]), *seeds("gan", [1.0]), *seeds("kde", [1.0], dataset="moons"),
               *seeds("vae", [1.0], dataset="moons")]  # fmt: skip
    ring, moons = results_by_dataset(records)
    assert ring.line_styles["vae"] == moons.line_styles["vae"] == moons.only_rows(["vae"]).line_styles["vae"]
    assert len({style.colour for style in (*ring.line_styles.values(), *moons.line_styles.values())}) == 3
    assert [row.label for row in moons.only_rows(["vae"]).rows] == ["vae"]


def test_the_front_is_what_nothing_beats_in_both() -> None:
    def point(name, cost, quality):
        (subject,) = results_by_dataset(seeds(name, [1.0]))
        return ParetoPoint(subject.rows[0], cost, quality, quality, quality)

    points = [point("cheap", 1, 10), point("good", 9, 90), point("beaten", 9, 50), point("middle", 3, 40)]
    points.append(point("worse", 4, 40))
    names = [p.row.label for p in pareto_front(points, "lower", "higher")]
    assert names == ["cheap", "middle", "good"]
    assert [p.row.label for p in pareto_front(points, "higher", "lower")][:1] == ["beaten"]
    assert [p.row.label for p in pareto_front(points, "lower", "lower")] == ["cheap"]


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


@pytest.mark.parametrize("rates", [(1.28e6,), (1.28e6, 2.74e6), (1.1e6, 9e6), (2e5, 1.5e7), (1e3, 1e7)])
def test_what_quality_costs_can_be_read_off_however_near_the_costs_are(rates) -> None:
    cells = [
        record(f"model{at}", 0, [score("energy", 0.1)], timings={"fit_s": 3.0, "samples_per_s": rate})
        for at, rate in enumerate(rates)
    ]
    (subject,) = results_by_dataset(cells)
    axes = draw("pareto", subject).axes[1]
    low, high = axes.get_xlim()
    assert low <= min(rates)
    assert high >= max(rates)
    told = [axes.xaxis.get_major_formatter()(at) for at in axes.xaxis.get_majorticklocs() if low <= at <= high]
    assert 2 <= len(set(told)) == len(told) <= 7


def test_values_that_were_logged_once_are_told_apart() -> None:
    (subject,) = results_by_dataset(
        [record("vae", 0, [score("energy", 0.1)], trace=[[0.2, 10, {"loss": 3.0, "kl": 2.0}]])]
    )
    lines = draw("training", subject).axes[0].lines
    assert {line.get_label() for line in lines} == {"loss", "kl"}
    assert len({line.get_marker() for line in lines} - {"", "None", None}) == 2
