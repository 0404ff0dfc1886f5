"""Sweeps: which option is swept, and which rows are one line along it."""

from __future__ import annotations

from typing import Any

import pytest
from synthetic import record, score

from genbench.errors import UnknownName
from genbench.table.summary import summarise
from genbench.table.sweep import Sweep, sweeps_of


def cell(model: str, value: float, *, seed: int = 0, metric: str = "energy", **fields: Any) -> dict[str, Any]:
    return record(model, seed, [score(metric, value)], **fields)


def swept(records: Any, option: str = "") -> list[Sweep]:
    return sweeps_of(summarise(records), option)


def of_dim(model: str, values: dict[int, float]) -> list[dict[str, Any]]:
    return [
        cell(model, value, dataset="gaussian", dataset_label=f"gaussian[dim={dim}]" if dim != 2 else "gaussian",
             dataset_config={"dim": dim, "correlation": 0.5})
        for dim, value in values.items()
    ]  # fmt: skip


def vae(latent: int, value: float, beta: float = 1.0, **fields: Any) -> dict[str, Any]:
    options = [f"latent={latent}"] * (latent != 2) + [f"beta={beta:g}"] * (beta != 1)
    label = f"vae[{','.join(options)}]" if options else "vae"
    return cell("vae", value, label=label, model_config={"latent": latent, "beta": beta}, **fields)


def means(sweep: Sweep, label: str, metric: str = "energy") -> dict[float, float]:
    [line] = [line for line in sweep.lines if line.label == label]
    found = {}
    for value, row in line.rows.items():
        estimate = row.entries[metric].estimate
        assert estimate is not None
        found[value] = estimate.mean
    return found


def test_an_option_of_the_dataset_goes_over_its_tables() -> None:
    [sweep] = swept([*of_dim("kde", {2: 0.1, 8: 0.4}), *of_dim("real", {2: 0.0, 8: 0.0})])
    assert (sweep.of, sweep.option, sweep.dataset, sweep.values) == ("dataset", "dim", "gaussian", (2.0, 8.0))
    assert means(sweep, "kde") == {2.0: 0.1, 8.0: 0.4}
    assert [(line.label, line.role) for line in sweep.lines] == [("kde", "model"), ("real", "reference")]


def test_an_option_of_a_model_makes_one_line_and_others_are_levels() -> None:
    records = [vae(1, 0.5), vae(2, 0.3), vae(4, 0.2), vae(1, 0.9, 4.0), vae(4, 0.8, 4.0), cell("kde", 0.1)]
    [sweep] = swept(records, "latent")
    assert sweep.values == (1.0, 2.0, 4.0)
    assert means(sweep, "vae") == {1.0: 0.5, 2.0: 0.3, 4.0: 0.2}
    assert means(sweep, "vae[beta=4]") == {1.0: 0.9, 4.0: 0.8}
    [kde] = [line for line in sweep.lines if line.label == "kde"]
    assert kde.rows == {}
    assert kde.at(4.0) is not None
    assert [line.at(2.0) for line in sweep.lines if line.label == "vae[beta=4]"] == [None]


def test_training_rows_are_swept_by_the_rows_that_there_were() -> None:
    records = [
        cell("kde", 1.0 / n, identity={"sizes": {"train": asked, "test": 1000}}, sizes={"train": n, "test": 1000})
        for asked, n in ((100, 100), (1000, 1000), (10_000, 3500))
    ]
    [sweep] = swept(records)
    assert (sweep.of, sweep.values) == ("train_rows", (100.0, 1000.0, 3500.0))
    assert set(means(sweep, "kde")) == {100.0, 1000.0, 3500.0}


def test_the_dataset_comes_first_and_another_may_be_asked_for() -> None:
    records = [
        {**each, "model_config": {"width": width}, "label": f"m[width={width}]", "key": f"{each['key'][:20]}{width:04}"}
        for width in (8, 16)
        for each in of_dim("m", {2: 0.1 * width, 8: 0.4})
    ]
    [by_dim] = swept(records)
    assert by_dim.option == "dim"
    assert {line.label for line in by_dim.lines} == {"m[width=8]", "m[width=16]"}
    by_width = swept(records, "width")
    assert [(sweep.dataset, sweep.values) for sweep in by_width] == [
        ("gaussian", (8.0, 16.0)), ("gaussian[dim=8]", (8.0, 16.0)),
    ]  # fmt: skip
    with pytest.raises(UnknownName, match="no option with several values named 'corelation'; known: dim, width"):
        swept(records, "corelation")


def test_one_value_is_no_sweep() -> None:
    assert swept([*of_dim("kde", {2: 0.1}), cell("kde", 1.0)]) == []
    flags = [cell("m", 1.0, label=f"m[on={on}]", model_config={"on": on}) for on in (True, False)]
    assert swept(flags) == []


def test_core_metrics_are_shown_where_there_are_many() -> None:
    many = [f"m{i}" for i in range(7)]
    records = [
        {**each, "scores": [score(name, 1.0) for name in ("energy", *many)]} for each in of_dim("kde", {2: 1.0, 8: 1.0})
    ]
    [sweep] = swept(records, "dim")
    assert [column.name for column in sweep.chosen()] == ["energy"]
    assert [column.name for column in sweep.chosen(["m1", "m2"])] == ["m1", "m2"]
    few = [{**each, "scores": each["scores"][:3]} for each in records]
    assert [column.name for column in swept(few)[0].chosen()] == ["energy", "m0", "m1"]


def test_a_failed_cell_has_no_number() -> None:
    records = [*of_dim("kde", {2: 0.1, 8: 0.2}), *of_dim("gan", {2: 0.1})]
    failed = {**of_dim("gan", {8: 0.2})[0], "status": "diverged", "scores": []}
    [sweep] = swept([*records, failed])
    [gan] = [line for line in sweep.lines if line.label == "gan"]
    row = gan.at(8.0)
    assert row is not None
    assert not row.scored
