"""A file as a dataset."""

from __future__ import annotations

import math
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from user_files import RNG, TABLE, refusal, rows_of_text, save_images, saved_csv, says, write

from genbench.budget import Sizes
from genbench.errors import DataError
from genbench.files import FileConfig, FileDataset, dataset_spec, open_data


def test_a_file_is_a_dataset(tmp_path):
    from genbench.data import copies_between
    from genbench.protocol import Dataset

    table = TABLE.assign(mass=np.exp(TABLE.pt), kind=["b", "a"] * 25)
    table = pd.concat([table, table[:5]])
    table.to_csv(tmp_path / "my events (1).csv", index=False)
    spec, config = dataset_spec(
        tmp_path / "my events (1).csv", columns="-eta", labels="kind", log="mass", periodic="phi=360"
    )
    assert (spec.name, spec.data, spec.rows) == ("my_events_1_.csv", "vector", 55)
    assert spec.target == "genbench.files:FileDataset"
    dataset = FileDataset(config)
    assert isinstance(dataset, Dataset)
    data = dataset.load(Sizes(), np.random.default_rng(1))
    assert [c.name for c in data.columns] == ["pt", "phi", "mass"]
    assert [c.log for c in data.columns] == [False, False, True]
    assert [c.period for c in data.columns] == [None, 360, None]
    rows = np.concatenate([data.train, data.test, data.reference])
    assert len(rows) - len(np.unique(rows, axis=0)) == pytest.approx(5, abs=2)
    assert copies_between([data.train, data.test, data.reference]) == 0
    says(" ".join(data.notes), "5 of 55 rows", "repeat another")
    kinds = dict(zip(TABLE.pt, table.kind, strict=False))
    for name in ("train", "test", "reference"):
        part = getattr(data, name)
        assert [["a", "b"][code] for code in data.labels[name]] == [kinds[pt] for pt in part[:, 0]]
    again = dataset.load(Sizes(), np.random.default_rng(1))
    np.testing.assert_array_equal(again.train, data.train)


def test_images_are_a_dataset(tmp_path):
    save_images(tmp_path / "a" / "x", n=20)
    save_images(tmp_path / "a" / "y", n=10)
    spec, config = dataset_spec(tmp_path / "a")
    assert (spec.data, spec.rows) == ("image", 30)
    data = FileDataset(config).load(Sizes(), np.random.default_rng(0))
    assert data.shape == (1, 6, 8)
    assert data.levels == 256
    assert set(data.labels["train"]) <= {0, 1}


def folder_of_splits(folder, **parts):
    """Save images of one value each, so that each row tells where it lay, and return the values of each part."""
    values = iter(range(256))
    found = {}
    for name, n in parts.items():
        (folder / name).mkdir(parents=True)
        found[name] = [next(values) for _ in range(n)]
        for value in found[name]:
            Image.new("L", (4, 4), value).save(folder / name / f"{value:03}.png")
    return found


def values_of(data):
    return [set(getattr(data, name)[:, 0, 0, 0].tolist()) for name in ("train", "test", "reference")]


@pytest.mark.parametrize(("wanted", "found"), [(10_000, (30, 10, 10)), (8, (8, 8, 8)), (15, (15, 10, 10))])
def test_the_splits_of_a_folder_are_kept(tmp_path, wanted, found):
    values = folder_of_splits(tmp_path / "a", train=30, test=20, val=10)
    notes = []
    spec, config = dataset_spec(tmp_path / "a", notes=notes)
    assert (spec.rows, spec.labels) == (50, False)
    says(" ".join(notes), "train/ (30 images)", "test/ (20 images)", "val/ (10 images) was left out")
    data = FileDataset(config).load(Sizes(wanted, wanted, wanted), np.random.default_rng(0))
    train, test, reference = values_of(data)
    assert tuple(map(len, (train, test, reference))) == found
    assert train <= set(values["train"])
    assert (test | reference) <= set(values["test"])
    assert not test & reference
    assert data.labels is None
    again = FileDataset(config).load(Sizes(wanted, wanted, wanted), np.random.default_rng(0))
    np.testing.assert_array_equal(again.test, data.test)


def test_labels_below_the_splits_of_a_folder(tmp_path):
    values = folder_of_splits(tmp_path / "a", **{f"{part}/{kind}": 12 for part in ("train", "test") for kind in "xy"})
    spec, config = dataset_spec(tmp_path / "a")
    assert spec.labels
    data = FileDataset(config).load(Sizes(), np.random.default_rng(0))
    for name, part in (("train", "train"), ("test", "test"), ("reference", "test")):
        rows, labels = getattr(data, name)[:, 0, 0, 0].tolist(), data.labels[name].tolist()
        assert {0, 1} == set(labels)
        assert all(row in values[f"{part}/{'xy'[label]}"] for row, label in zip(rows, labels, strict=True))


