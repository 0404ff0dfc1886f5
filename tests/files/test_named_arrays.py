"""Arrays of one file joined into a table, in npz and HDF5 alike."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from user_files import RNG, TABLE, refusal, says

from genbench.files import dataset_spec, read
from genbench.files.named_arrays import Header, asks_for_arrays, default_name, is_table

COLUMNS = {name: TABLE[name].to_numpy() for name in TABLE}
JETS = RNG.normal(size=(50, 4))


def saved(folder, ending, group="", **values):
    """Save arrays as npz, or in a group of an HDF5 file."""
    path = folder / f"a{ending}"
    if ending == ".npz":
        np.savez(path, **values)
    else:
        with h5py.File(path, "w") as file:
            for name, array in values.items():
                file[f"{group}{name}"] = array
    return path


@pytest.mark.parametrize("ending", [".npz", ".h5"])
@pytest.mark.parametrize("columns", ["pt,eta,phi", "phi,pt", "p*", "1,0", "-eta", None])
def test_columns_that_are_arrays_of_their_own_are_joined(tmp_path, ending, columns):
    path = saved(tmp_path, ending, **COLUMNS)
    order = sorted(COLUMNS) if ending == ".h5" else list(COLUMNS)
    expected = {
        "pt,eta,phi": ["pt", "eta", "phi"],
        "phi,pt": ["phi", "pt"],
        "p*": [name for name in order if name[0] == "p"],
        "1,0": [order[1], order[0]],
        "-eta": [name for name in order if name != "eta"],
        None: order,
    }[columns]
    found = read(path, columns=columns)
    assert list(found.columns) == expected
    assert found.named
    np.testing.assert_array_equal(found.rows, TABLE[expected])


def test_columns_in_a_group_lose_its_name(tmp_path):
    path = saved(tmp_path, ".h5", "events/", **COLUMNS)
    for where, columns in [
        (path, "pt,eta,phi"),
        (path, "events/pt,events/eta,/events/phi"),
        (path, None),
        (f"{path}:events", "pt,eta,phi"),
        (f"{path}:/events/", None),
    ]:
        found = read(str(where), columns=columns)
        assert sorted(found.columns) == ["eta", "phi", "pt"]
        np.testing.assert_array_equal(found.rows, TABLE[list(found.columns)])
    with h5py.File(path, "a") as file:
        file["truth/pt"] = COLUMNS["pt"] + 1
        file["truth/m"] = COLUMNS["pt"] + 2
    found = read(path, columns="events/pt,truth/pt,m,eta")
    assert found.columns == ("events/pt", "truth/pt", "truth/m", "events/eta")
    np.testing.assert_array_equal(found.rows[:, 2], COLUMNS["pt"] + 2)
    assert read(f"{path}:truth").columns == ("m", "pt")
    says(refusal(read, path, columns="pt,eta"), "'pt' is in several groups", "events/pt, truth/pt")


@pytest.mark.parametrize("ending", [".npz", ".h5"])
def test_arrays_of_two_dimensions_give_a_column_each(tmp_path, ending):
    path = saved(tmp_path, ending, pt=COLUMNS["pt"], jets=JETS)
    found = read(path, columns="pt,jets")
    assert found.columns == ("pt", "jets_0", "jets_1", "jets_2", "jets_3")
    np.testing.assert_array_equal(found.rows[:, 1:], JETS)
    found = read(path, columns="jets_2,pt")
    assert found.columns == ("jets_2", "pt")
    np.testing.assert_array_equal(found.rows[:, 0], JETS[:, 2])
    assert read(path, columns="jets,-jets_0").columns == ("jets_1", "jets_2", "jets_3")
    says(refusal(read, path), "2 arrays", "--columns")


@pytest.mark.parametrize("ending", [".npz", ".h5"])
def test_what_nobody_asked_for_does_no_harm(tmp_path, ending):
    others = {"run": np.array(7), "images": np.zeros((50, 8, 8)), "short": np.zeros(3), "names": np.array([b"x"] * 9)}
    path = saved(tmp_path, ending, **COLUMNS, **others)
    np.testing.assert_array_equal(read(path, columns="pt,phi").rows, TABLE[["pt", "phi"]])
    says(refusal(read, path, columns="pt,images"), "'images' has the shape (50, 8, 8)", "expected (n,) or (n, k)")
    says(refusal(read, path, columns="pt,run"), "'run' has the shape ()")
    says(refusal(read, path, columns="pt,short"), "different lengths: pt 50, short 3")
    says(refusal(read, path, columns="pt,etta"), "no column 'etta', did you mean 'eta'?")
    says(refusal(read, path), "7 arrays" if ending == ".npz" else "arrays")


def test_pickles_beside_the_columns_are_not_opened(tmp_path):
    opened = []

    class Evil:
        def __reduce__(self):
            return opened.append, (1,)

    np.savez(tmp_path / "a.npz", **COLUMNS, evil=np.array([Evil()] * 50, dtype=object))
    opened.clear()
    np.testing.assert_array_equal(read(tmp_path / "a.npz", columns="eta").rows[:, 0], COLUMNS["eta"])
    found = read(tmp_path / "a.npz")
    assert found.columns == ("pt", "eta", "phi")
    says(" ".join(found.notes), "left out", "evil")
    says(refusal(read, tmp_path / "a.npz", columns="pt,evil"), "'evil' holds Python objects", "never opened")
    assert opened == []


@pytest.mark.parametrize("ending", [".npz", ".h5"])
@pytest.mark.parametrize("kind", [["signal", "background"] * 25, list(range(50))])
def test_labels_are_an_array_like_the_others(tmp_path, ending, kind):
    values = np.array(kind, dtype="S" if isinstance(kind[0], str) else "i8")
    path = saved(tmp_path, ending, **COLUMNS, kind=values, number=np.zeros((50, 2)))
    found = read(path, columns="pt,eta", labels="kind")
    assert found.columns == ("pt", "eta")
    assert found.labels.tolist() == kind
    path = saved(tmp_path, ending, **COLUMNS, kind=values)
    found = read(path, labels="kind")
    assert sorted(found.columns) == ["eta", "phi", "pt"]
    assert found.labels.tolist() == kind
    path = saved(tmp_path, ending, **COLUMNS, kind=values[:9])
    says(refusal(read, path, columns="pt", labels="kind"), "different lengths: pt 50, kind 9")
    says(refusal(read, path, columns="pt", labels="pt"), "no column is left besides that of --labels")


def test_a_default_array_stands_before_columns_unless_arrays_are_named(tmp_path):
    values = TABLE.to_numpy()
    np.savez(tmp_path / "a.npz", data=values, columns=np.array(list(TABLE)), weight=np.ones(50), mass=np.zeros(50))
    np.testing.assert_array_equal(read(tmp_path / "a.npz", columns="pt,phi").rows, values[:, [0, 2]])
    assert read(tmp_path / "a.npz", columns="weight,mass").columns == ("weight", "mass")
    assert read(tmp_path / "a.npz", columns="data").columns == ("data_0", "data_1", "data_2")


def test_joined_columns_are_a_dataset_that_loads_again(tmp_path):
    from genbench.budget import Sizes
    from genbench.files import FileDataset

    path = saved(tmp_path, ".h5", "events/", **COLUMNS)
    _, config = dataset_spec(path, columns="phi,pt", periodic="phi")
    assert [c.name for c in FileDataset(config).load(Sizes(), np.random.default_rng(0)).columns] == ["phi", "pt"]


def test_a_joined_table_that_is_too_large_is_not_loaded(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in "xy":
            file.create_dataset(name, shape=(10**9,), dtype="f4", chunks=(100,))
    says(refusal(read, tmp_path / "a.h5", columns="x,y"), "1000000000 rows of 2 columns take", "--max-bytes")


@pytest.mark.parametrize("ending", [".npz", ".h5"])
def test_an_empty_file_has_no_columns(tmp_path, ending):
    for columns in (None, "pt"):
        says(refusal(read, saved(tmp_path, ending), columns=columns), "holds no arrays")


def test_the_rules():
    assert [default_name(n) for n in (["x", "samples", "data"], ["x"], ["x", "y"])] == ["data", "x", None]
    assert asks_for_arrays(["x"], ["x", "y"])
    assert asks_for_arrays(["g/x", "y"], ["data", "g/x", "h/y"])
    assert not asks_for_arrays(["c0"], ["data", "x"])
    assert not asks_for_arrays([], ["x", "y"])
    columns = {"x": Header((5,)), "y": Header((5,)), "n": Header(())}
    assert is_table(columns)
    assert not is_table(columns | {"z": Header((4,))})
    assert not is_table(columns | {"z": Header((5, 2))})
    assert not is_table({"x": Header((5,), "holds objects")})
