"""Between the units of the data and those of a model, and back."""

import math

import numpy as np
import pytest
from scipy import stats

from genbench.errors import DataError
from genbench.protocol import Column, Data
from genbench.training.standardise import ImageSpace, VectorSpace, transform_of

COLUMNS = (Column("x"), Column("energy", unit="GeV", log=True), Column("angle", period=360.0), Column("y"))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def table(n: int = 500) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.stack(
        [rng.normal(5, 1e3, n), rng.lognormal(3, 2, n), rng.uniform(-180, 180, n), rng.normal(1e-6, 1e-9, n)], axis=1
    )


def test_a_table_is_standardised_by_its_training_rows_alone(rng: np.random.Generator) -> None:
    rows = table()
    space = VectorSpace.fit(rows, COLUMNS)
    z = space.to_model(rows, rng)
    assert z.dtype == np.float32
    assert np.allclose(z.mean(0), 0, atol=1e-5)
    assert np.allclose(z.std(0), 1, atol=1e-5)
    assert not np.allclose(space.to_model(rows * 2, rng).std(0), 1)


def test_to_the_model_and_back_is_the_identity(rng: np.random.Generator) -> None:
    rows = table()
    back = VectorSpace.fit(rows, COLUMNS).from_model(VectorSpace.fit(rows, COLUMNS).to_model(rows, rng))
    deviation = np.abs(back - rows)
    deviation[:, 2] = np.minimum(deviation[:, 2], 360 - deviation[:, 2])  # the two ends of a period are one place
    assert (deviation < 1e-5 * rows.std(0) + 1e-5 * np.abs(rows)).all()


def test_the_log_determinant_is_that_of_the_numerical_jacobian(rng: np.random.Generator) -> None:
    rows = table()
    space = VectorSpace.fit(rows, COLUMNS)
    # to_model is float32, too coarse for a difference quotient; its inverse is not
    at = space.to_model(rows[:20], rng).astype(float)
    at[:, 2] *= 0.9  # away from the ends of the period
    step = 1e-5
    columns = []
    for j in range(4):
        move = np.zeros(4)
        move[j] = step
        columns.append((space.from_model(at + move) - space.from_model(at - move)) / (2 * step))
    jacobian = np.stack(columns, axis=2)
    expected = -np.linalg.slogdet(jacobian)[1]
    assert space.log_det(space.from_model(at)) == pytest.approx(expected, rel=1e-6)


def test_a_density_of_the_model_integrates_to_1_in_the_units_of_the_data(rng: np.random.Generator) -> None:
    rows = np.stack([rng.normal(-40, 7, 400), rng.lognormal(1, 0.5, 400)], axis=1)
    space = VectorSpace.fit(rows, (Column("x"), Column("energy", log=True)))
    x, log_energy = np.linspace(-110, 30, 400), np.linspace(-4, 6, 400)
    grid = np.stack(np.meshgrid(x, np.exp(log_energy), indexing="ij"), axis=-1).reshape(-1, 2)
    z = space.to_model(grid, rng).astype(float)
    density = np.exp(stats.norm.logpdf(z).sum(1) + space.log_det(grid)).reshape(400, 400)
    total = np.trapezoid(np.trapezoid(density, np.exp(log_energy), axis=1), x)
    assert total == pytest.approx(1, abs=1e-3)


def test_samples_of_a_periodic_column_are_wrapped_into_one_period() -> None:
    rows = table()
    space = VectorSpace.fit(rows, COLUMNS)
    far = space.from_model(np.random.default_rng(2).normal(0, 20, (1000, 4)))
    low = rows[:, 2].min()
    assert (far[:, 2] >= low).all()
    assert (far[:, 2] <= low + 360).all()


def test_scores_see_a_periodic_column_as_its_sine_and_cosine_without_a_seam() -> None:
    space = VectorSpace.fit(table(), COLUMNS)
    assert space.name == "standardised"
    assert space.columns == ("x", "energy", "sin angle", "cos angle", "y")
    row = table()[:1]
    turned = row + np.array([0, 0, 360, 0])
    assert space.to_scores(turned) == pytest.approx(space.to_scores(row))
    assert np.hypot(*space.to_scores(table())[:, 2:4].T) == pytest.approx(1)


def test_scores_of_other_columns_are_the_models_own_units(rng: np.random.Generator) -> None:
    rows = table()
    space = VectorSpace.fit(rows, COLUMNS)
    assert space.to_scores(rows)[:, [0, 1, 4]] == pytest.approx(space.to_model(rows, rng)[:, [0, 1, 3]], abs=1e-5)
    assert space.to_scores(rows).dtype == np.float64