def test_copies_between_the_splits_of_a_folder_stay_and_are_noted(tmp_path):
    for part, seed in (("train", 1), ("test", 2)):
        rng = np.random.default_rng(seed)
        (tmp_path / part).mkdir()
        for i in range(30):
            Image.fromarray(rng.integers(0, 256, size=(6, 8), dtype=np.uint8)).save(tmp_path / part / f"{i:02}.png")
    for i in range(3):
        shutil.copy(tmp_path / "train" / f"{i:02}.png", tmp_path / "test" / f"copy{i}.png")
    notes = []
    _, config = dataset_spec(tmp_path, notes=notes)
    says(
        " ".join(notes),
        "3 of 63 rows repeat another",
        "3 of 33 images of the test split (9.1 %) are copies of training images",
    )
    data = FileDataset(config).load(Sizes(), np.random.default_rng(0))
    assert [len(rows) for rows in (data.train, data.test, data.reference)] == [30, 16, 16]


@pytest.mark.parametrize(
    ("train", "test", "words"),
    [(13, 30, "13 images are too few for the train split: at least 14"), (30, 5, "5 images are too few for the test")],
)
def test_splits_of_a_folder_that_are_too_small(tmp_path, train, test, words):
    folder_of_splits(tmp_path / "a", train=train, test=test)
    says(refusal(dataset_spec, tmp_path / "a"), words)


def test_the_default_period_is_a_full_circle(tmp_path):
    saved_csv(tmp_path / "a.csv")
    _, config = dataset_spec(tmp_path / "a.csv", periodic="phi")
    data = FileDataset(config).load(Sizes(), np.random.default_rng(0))
    assert data.columns[2].period == pytest.approx(2 * math.pi)
    for wrong in ("phi=0", "phi=-1", "phi=x", "phi=nan"):
        says(refusal(dataset_spec, tmp_path / "a.csv", periodic=wrong), f"--periodic {wrong}")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.csv", "a.csv"),
        ("-_x.csv", "x.csv"),
        ("é.csv", "data.csv"),
        ("a b.c.csv", "a_b.c.csv"),
        (f"{'a' * 90}.csv", "a" * 60 + ".csv"),
    ],
)
def test_names_of_datasets_are_safe(tmp_path, name, expected):
    assert dataset_spec(write(tmp_path, rows_of_text(), name))[0].name == expected


@pytest.mark.parametrize(
    ("text", "options", "parts"),
    [
        ("a,b\n1,2\n", {}, ["1 row is too few", "at least 20"]),
        ("a,b\n" + rows_of_text(19), {}, ["19 rows are too few"]),
        ("a,b\n" + "1,2\n" * 100, {}, ["only 1 of 100 rows are distinct", "nothing to model"]),
        ("a,b\n" + rows_of_text(), {"log": "a"}, ["--log 'a'", "row 1 is 0", "above 0", "1 of 30"]),
        ("a,b\n" + rows_of_text(), {"log": "c"}, ["--log", "no column 'c'"]),
        ("a,b\n" + rows_of_text(), {"periodic": "c"}, ["--periodic", "no column 'c'"]),
        ("a,b\n1,1e39\n" + rows_of_text(), {}, ["column 'b'", "row 1", "1e+39", "float32", "--log"]),
        ("a,b\n1,-1e39\n" + rows_of_text(), {}, ["row 1", "-1e+39"]),
        ("a,b\n1,1\n" + rows_of_text(), {"log": "b", "periodic": "b"}, ["both --log and --periodic"]),
        ("a,b\n1,1\n" + rows_of_text(), {"na": "fill"}, ["--na"]),
    ],
)
def test_data_that_cannot_be_modelled(tmp_path, text, options, parts):
    says(refusal(dataset_spec, write(tmp_path, text), **options), *parts)


def test_large_values_may_be_taken_as_logarithms(tmp_path):
    text = "a,b\n" + "".join(f"{i},1e{200 + i}\n" for i in range(30))
    assert dataset_spec(write(tmp_path, text), log="b")[0].rows == 30


