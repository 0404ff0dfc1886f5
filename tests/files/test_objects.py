"""Objects in memory are read like files of the same content, and are stored as the files that they equal."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from user_files import refusal, says

from genbench.files import hold, read

RNG = np.random.default_rng(0)
N = 60
TABLE = pd.DataFrame({
    "pt": RNG.lognormal(3, 1, N),
    "njet": RNG.poisson(3, N),
    "size": pd.Categorical(RNG.choice(["small", "large", "huge"], N), categories=["small", "large", "huge"]),
    "tagged": RNG.random(N) > 0.5,
    "process": RNG.choice(["signal", "background"], N),
})  # fmt: skip
PLAIN = TABLE.drop(columns=["size"])  # which every library keeps
ROWS = RNG.normal(size=(N, 3))
IMAGES = RNG.integers(0, 256, (N, 8, 8, 3), dtype=np.uint8)


class Stream:
    """A frame of another library, which speaks the C interface of Arrow."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


class Older(SimpleNamespace):
    """A frame of another library, which can be made a table of Arrow."""

    def to_arrow(self):
        return self.table


def hugging(table, features=None, images=None):
    """Return what looks like a ``datasets.Dataset``: the module of its class is all that is asked."""

    class Dataset:
        def __init__(self, chosen=None):
            self.features = features or {name: SimpleNamespace() for name in table.column_names}
            self.kind, self.chosen = None, chosen

        def __len__(self):
            return len(table)

        def with_format(self, kind):
            self.kind = kind
            return self

        def select_columns(self, names):
            return Dataset(names)

        def __getitem__(self, rows):
            if self.kind == "arrow":
                return table
            return {n: images if n == "image" else table.column(n).to_numpy() for n in self.chosen}

    Dataset.__module__ = "datasets.arrow_dataset"
    return Dataset()


def equal(found, expected):
    np.testing.assert_array_equal(found.rows, expected.rows)
    for name in ("columns", "named", "levels", "categories", "notes", "sha256"):
        assert getattr(found, name) == getattr(expected, name), name
    if expected.labels is None:
        assert found.labels is None
    else:
        np.testing.assert_array_equal(found.labels, expected.labels)


def plain_table(frame=PLAIN):
    return pa.Table.from_pandas(frame, preserve_index=False)