@pytest.mark.parametrize("value", [0.0, 3.7, -1e9, 0.1])
def test_a_constant_column_is_set_aside_and_put_back(value: float, rng: np.random.Generator) -> None:
    rows = np.stack([np.full(50, value), rng.normal(size=50)], axis=1)
    space = VectorSpace.fit(rows, (Column("flat"), Column("x")))
    assert space.notes == ("column 'flat' is constant, and is set aside",)
    assert space.shape == (1,)
    assert space.to_model(rows, rng) == pytest.approx((rows[:, 1:] - rows[:, 1].mean()) / rows[:, 1].std(), abs=1e-6)
    back = space.from_model(space.to_model(rows, rng))
    assert (back[:, 0] == value).all()
    assert back[:, 1] == pytest.approx(rows[:, 1], abs=1e-6)
    alone = VectorSpace.fit(rows[:, 1:], (Column("x"),))
    assert space.log_det(rows) == pytest.approx(alone.log_det(rows[:, 1:]))
    assert np.isfinite(space.to_scores(rows)).all()


def test_of_constant_columns_alone_one_is_kept(rng: np.random.Generator) -> None:
    rows = np.full((50, 2), 3.0)
    space = VectorSpace.fit(rows)
    assert space.shape == (1,)
    assert (space.from_model(space.to_model(rows, rng)) == rows).all()


def test_times_with_a_large_offset_are_standardised_like_those_without(rng: np.random.Generator) -> None:
    late = 1.7e9 + rng.normal(0, 1e-3, (500, 2))
    early = late - 1.7e9  # exact: the difference of close numbers
    space, plain = VectorSpace.fit(late), VectorSpace.fit(early)
    assert space.notes == ()
    assert space.scale == pytest.approx(plain.scale, rel=1e-6)
    assert space.to_scores(late) == pytest.approx(plain.to_scores(early), abs=1e-3)


@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_numbers_that_differ_by_one_rounding_of_their_type_are_constant(kind: str, rng: np.random.Generator) -> None:
    value = np.full(50, 0.1, kind)
    value[::2] = np.nextafter(value[::2], np.ones((), kind))
    rows = np.stack([rng.normal(size=50).astype(kind), value], axis=1)
    assert VectorSpace.fit(rows).shape == (1,)
    assert VectorSpace.fit(rows + np.array([[0, 1]] * 25 + [[0, 1 + 1e-5]] * 25, kind)).shape == (2,)


def test_a_column_of_tiny_numbers_is_not_constant(rng: np.random.Generator) -> None:
    rows = rng.normal(0, 1e-30, (50, 1))
    assert VectorSpace.fit(rows).notes == ()
    assert VectorSpace.fit(rows).to_model(rows, rng).std() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("exponent", [-1000, -560, 560, 1000])
def test_columns_whose_squares_do_not_exist_are_standardised_like_any_other(exponent, rng: np.random.Generator) -> None:
    rows = rng.normal(1, 2, (50, 2))
    plain, space = VectorSpace.fit(rows), VectorSpace.fit(rows * [1, 2.0**exponent])
    assert space.notes == ()
    assert space.to_scores(rows * [1, 2.0**exponent]) == pytest.approx(plain.to_scores(rows), rel=1e-12)
    assert space.scale[0] == plain.scale[0]


@pytest.mark.parametrize("bad", [0.0, -2.5])
def test_a_logarithm_that_does_not_exist_names_column_row_and_value(bad: float) -> None:
    rows = table()
    rows[7, 1] = bad
    with pytest.raises(DataError, match=f"'energy' cannot be taken as a logarithm: row 7 is {bad:g}"):
        VectorSpace.fit(rows, COLUMNS)


def test_integers_and_one_column_are_rows_like_any_other(rng: np.random.Generator) -> None:
    rows = rng.integers(0, 50, (100, 1))
    space = transform_of(Data(rows, rows, rows))
    assert space.columns == ("x0",)
    assert space.from_model(space.to_model(rows, rng)) == pytest.approx(rows.astype(float), abs=1e-4)


def test_a_sample_beyond_the_range_of_numbers_is_an_infinity_that_is_told_and_not_a_warning() -> None:
    space = VectorSpace.fit(table(), COLUMNS)
    assert np.isinf(space.from_model(np.full((1, 4), 1e4, np.float32))[0, 1])


@pytest.mark.parametrize("levels", [2, 16, 17, 256, 65_536])
def test_integer_images_come_back_exactly(levels: int, rng: np.random.Generator) -> None:
    images = rng.integers(0, levels, (200, 1, 40, 40))
    space = ImageSpace.fit(images, levels)
    z = space.to_model(images, rng)
    assert z.dtype == np.float32
    assert z.min() >= -1
    assert z.max() < 1
    back = space.from_model(z)
    assert np.array_equal(back, images)
    assert back.dtype == (np.uint8 if levels <= 256 else np.int64)