def test_what_is_odd_is_noted(tmp_path):
    text = "a,b,c\n" + "".join(f"{i},3,{i}\n" for i in range(30))
    data = FileDataset(FileConfig(str(write(tmp_path, text)), periodic=("c",))).load(Sizes(), np.random.default_rng(0))
    says(
        " ".join(data.notes),
        "column 'b' is constant, and is set aside",
        "column 'c' spans 29, more than its period 6.28",
    )


def test_units_in_the_file_are_those_of_the_columns(tmp_path):
    text = "a,b,c\nGeV,,rad\n" + "".join(f"{i},{i * i},{i}\n" for i in range(30))
    data = FileDataset(FileConfig(str(write(tmp_path, text)))).load(Sizes(), np.random.default_rng(0))
    assert [(c.name, c.unit) for c in data.columns] == [("a", "GeV"), ("b", ""), ("c", "rad")]


def test_a_file_that_changed_after_planning_is_refused(tmp_path):
    path = write(tmp_path, rows_of_text())
    _, config = dataset_spec(path)
    write(tmp_path, rows_of_text(31))
    with pytest.raises(DataError, match="has changed since the run was planned"):
        FileDataset(config).load(Sizes(), np.random.default_rng(0))


def test_the_config_checks_itself():
    assert FileConfig("a.csv", columns="a,b", log=["c"]).columns == ("a", "b")
    for options, words in (({"na": "fill"}, "na must be"), ({"max_bytes": 0}, "max_bytes must be in")):
        with pytest.raises(ValueError, match=words):
            FileConfig("a.csv", **options)


def typed_table(tmp_path):
    rows = "".join(f"{i % 7},{i * 0.5},{i % 5 - 2}.0,{i / 10},5\n" for i in range(40))
    return write(tmp_path, "njet,x,charge,phi,flat\n" + rows)


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({}, {"njet": "integer", "charge": "integer"}),
        ({"kinds": "njet=continuous"}, {"charge": "integer"}),
        ({"log": "njet", "columns": "njet,x,phi"}, None),
        ({"kinds": "phi=angle,0=integer"}, {"njet": "integer", "charge": "integer", "phi": "angle"}),
    ],
)
def test_kinds_of_columns_are_found_unless_stated(tmp_path, options, kinds):
    if kinds is None:
        says(refusal(dataset_spec, typed_table(tmp_path), **options), "--log 'njet'")  # it holds a 0
        return
    notes = []
    _, config = dataset_spec(typed_table(tmp_path), notes=notes, **options)
    columns = FileDataset(config).load(Sizes(), np.random.default_rng(0)).columns
    assert {c.name: c.kind for c in columns if c.kind != "continuous"} == {
        n: k for n, k in kinds.items() if k != "angle"
    }
    assert {c.name for c in columns if c.period} == {n for n, k in kinds.items() if k == "angle"}
    opened = open_data(typed_table(tmp_path), **options)
    described = {each["column"]: each for each in opened.describe(Sizes())["columns"]}
    assert described["flat"]["kind"] == "constant"
    assert described["njet"]["kind"] == kinds.get("njet", "continuous")
    assert (described["njet"]["low"], described["njet"]["high"]) == (0, 6)
    guessed = any("hold integers: samples are rounded" in note or "holds integers" in note for note in notes)
    assert guessed
    says(" ".join(notes), "=continuous where that is wrong")


def test_units_of_the_user_win(tmp_path):
    _, config = dataset_spec(typed_table(tmp_path), units="x=GeV,phi=rad")
    columns = FileDataset(config).load(Sizes(), np.random.default_rng(0)).columns
    assert [c.unit for c in columns] == ["", "GeV", "", "rad", ""]


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"kinds": "x=integer"}, ["--kinds 'x': row 2 is 0.5, expected integers"]),
        ({"kinds": "njet"}, ["--kinds njet: expected COLUMN=VALUE"]),
        ({"kinds": "njet=whole"}, ["--kinds njet=whole: expected continuous, integer, category, angle"]),
        ({"kinds": "nejt=integer"}, ["--kinds", "nejt", "njet"]),
        ({"units": "x"}, ["--units x: expected COLUMN=VALUE"]),
        ({"kinds": "njet=integer", "log": "njet", "columns": "njet,x"}, ["--log"]),
    ],
)
def test_kinds_that_do_not_fit_are_refused(tmp_path, options, parts):
    says(refusal(dataset_spec, typed_table(tmp_path), **options), *parts)


def mixed_table(tmp_path, name="data.csv", island="Biscoe,Dream,Torgersen", gap=""):
    islands = island.split(",")
    rows = "".join(f"{islands[i % len(islands)]},{i * 0.7},{'yes' if i % 4 else 'no'},{i % 6 + 1}\n" for i in range(60))
    return write(tmp_path, "island,mass,ringed,eggs\n" + rows + gap, name)