TABLES = {
    "pandas": lambda: PLAIN,
    "arrow": plain_table,
    "a table of several chunks": lambda: pa.concat_tables([plain_table(PLAIN[:20]), plain_table(PLAIN[20:])]),
    "a batch": lambda: plain_table().combine_chunks().to_batches()[0],
    "arrow stream": lambda: Stream(plain_table()),
    "to_arrow": lambda: Older(table=plain_table()),
    "mapping": lambda: {name: PLAIN[name].to_numpy() for name in PLAIN},
    "lists": lambda: {name: PLAIN[name].tolist() for name in PLAIN},
    "structured": lambda: PLAIN.astype({"process": object}).to_records(index=False).astype(
        [("pt", "f8"), ("njet", "i8"), ("tagged", "?"), ("process", "U10")]
    ),
    "dataset": lambda: hugging(plain_table()),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("options", [{}, {"columns": "-njet"}, {"labels": "process"}, {"columns": "pt,n*"}])
def test_tables_are_read_like_a_file_of_the_same_columns(tmp_path, name, options):
    PLAIN.to_parquet(tmp_path / "a.parquet")
    held = hold(TABLES[name](), "mine")
    found, of_file = read(held, **options), read(tmp_path / "a.parquet", **options)
    np.testing.assert_array_equal(found.rows, of_file.rows)
    assert (found.columns, found.categories, found.notes) == (of_file.columns, of_file.categories, of_file.notes)
    if of_file.labels is not None:
        np.testing.assert_array_equal(found.labels, of_file.labels)
    path = held.save(tmp_path / "stored")
    equal(read(path, **options), found)
    assert path.name.startswith(found.sha256[:32])
    assert held.sha256 == hold(PLAIN, "other").sha256  # the same content, whatever holds it


def test_what_is_stored_once_is_not_written_again(tmp_path):
    path = hold(PLAIN, "a").save(tmp_path)
    before = path.stat().st_mtime_ns
    assert hold(plain_table(), "b").save(tmp_path) == path
    assert path.stat().st_mtime_ns == before
    assert list(tmp_path.iterdir()) == [path]


def test_categories_keep_the_order_of_pandas(tmp_path):
    found = read(hold(TABLE, "mine"))
    assert found.categories["size"] == ("small", "large", "huge")
    for name in ("a.parquet", "a.feather"):
        (TABLE.to_parquet if "parquet" in name else TABLE.to_feather)(tmp_path / name)
        of_file = read(tmp_path / name)
        np.testing.assert_array_equal(of_file.rows, found.rows)
        assert of_file.categories == found.categories
    few = read(hold(TABLE[TABLE["size"] != "large"], "mine"))
    assert few.categories["size"] == ("small", "huge")  # no level that no row has
    numbers = pd.DataFrame({"x": ROWS[:, 0], "n": pd.Categorical(TABLE.njet)})
    assert read(hold(numbers, "mine")).categories["n"] == tuple(map(str, sorted(TABLE.njet.unique())))
    numbers.loc[3, "n"] = None
    numbers.to_parquet(tmp_path / "numbers.parquet")
    found, of_file = (read(each, na="drop") for each in (hold(numbers, "mine"), tmp_path / "numbers.parquet"))
    np.testing.assert_array_equal(of_file.rows, found.rows)
    assert of_file.categories == found.categories
    bins = read(hold(pd.DataFrame({"bin": pd.cut(TABLE.pt, [0, 10, 100, 1000])}), "mine"))
    assert bins.categories["bin"][:2] == ("(0, 10]", "(10, 100]")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (ROWS, ROWS),
        (np.asfortranarray(ROWS), ROWS),
        (ROWS.astype(">f8"), ROWS),
        (ROWS.astype(object), ROWS),
        (ROWS.tolist(), ROWS),
        (ROWS[:, 0], ROWS[:, :1]),
        (IMAGES, IMAGES.transpose(0, 3, 1, 2)),
        (IMAGES[..., 0], IMAGES[:, None, :, :, 0]),
    ],
)
def test_arrays_are_read_like_npy(tmp_path, value, expected):
    held = hold(value, "mine")
    found = read(held)
    np.testing.assert_array_equal(found.rows, expected)
    equal(read(held.save(tmp_path)), found)
    assert not found.named


def test_tensors_are_arrays():
    import torch

    np.testing.assert_array_equal(read(hold(torch.from_numpy(ROWS), "mine")).rows, ROWS)
    half = torch.from_numpy(ROWS).bfloat16()
    np.testing.assert_array_equal(read(hold(half, "mine")).rows, half.double().numpy())


def test_masked_numbers_are_missing():
    masked = np.ma.masked_greater(ROWS, 1.5)
    says(refusal(read, hold(masked, "mine")), f"{int(masked.mask.sum())} missing (NaN)")
    rows = np.ma.array(np.zeros(N, dtype=[("a", "f8"), ("b", "i4")]))
    rows["b"][3] = np.ma.masked
    says(refusal(read, hold(rows, "mine")), "1 missing", "'b' 1", "first at row 4")


def test_series_are_one_column():
    found = read(hold(TABLE.pt, "mine"))
    assert (found.columns, len(found.rows)) == (("pt",), N)