def test_dequantisation_is_uniform_and_new_each_time(rng: np.random.Generator) -> None:
    images = np.full((100, 1, 10, 10), 5)
    space = ImageSpace.fit(images, 17)
    first, second = space.to_model(images, rng), space.to_model(images, rng)
    assert not np.array_equal(first, second)
    within = (first.astype(float) + 1) * 17 / 2 - 5
    assert stats.kstest(within.ravel(), "uniform").pvalue > 1e-3


def test_samples_outside_the_range_become_its_ends() -> None:
    space = ImageSpace.fit(np.zeros((1, 1, 1, 1)), 17)
    assert space.from_model(np.array([-3.0, -1.0, 0.999, 1.0, 7.0], np.float32)).tolist() == [0, 0, 16, 16, 16]


def test_the_log_determinant_of_images_is_one_number_a_pixel(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (3, 1, 4, 5))
    assert ImageSpace.fit(images, 256).log_det(images) == pytest.approx([20 * math.log(2 / 256)] * 3)


def test_a_uniform_model_costs_the_bits_of_a_level(rng: np.random.Generator) -> None:
    """Uniform on [-1, 1]^d is uniform on the 256 levels: 8 bits per dimension."""
    images = rng.integers(0, 256, (3, 1, 4, 5))
    nats = 20 * math.log(1 / 2) + ImageSpace.fit(images, 256).log_det(images)
    assert -nats / 20 / math.log(2) == pytest.approx([8, 8, 8])


def test_real_images_go_to_minus_1_to_1_and_back(rng: np.random.Generator) -> None:
    images = rng.normal(30, 10, (50, 2, 3, 3))
    space = ImageSpace.fit(images)
    z = space.to_model(images, rng)
    assert (z.min(), z.max()) == (-1, 1)
    assert space.from_model(z) == pytest.approx(images, rel=1e-5, abs=1e-5)
    step = 1e-3
    slope = np.log(np.abs(space.from_model(z.astype(float) + step) - space.from_model(z.astype(float))) / step)
    assert space.log_det(images) == pytest.approx(-slope.reshape(50, -1).sum(1))


def test_blank_images_have_a_scale() -> None:
    images = np.full((5, 1, 2, 2), 3.0)
    space = ImageSpace.fit(images)
    assert np.isfinite(space.log_det(images)).all()
    assert space.from_model(space.to_model(images, np.random.default_rng(0))) == pytest.approx(images)


@pytest.mark.parametrize("levels", [None, 17])
def test_scores_of_images_are_pixels_in_0_to_1(levels: int | None, rng: np.random.Generator) -> None:
    images = rng.integers(0, 17, (200, 1, 3, 4))
    images[0], images[1] = 0, 16
    space = ImageSpace.fit(images, levels)
    scores = space.to_scores(images)
    assert space.name == "pixels"
    assert scores.shape == (200, 12)
    assert len(space.columns) == 12
    assert (scores.min(), scores.max()) == (0, 1)


def test_the_space_follows_from_the_shape_of_the_data() -> None:
    rows, images = np.arange(40.0).reshape(20, 2), np.zeros((20, 1, 2, 2), np.uint8)
    assert isinstance(transform_of(Data(rows, rows, rows)), VectorSpace)
    assert isinstance(transform_of(Data(images, images, images, levels=2)), ImageSpace)


def test_integers_get_noise_of_one_unit_and_are_rounded_back(rng: np.random.Generator) -> None:
    rows = np.stack([rng.poisson(3, 4000), rng.normal(size=4000)], axis=1).astype(float)
    space = VectorSpace.fit(rows, (Column("n", kind="integer"), Column("x")))
    model = space.to_model(rows, rng)
    noise = model[:, 0] * space.scale[0] + space.mean[0] - rows[:, 0]
    assert np.abs(noise).max() <= 0.5 + 1e-6
    assert noise.std() == pytest.approx(12**-0.5, rel=0.05)
    assert np.corrcoef(noise, rows[:, 0])[0, 1] == pytest.approx(0, abs=0.06)
    assert (space.from_model(model)[:, 0] == rows[:, 0]).all()
    np.testing.assert_allclose(model[:, 1], space.standardise(rows)[:, 1], rtol=1e-6)  # others get none
    assert (space.to_scores(rows) == VectorSpace.fit(rows).to_scores(rows)).all()


def test_integers_of_a_period_stay_in_it(rng: np.random.Generator) -> None:
    rows = rng.integers(0, 24, (500, 1)).astype(float)
    space = VectorSpace.fit(rows, (Column("hour", kind="integer", period=24.0),))
    samples = space.from_model(((np.array([[-0.4], [23.4], [23.6], [24.2]]) - space.mean) / space.scale).astype("f4"))
    assert samples.ravel().tolist() == [0, 23, 0, 0]
    assert set(space.from_model(space.to_model(rows, rng)).ravel()) == set(range(24))


