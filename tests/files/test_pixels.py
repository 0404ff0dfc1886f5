"""Arrays of images: whether they are images at all, their grey levels, and one scale for integers and floats."""

import numpy as np
import pytest
from user_files import RNG, refusal, says

from genbench.errors import DataError
from genbench.files import dataset_spec, from_object, read, reconcile
from genbench.files.pixels import names_of_rows, parse_range
from genbench.scoring.samples import score_samples


def saved(tmp_path, values, name="data.npy"):
    path = tmp_path / name
    np.save(path, values)
    return path


@pytest.mark.parametrize("shape", [(30, 3), (3, 30), (7, 2)])
def test_narrow_arrays_are_asked_about(tmp_path, shape):
    path = saved(tmp_path, RNG.random((40, *shape)))
    says(refusal(read, path), f"40 images of {shape[0]}x{shape[1]} pixels, or 40 rows", "--as images or --as rows")
    assert read(path, read_as="images").rows.shape == (40, 1, *shape)
    rows = read(path, read_as="rows")
    np.testing.assert_array_equal(rows.rows, np.load(path).reshape(40, -1))
    assert rows.columns[:2] == ("c0_0", "c0_1")
    assert dataset_spec(path, read_as="rows")[0].data == "vector"


@pytest.mark.parametrize("shape", [(8, 8), (5, 5), (28, 28), (8, 30), (3, 16, 16)])
def test_other_arrays_are_images_unless_the_user_says_rows(tmp_path, shape):
    path = saved(tmp_path, RNG.random((40, *shape)))
    assert read(path).kind == "image"
    assert read(path, read_as="rows").rows.shape == (40, np.prod(shape))


def test_what_is_named_twice_or_wrongly_is_refused(tmp_path):
    says(refusal(read, saved(tmp_path, RNG.random((40, 8, 8))), read_as="lists"), "--as lists", "images or rows")
    table = tmp_path / "table.csv"
    table.write_text("a,b\n" + "1,2\n" * 30)
    says(refusal(read, table, read_as="images"), "--as images: it is a table")


def test_names_of_rows_count_the_last_index_first():
    assert names_of_rows((2, 2)) == ("c0_0", "c0_1", "c1_0", "c1_1")
    assert names_of_rows((3,)) == ("c0", "c1", "c2")


LEVELS = [
    (1, 2, False), (15, 16, False), (200, 256, True), (255, 256, True), (256, 1024, True), (1000, 1024, True),
    (1024, 4096, True), (4000, 4096, True), (4096, 16384, True), (16384, 65536, False), (40000, 65536, False),
]  # fmt: skip


@pytest.mark.parametrize(("highest", "levels", "noted"), LEVELS)
def test_levels_are_those_of_the_fewest_bits(highest, levels, noted):
    values = RNG.integers(0, highest + 1, (40, 8, 8)).astype(np.uint16)
    values[0, 0, 0] = highest
    found = from_object(values, "real")
    assert found.levels == levels
    assert (found.rows[:, 0] == values).all()
    assert any("--range 0,65535" in note for note in found.notes) == noted


def test_a_range_states_the_levels(tmp_path):
    pixels = RNG.integers(0, 1000, (40, 8, 8)).astype(np.uint16)
    pixels[0, 0, :2] = 0, 999
    path = saved(tmp_path, pixels)
    assert read(path, pixel_range="0,65535").levels == 65536
    assert dataset_spec(path, pixel_range="0,4095")[1].pixel_range == "0,4095"
    says(refusal(read, path, pixel_range="0,255"), "--range 0,255", "its pixels are from 0 to 999")
    says(refusal(read, path, pixel_range="-1,1"), "expected 0,HIGH")


@pytest.mark.parametrize("text", ["", "1", "1,0", "a,b", "0,inf", "1,2,3"])
def test_a_range_is_two_numbers(text):
    with pytest.raises(DataError, match="expected LOW,HIGH"):
        parse_range(text)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0)])
def test_floats_beside_integers_are_asked_about_and_then_scaled(low, high):
    levels = RNG.integers(0, 256, (60, 8, 8)).astype(np.uint8)
    floats = low + (high - low) * levels / 255.0
    with pytest.raises(
        DataError, match=r"--fake fake holds floats from .* 256 grey levels: .*--range 0,1 or --range=-1,1"
    ):
        score_samples({"real": levels, "fake": floats}, "energy")
    real, fake = from_object(levels, "real"), from_object(floats, "fake")
    scaled = reconcile({"--real": real, "--fake": fake}, f"{low},{high}")["--fake"]
    np.testing.assert_allclose(scaled.rows[:, 0], levels, atol=1e-9)
    [score] = score_samples({"real": levels, "fake": floats}, "energy", data_options={"pixel_range": f"{low},{high}"})
    [same] = score_samples({"real": levels, "fake": levels.astype(float)}, "energy")
    assert score["value"] == pytest.approx(same["value"], abs=1e-9)


def test_floats_in_units_of_levels_and_images_of_few_levels_stay():
    levels = RNG.integers(0, 256, (40, 8, 8)).astype(np.uint8)
    grey, binary = from_object(levels, "real"), from_object((levels > 127).astype(np.uint8), "real")
    for real, fake in ((grey, levels + 0.25), (binary, levels / 255.0)):
        files = {"--real": real, "--fake": from_object(fake, "fake")}
        assert reconcile(files, "") == files