def test_a_dataset_of_images_keeps_its_labels(tmp_path):
    features = {"image": type("Image", (), {})(), "label": type("ClassLabel", (), {"names": ["a", "b"]})()}
    table = pa.table({"label": np.arange(N) % 2})
    held = hold(hugging(table, features, IMAGES), "mine")
    found = read(held, labels="label")
    np.testing.assert_array_equal(found.rows, IMAGES.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(found.labels, np.arange(N) % 2)
    equal(read(held.save(tmp_path), labels="label"), found)
    says(refusal(read, held, labels="lable"), "--labels: no column 'lable', did you mean 'label'")


def test_class_labels_are_categories():
    features = {"x": SimpleNamespace(), "y": type("ClassLabel", (), {"names": ["dog", "cat"]})()}
    table = pa.table({"x": ROWS[:, 0], "y": np.arange(N) % 2})
    found = read(hold(hugging(table, features), "mine"))
    assert found.categories == {"y": ("dog", "cat")}
    np.testing.assert_array_equal(found.rows[:, 1], np.arange(N) % 2)


def with_column(values):
    return pd.DataFrame({"x": ROWS[:, 0], "y": values})


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (with_column([1, "a"] * 30), ["column 'y', row 2: expected a number, got 'a'"]),
        (with_column([1j] * N), ["column 'y' is complex"]),
        (with_column(pd.date_range("2020", periods=N)), ["column 'y', row 1", "date or time"]),
        (with_column(pd.period_range("2020", periods=N)), ["column 'y', row 1", "date or time"]),
        (with_column([[1, 2]] * N), ["column 'y' holds 'list"]),
        (with_column(2**53 + np.arange(N)), ["column 'y', row 2: the integer 9007199254740993 is above 2^53"]),
        (with_column(pd.array([None, *range(N - 1)], dtype="Int64")), ["1 missing", "'y' 1", "--na drop"]),
        (with_column(None), ["column 'y' holds nothing in all 60 rows: leave out with --columns=-y"]),
        (pd.concat([PLAIN[["pt"]]] * 2, axis=1), ["column names occur more than once: pt"]),
        (PLAIN[:0], ["no rows"]),
        ({"a": [1, 2], "b": [1]}, ["different lengths: a 2, b 1"]),
        ({"a": ROWS}, ["column 'a' has the shape (60, 3), expected (n,)"]),
        ({}, ["has no columns"]),
        (None, ["is 'None' of type NoneType, expected an array"]),
        ([[1, 2], [3]], ["cannot be taken as an array"]),
        (SimpleNamespace(toarray=None), ["is a sparse", "toarray()"]),
        (np.array([[{}]], dtype=object), ["column 'c0', row 1"]),
    ],
)
def test_what_no_file_could_hold_is_refused(value, parts):
    says(refusal(lambda: read(hold(value, "mine"))), "mine: ", *parts)


def test_splits_streams_and_plans_are_refused():
    splits = type("DatasetDict", (dict,), {"__module__": "datasets.dataset_dict"})(train=1, test=2)
    says(refusal(hold, splits, "mine"), "holds the splits train, test", "data['train']")
    stream = type("IterableDataset", (), {"__module__": "datasets.iterable_dataset"})()
    says(refusal(hold, stream, "mine"), "without streaming")
    lazy = type("LazyFrame", (), {"collect": None, "collect_schema": None})()
    says(refusal(hold, lazy, "mine"), "collect()")


def test_nothing_foreign_is_imported():
    before = {"polars", "datasets"} & set(sys.modules)
    hold(PLAIN, "mine")
    assert {"polars", "datasets"} & set(sys.modules) == before


def test_polars_itself():
    polars = pytest.importorskip("polars")
    frame = polars.from_pandas(TABLE)
    found, expected = read(hold(frame, "mine")), read(hold(TABLE, "mine"))
    assert found.columns == expected.columns
    for name in ("pt", "njet", "tagged", "process"):
        i = found.columns.index(name)
        np.testing.assert_array_equal(found.rows[:, i], expected.rows[:, i])


def test_datasets_itself(tmp_path):
    datasets = pytest.importorskip("datasets")
    whole = datasets.Dataset.from_pandas(PLAIN)
    equal(read(hold(whole, "mine")), read(hold(PLAIN, "mine")))
    equal(read(hold(whole.select(range(30, 60)), "mine")), read(hold(PLAIN[30:].reset_index(drop=True), "mine")))
