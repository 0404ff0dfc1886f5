"""HDF5: labels beside arrays, compound datasets, the frames of pandas, and what lies in other files."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from user_files import TABLE, refusal, says

from genbench.files import read

KINDS = ["signal", "background"] * 25


@pytest.mark.parametrize("kind", [KINDS, [k.encode() for k in KINDS], list(range(50))])
@pytest.mark.parametrize("group", ["", "events/"])
def test_labels_lie_beside_the_array_that_is_named(tmp_path, kind, group):
    path = tmp_path / "a.hdf5"
    with h5py.File(path, "w") as file:
        file[f"{group}jets"] = TABLE.to_numpy()
        file[f"{group}labels"] = kind
        file["other/labels"] = np.arange(50)
    expected = kind if isinstance(kind[0], int) else KINDS
    for labels in ("labels", f"{group}labels", f"/{group}labels"):
        found = read(f"{path}:{group}jets", labels=labels)
        assert found.labels.tolist() == expected
        np.testing.assert_array_equal(found.rows, TABLE)
    assert read(f"{path}:{group}jets", labels="other/labels").labels.tolist() == list(range(50))
    assert read(f"{path}:{group}jets", labels="c1").columns == ("c0", "c2")
    says(refusal(read, f"{path}:{group}jets", labels="lables"), "--labels", "no column 'lables'")


def test_labels_beside_the_only_array(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["jets"], file["labels"] = TABLE.to_numpy(), KINDS
    assert read(tmp_path / "a.h5", labels="labels").labels.tolist() == KINDS
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["jets"], file["labels"] = TABLE.to_numpy(), KINDS[:9]
    says(refusal(read, tmp_path / "b.h5", labels="labels"), "(9,)", "50 rows")


def test_a_compound_dataset_is_a_table_of_its_fields(tmp_path):
    kind = np.dtype([("pt", "f4"), ("p", "f8", (3,)), ("name", h5py.string_dtype()), ("code", "S2"), ("n", "i8")])
    rows = np.zeros(50, kind)
    rows["pt"], rows["p"], rows["n"], rows["code"] = TABLE["pt"], TABLE.to_numpy(), np.arange(50), b"ab"
    rows["name"] = KINDS
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["events"] = rows
    found = read(tmp_path / "a.h5", columns="n,p,pt", labels="name")
    assert found.columns == ("n", "p_0", "p_1", "p_2", "pt")
    assert found.labels.tolist() == KINDS
    np.testing.assert_array_equal(found.rows[:, 1:4], TABLE)
    assert read(tmp_path / "a.h5", columns="pt", labels="code").labels.tolist() == ["ab"] * 50
    assert read(tmp_path / "a.h5").categories == {"name": tuple(sorted(set(KINDS))), "code": ("ab",)}


def frame_of_pandas(path, kind, **fields):
    """Write a data frame as PyTables does in the format table: a compound dataset beside attributes."""
    names = [("index", "i8"), *((name, values.dtype, values.shape[1:]) for name, values in fields.items())]
    rows = np.zeros(50, np.dtype(names))
    rows["index"] = np.arange(50)
    for name, values in fields.items():
        rows[name] = values
    with h5py.File(path, "w") as file:
        file["df/table"] = rows
        file["df/_i_table/index/sorted"] = np.zeros((0, 4))
        file["df"].attrs["pandas_type"] = np.bytes_(kind)
        file["df"].attrs["values_cols"] = np.bytes_(b"(lp0\nVvalues_block_0\np1\na.")
    return path


def test_the_format_table_of_pandas_is_read_where_its_columns_are_plain(tmp_path):
    path = frame_of_pandas(tmp_path / "a.h5", "frame_table", **{name: TABLE[name].to_numpy() for name in TABLE})
    for where in (path, f"{path}:df"):
        found = read(str(where))
        assert found.columns == ("pt", "eta", "phi")
        np.testing.assert_array_equal(found.rows, TABLE)
    path = frame_of_pandas(tmp_path / "b.h5", "frame_table", values_block_0=TABLE.to_numpy())
    says(refusal(read, path), "format 'table' of pandas", 'format="fixed"', "to_parquet")


def test_text_and_dates_in_a_frame_of_pandas(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["df/block0_items"] = np.array(["pt", "phi"], dtype="S")
        file["df/block0_values"] = TABLE[["pt", "phi"]].to_numpy()
        file["df/block1_items"] = np.array(["day"], dtype="S")
        file["df/block1_values"] = np.arange(50)[:, None]
        file["df/block1_values"].attrs["value_type"] = "datetime64[ns]"
        file["df/block2_items"] = np.array(["kind"], dtype="S")
        text = file.create_dataset("df/block2_values", (1,), dtype=h5py.vlen_dtype(np.uint8))
        text[0] = np.frombuffer(b"\x80\x04cos\nsystem\n.", np.uint8)
    np.testing.assert_array_equal(read(tmp_path / "a.h5", columns="phi,pt").rows, TABLE[["phi", "pt"]])
    says(refusal(read, tmp_path / "a.h5"), "column 'day'", "date or time", "1970-01-01")
    says(refusal(read, tmp_path / "a.h5", columns="kind"), "'kind' is text that pandas pickled", "never opened")


def test_what_lies_in_other_files_is_not_read(tmp_path):
    secret = TABLE.to_numpy()
    (tmp_path / "secret.bin").write_bytes(secret.tobytes())
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["data"] = secret
    with h5py.File(tmp_path / "external.h5", "w") as file:
        file.create_dataset("data", secret.shape, "f8", external=[(str(tmp_path / "secret.bin"), 0, secret.nbytes)])
    layout = h5py.VirtualLayout(secret.shape, "f8")
    layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "data", secret.shape)
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("data", layout)
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["data"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "data")
    with h5py.File(tmp_path / "group.h5", "w") as file:
        file["inside"] = np.ones(50)
        file["soft"] = h5py.SoftLink("/inside")
        file["all"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/")
    says(refusal(read, tmp_path / "external.h5"), "'/data' has external storage", "never read", "into one file")
    says(refusal(read, tmp_path / "external.h5", columns="data"), "has external storage")
    says(refusal(read, tmp_path / "virtual.h5"), "'/data' is a virtual dataset", "never read")
    says(refusal(read, tmp_path / "link.h5"), "'data' is a link to another file", "never read")
    says(refusal(read, f"{tmp_path / 'group.h5'}:all/data"), "'all' is a link to another file")
    says(refusal(read, f"{tmp_path / 'group.h5'}:soft"), "'soft' is a link to '/inside': name that")
    np.testing.assert_array_equal(read(tmp_path / "group.h5").rows, np.ones((50, 1)))


def test_names_that_do_not_exist(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["events/jets"], file["events/tracks"], file["y"] = np.ones((5, 2)), np.ones((9, 2)), np.zeros(3)
    says(refusal(read, f"{tmp_path / 'a.h5'}:event/jets"), "no array of this name", "did you mean 'events/jets'?")
    says(refusal(read, f"{tmp_path / 'a.h5'}:events"), "2 arrays: jets, tracks", "a.h5:events/jets")
    says(refusal(read, f"{tmp_path / 'a.h5'}:events", columns="jets,tracks"), "jets 5, tracks 9")


def test_units_are_attributes_and_columns_keep_their_order(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w", track_order=True) as file:
        group = file.create_group("events", track_order=True)
        for name, unit in {"pt": "GeV", "eta": "", "mass": b"GeV"}.items():
            group[name] = np.ones(30)
            if unit:
                group[name].attrs["unit" if name == "pt" else "units"] = unit
    found = read(tmp_path / "a.h5")
    assert found.columns == ("pt", "eta", "mass")
    assert found.units == {"pt": "GeV", "mass": "GeV"}
    assert found.layout.key == "events"