def test_text_that_repeats_is_a_category(tmp_path):
    _, config = dataset_spec(mixed_table(tmp_path))
    data = FileDataset(config).load(Sizes(), np.random.default_rng(0))
    assert [c.kind for c in data.columns] == ["category", "continuous", "category", "integer"]
    assert data.columns[0].levels == ("Biscoe", "Dream", "Torgersen")
    assert set(data.train[:, 0]) == {0, 1, 2}
    assert (
        open_data(mixed_table(tmp_path)).describe(Sizes())["columns"][0]["kind"]
        == "category of 3: Biscoe, Dream, Torgersen"
    )
    _, stated = dataset_spec(mixed_table(tmp_path), kinds="eggs=category")
    columns = FileDataset(stated).load(Sizes(), np.random.default_rng(0)).columns
    assert columns[3].levels == ("1", "2", "3", "4", "5", "6")


def test_missing_categories_are_missing_values(tmp_path):
    path = mixed_table(tmp_path, gap=",3.5,yes,2\nDream,4.5,,1\n")
    says(refusal(dataset_spec, path), "2 missing", "'island' 1", "'ringed' 1")
    assert dataset_spec(path, na="drop")[0].rows == 60


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"kinds": "island=continuous"}, ["--kinds 'island': it holds text, expected category"]),
        ({"kinds": "mass=category"}, ["--kinds 'mass': 60 different values, a category has 50 at most"]),
        ({"log": "island"}, ["column 'island' holds categories: leave it out of --log"]),
        ({"periodic": "ringed"}, ["column 'ringed' holds categories"]),
    ],
)
def test_categories_are_no_numbers(tmp_path, options, parts):
    says(refusal(dataset_spec, mixed_table(tmp_path), **options), *parts)


def test_categories_are_scored_by_their_names(tmp_path):
    from genbench.scoring.samples import score_samples

    real = mixed_table(tmp_path)
    shares = {}
    for name, island in (("same", "Torgersen,Dream,Biscoe"), ("other", "Biscoe,Biscoe,Atlantis")):
        fake = mixed_table(tmp_path, f"{name}.csv", island)
        [found] = score_samples({"real": real, "fake": fake}, "energy")
        shares[name] = found["value"]
    assert shares["same"] == pytest.approx(0, abs=0.06)
    assert shares["other"] > 0.05
    numbers = write(tmp_path, "island,mass,ringed,eggs\n" + "1,2,3,4\n" * 60, "numbers.csv")
    with pytest.raises(DataError, match="column 'island' holds text in --real and numbers in --fake"):
        score_samples({"real": real, "fake": numbers}, "energy")


def weighted(folder, weights):
    table = pd.concat([TABLE] * 4, ignore_index=True)
    table["pt"] += np.arange(len(table)) * 1e-3
    table.assign(w=weights[: len(table)]).to_csv(folder / "a.csv", index=False)
    return folder / "a.csv"


def test_event_weights_stay_with_their_rows(tmp_path):
    from genbench.budget import Sizes

    weights = np.random.default_rng(0).normal(1, 0.7, 500)
    path = weighted(tmp_path, weights)
    _, config = dataset_spec(path, weights="w")
    data = FileDataset(config).load(Sizes(50, 40, 30), np.random.default_rng(0))
    assert "w" not in [c.name for c in data.columns]
    by_pt = dict(zip(pd.read_csv(path).pt, weights, strict=False))
    for name in ("train", "test", "reference"):
        assert [by_pt[pt] for pt in getattr(data, name)[:, 0]] == pytest.approx(data.weights[name])
    assert len(data.train) == 50
    assert len(data.test) > 40  # of which about 40 are left once they are drawn by weight


def test_weights_that_leave_no_law_are_refused_at_once(tmp_path):
    says(refusal(dataset_spec, weighted(tmp_path, np.full(500, -1.0)), weights="w"), "--weights", "sum is -200")
    heavy = np.ones(500)
    heavy[3] = 1000.0
    says(refusal(dataset_spec, weighted(tmp_path, heavy), weights="w"), "only 1 of 200", "at least 20 needed")


