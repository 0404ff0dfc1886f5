"""What a key covers: everything that could change a result (options, sources, contents of paths), and nothing else."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import genbench
from genbench.budget import Sizes
from genbench.files import dataset_spec
from genbench.plan import cell as cell_module
from genbench.plan import plan as plans
from genbench.plan.cell import REAL, Cell
from genbench.plan.plan import Request, make_plan
from genbench.record.field_types import schema
from genbench.registry.options import parse_set
from genbench.registry.registry import Registry


def cells(
    registry: Registry | None = None, models: str = "vae,-gaussian,-memoriser", datasets: str = "ring", **rest: Any
) -> list[Cell]:
    files = rest.pop("files", ())
    settings = tuple(map(parse_set, rest.pop("settings", ())))
    request = Request(models, datasets, preset="smoke", seeds=1, device="cpu", settings=settings, files=files, **rest)
    return [c for c in make_plan(request, registry or Registry.discover()).cells if c.model.name != REAL]


@pytest.fixture(scope="module")
def cell() -> Cell:
    [cell] = cells()
    return cell


def of_model(cell: Cell, **provenance: Any) -> Cell:
    entry = cell.model.entry
    model = replace(cell.model, entry=replace(entry, provenance=replace(entry.provenance, **provenance)))
    return replace(cell, model=model)


CHANGES = {
    "seed": lambda cell: replace(cell, seed=7),
    "budget": lambda cell: replace(cell, budget="6steps"),
    "kind of device": lambda cell: replace(cell, device="cuda:0"),
    "train size": lambda cell: replace(cell, sizes=Sizes(1, 1000, 1000)),
    "sample count": lambda cell: replace(cell, sizes=replace(cell.sizes, reference=999)),
    "distribution": lambda cell: of_model(cell, distribution="genbench-other"),
    "option": lambda cell: replace(cell, model=replace(cell.model, config=replace(cell.model.config, beta=2.0))),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_could_change_a_result_changes_the_key(cell: Cell, change: Any) -> None:
    assert change(cell).key != cell.key


@pytest.mark.parametrize("name", ["PROTOCOL", "DTYPE"])
def test_the_protocol_and_the_precision_change_the_key(cell: Cell, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cell.key
    monkeypatch.setattr(cell_module, name, "another")
    assert replace(cell).key != before


def test_torchs_minor_version_changes_the_key_and_its_patch_does_not(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def under(version: str) -> str:
        cell_module._minor_version.cache_clear()
        monkeypatch.setattr(cell_module.importlib.metadata, "version", lambda _: version)
        key = replace(cell).key
        cell_module._minor_version.cache_clear()
        return key

    assert under("2.13.0") == under("2.13.1+cu130") != under("2.14.0")


def test_the_version_of_a_third_partys_distribution_changes_the_key(cell: Cell) -> None:
    one, other = (of_model(cell, distribution="other", version=v, editable=False) for v in ("1.0", "1.1"))
    assert one.key != other.key
    assert one.identity["model"]["version"] == "1.0"
    editable = of_model(cell, distribution="other", version="1.0", editable=True)
    assert "source" in editable.identity["model"]
    assert editable.key == of_model(cell, distribution="other", version="1.1", editable=True).key


def test_nothing_else_is_in_the_key(cell: Cell) -> None:
    wanted = schema("record")["properties"]["identity"]["required"]
    assert sorted(cell.identity) == sorted(wanted)
    assert replace(cell, metrics=()).key == cell.key
    assert replace(cell, device="cpu").key == cell.key
    assert str(Path.home()) not in json.dumps(cell.identity)


def test_genbenchs_own_version_is_not_in_the_key(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [(c.key, c.identity) for c in (cell, replace(cell, model=plans.Component(plans.REAL_ENTRY, None)))]
    monkeypatch.setattr(genbench, "__version__", "99.0")
    after = of_model(replace(cell), version="99.0", editable=False)
    assert after.key == before[0][0]
    assert replace(cell, model=plans.Component(plans.REAL_ENTRY, None)).key == before[1][0]


def test_other_environments_give_the_same_key(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.chdir("/")
    [again] = cells()
    assert again.key == cell.key


def test_images_that_are_read_from_the_disk_follow_what_lies_there(tmp_path: Path) -> None:
    def made(path: Path) -> Cell:
        [cell] = cells(datasets="mnist", settings=(f"mnist.path={path}",))
        return cell

    stored, here = cells(datasets="mnist")[0], tmp_path / "here"
    here.mkdir()
    (here / "train-images-idx3-ubyte").write_text("1")
    first = made(here)
    (here / "train-images-idx3-ubyte").write_text("2")
    changed = made(here)
    here.rename(tmp_path / "there")
    moved = made(tmp_path / "there")
    assert len({stored.key, first.key, changed.key}) == 3
    assert moved.key == changed.key
    assert moved.dataset.identity == changed.dataset.identity, "its random streams, too"
    assert str(tmp_path) not in json.dumps(moved.identity)
    assert str(tmp_path / "there") in moved.dataset.label, "a row still says what was asked for"


def test_the_users_file_follows_its_contents_and_not_its_folder(tmp_path: Path) -> None:
    def made(path: Path, **options: Any) -> Cell:
        [cell] = cells(models="kde,-gaussian,-memoriser", datasets="", files=(dataset_spec(path, **options),))
        return cell

    def write(path: Path, last: int) -> Path:
        path.parent.mkdir(exist_ok=True)
        path.write_text("a,b\n" + "".join(f"{i},{i * i}\n" for i in range(40)) + f"{last},0\n")
        return path

    one = made(write(tmp_path / "x" / "mine.csv", 1))
    assert made(write(tmp_path / "y" / "mine.csv", 1)).key == one.key
    assert made(write(tmp_path / "y" / "mine.csv", 2)).key != one.key
    assert made(tmp_path / "x" / "mine.csv", columns="a").key != one.key
    assert made(tmp_path / "x" / "mine.csv", max_bytes=10**6).key == one.key
    assert made(tmp_path / "x" / "mine.csv", encoding="utf-8").key == one.key


def test_every_option_of_every_config_is_in_the_key_unless_it_says_so() -> None:
    registry = Registry.discover()
    for kind in ("model", "dataset"):
        for entry in registry.entries(kind):
            for field in dataclasses.fields(entry.spec.config) if entry.spec.config else ():
                assert field.metadata.get("essential", True), f"{kind} {entry.key}: {field.name}"