def test_declared_integers_must_be_integers(rng: np.random.Generator) -> None:
    with pytest.raises(DataError, match="column 'n' is declared to hold integers: row 0 is"):
        VectorSpace.fit(rng.normal(size=(20, 1)), (Column("n", kind="integer"),))
    with pytest.raises(ValueError, match="kind 'whole', expected continuous, integer, category, angle"):
        Column("n", kind="whole")
    assert Column("phi", kind="angle").period == pytest.approx(2 * np.pi)
    assert Column("phi", kind="angle", period=360.0).period == 360.0


def test_a_category_has_a_column_for_each_level_and_no_density(rng: np.random.Generator) -> None:
    columns = (Column("x"), Column("grade", kind="category", levels=("a", "b", "c")), Column("y"))
    rows = np.stack([rng.normal(size=300), rng.integers(0, 3, 300), rng.normal(size=300)], axis=1)
    space = VectorSpace.fit(rows, columns)
    assert space.shape == (5,)
    assert not space.has_density
    assert VectorSpace.fit(rows, (*columns[:1], Column("n"), Column("y"))).has_density
    model = space.to_model(rows, rng)
    assert model.dtype == np.float32
    assert (model[:, 2:].argmax(1) == rows[:, 1]).all()
    assert (model[:, 2:].sum(1) == 1).all()
    blurred = model + rng.uniform(-0.3, 0.3, model.shape).astype("f4")
    assert (space.from_model(blurred)[:, 1] == rows[:, 1]).all()
    np.testing.assert_allclose(space.from_model(model), rows, atol=1e-6)
    assert space.columns == ("x", "grade=a", "grade=b", "grade=c", "y")
    scores = space.to_scores(rows)
    assert scores.shape == (300, 5)
    other = rows.copy()
    other[:, 1] = (rows[:, 1] + 1) % 3
    assert np.linalg.norm(space.to_scores(other) - scores, axis=1) == pytest.approx(1.0)


def test_a_category_of_one_level_is_constant(rng: np.random.Generator) -> None:
    rows = np.stack([rng.normal(size=50), np.full(50, 1.0)], axis=1)
    space = VectorSpace.fit(rows, (Column("x"), Column("g", kind="category", levels=("a", "b"))))
    assert space.shape == (1,)
    assert space.has_density
    assert (space.from_model(space.to_model(rows, rng))[:, 1] == 1).all()


def test_codes_of_categories_are_checked() -> None:
    for code in (-1.0, 0.5, 2.0):
        rows = np.stack([np.arange(20.0), np.arange(20) % 2], axis=1)
        rows[3, 1] = code
        with pytest.raises(DataError, match="column 'g' is declared to hold codes of its levels: row 3 is"):
            VectorSpace.fit(rows, (Column("x"), Column("g", kind="category", levels=("a", "b"))))
    for levels, kind in (((), "category"), (("a",), "integer")):
        with pytest.raises(ValueError, match="a category has levels, and no other kind has"):
            Column("g", kind=kind, levels=levels)


def test_categories_may_be_codes_of_one_column() -> None:
    columns = (Column("kind", kind="category", levels=("a", "b", "c")), Column("x"), Column("n", kind="integer"))
    rng = np.random.default_rng(0)
    rows = np.stack([rng.integers(0, 3, 200), rng.normal(5, 2, 200), rng.poisson(4, 200)], axis=1).astype(float)
    space = VectorSpace.fit(rows, columns, codes=True)
    assert (space.shape, space.has_density, space.has_codes) == ((3,), True, True)
    assert [(c.name, c.kind) for c in space.model_columns] == [
        ("x", "continuous"),
        ("n", "integer"),
        ("kind", "category"),
    ]
    model_rows = space.to_model(rows, rng)
    assert model_rows[:, 2].tolist() == rows[:, 0].tolist()
    np.testing.assert_allclose(space.from_model(model_rows), rows, atol=1e-5)
    drawn = model_rows.copy()
    drawn[:3, 2] = [-4.0, 1.4, 9.0]
    assert space.from_model(drawn)[:3, 0].tolist() == [0.0, 1.0, 2.0]
    assert space.to_scores(rows).tolist() == VectorSpace.fit(rows, columns).to_scores(rows).tolist()
    one_hot = VectorSpace.fit(rows, columns)
    assert (one_hot.shape, one_hot.has_density, one_hot.has_codes) == ((5,), False, False)
    assert [c.name for c in one_hot.model_columns] == ["x", "n", "kind=a", "kind=b", "kind=c"]