def test_categories_of_numbers_may_be_taken_as_numbers(tmp_path):
    values = [0.1, 1.0, 2.5] * 20
    frame = pd.DataFrame({"x": RNG.normal(size=60), "dose": pd.Categorical(values)})
    frame.to_feather(tmp_path / "a.feather")
    opened = open_data(tmp_path / "a.feather")
    assert opened.columns[1].levels == ("0.1", "1", "2.5")
    says(" ".join(opened.notes), "column 'dose' holds categories that are numbers; --kinds dose=continuous")
    assert not open_data(tmp_path / "a.feather", kinds="d*=category").notes
    as_numbers = open_data(tmp_path / "a.feather", kinds="dose=continuous")
    assert (as_numbers.columns[1].kind, as_numbers.columns[1].levels) == ("continuous", ())
    np.testing.assert_array_equal(as_numbers.data.rows[:, 1], values)


def test_texts_that_are_nearly_numbers_are_noted(tmp_path):
    rows = "".join(f"{i * 0.7},{i % 3} %,{'uv'[i % 2]}\n" for i in range(60))
    notes = open_data(write(tmp_path, "x,share,kind\n" + rows)).notes
    assert len(notes) == 1
    says(notes[0], "column 'share' holds text as '0 %', taken as categories")


@pytest.mark.parametrize("name", ["a b", "x=y", "p,q", "(c)"])
def test_the_remedies_that_notes_print_work(tmp_path, name):
    frame = pd.DataFrame({"x": RNG.normal(size=60), name: np.arange(60) % 7, "id (1)": np.arange(60)})
    frame.assign(**{"no, value": np.nan}).to_csv(tmp_path / "a.csv", index=False)
    found = refusal(open_data, tmp_path / "a.csv")
    empty = re.search(r"--columns=(\S+)", found)[1]
    notes = " ".join(open_data(tmp_path / "a.csv", columns=empty).notes)
    identifier = re.search(r"--columns=(\S+)", notes)[1]
    notes = " ".join(open_data(tmp_path / "a.csv", columns=f"{empty},{identifier}").notes)
    kind = re.search(r"--kinds (\S+)", notes)[1]
    opened = open_data(tmp_path / "a.csv", columns=f"{empty},{identifier}", kinds=kind)
    assert [(c.name, c.kind) for c in opened.columns] == [("x", "continuous"), (name, "continuous")]


def showers(folder):
    """Save a measured number with the energy and the particle that it depends on."""
    energy, particle = np.exp(RNG.uniform(1, 4, 80)), np.array(["e", "mu"] * 40)
    frame = pd.DataFrame({"measured": energy * RNG.normal(1, 0.1, 80), "energy": energy, "particle": particle})
    frame.assign(charge=[-1, 1] * 40).to_csv(folder / "a.csv", index=False)
    return folder / "a.csv", frame


def test_conditions_are_columns_with_kinds_of_their_own_and_stay_with_their_rows(tmp_path):
    from genbench.budget import Sizes

    path, frame = showers(tmp_path)
    given = {"given": "energy,particle,charge", "log": "energy", "kinds": "charge=category", "units": "energy=GeV"}
    spec, config = dataset_spec(path, **given)
    assert spec.is_conditional(config)
    data = FileDataset(config).load(Sizes(), np.random.default_rng(0))
    assert [column.name for column in data.columns] == ["measured"]
    energy, particle, charge = data.condition_columns
    assert (energy.name, energy.log, energy.unit, energy.kind) == ("energy", True, "GeV", "continuous")
    assert (particle.kind, particle.levels) == ("category", ("e", "mu"))
    assert (charge.kind, charge.levels) == ("category", ("-1", "1"))
    by_measured = dict(zip(frame.measured, zip(frame.energy, frame.particle, strict=True), strict=True))
    for name in ("train", "test", "reference"):
        for row, given_row in zip(getattr(data, name), data.conditions[name], strict=True):
            true_energy, true_particle = by_measured[row[0]]
            assert given_row[0] == true_energy
            assert particle.levels[int(given_row[1])] == true_particle


def test_conditions_change_the_cells_but_not_the_split(tmp_path):
    from genbench.budget import Sizes

    path, _ = showers(tmp_path)
    whole, alone = (
        FileDataset(dataset_spec(path, columns="measured", **given)[1]) for given in ({}, {"given": "energy"})
    )
    splits = [each.load(Sizes(), np.random.default_rng(0)).test.tolist() for each in (whole, alone)]
    assert splits[0] == splits[1]


def test_options_on_columns_that_are_not_there_are_refused_with_conditions_too(tmp_path):
    path, _ = showers(tmp_path)
    says(refusal(dataset_spec, path, given="energy", log="enrgy"), "--log", "enrgy")
    says(refusal(dataset_spec, path, given="momentum"), "--given", "momentum")
