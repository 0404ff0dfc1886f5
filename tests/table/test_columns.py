"""Columns of a table: metrics, spaces and observables, and how they are asked for."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner
from synthetic import by_label, record, score

from genbench.cli.table import table
from genbench.errors import UnknownName
from genbench.record.store import write_json, write_record
from genbench.report import render, views_of
from genbench.table.frame import to_frame
from genbench.table.summary import summarise


def test_a_metric_may_be_named_as_a_column():
    frame = to_frame([record("m", 0, [score("seed", 5.0), score("density", 0.9)], density="exact")], per="seed")
    assert (frame.loc[0, "seed"], frame.loc[0, "metric_seed"]) == (0, 5.0)
    assert (frame.loc[0, "density"], frame.loc[0, "density_kind"]) == (0.9, "exact")


def test_scores_in_different_spaces_stand_in_different_columns():
    records = [
        record("a", 0, [score("frechet", 1.0), score("frechet", 70.0, space="pca", label="frechet@pca")]),
        record("b", 0, [score("frechet", 2.0, space="pixels"), score("frechet", 50.0, space="pca")]),
        record("c", 0, [score("mmd", 0.1, label="mmd[bandwidth=2]"), score("frechet", 3.0, space="raw")]),
    ]
    for frame in (by_label(records), to_frame(records, per="seed").set_index("label")):
        assert list(frame["frechet@pca"].dropna()) == [70.0, 50.0]
        assert list(frame["frechet"].dropna()) == [1.0, 2.0]
        assert (frame.loc["c", "mmd[bandwidth=2]"], frame.loc["c", "frechet@raw"]) == (0.1, 3.0)
    assert list(by_label(records).loc[["a", "b"], "frechet_rank"]) == [1, 1]  # another standard space: not compared
    assert by_label(records)["frechet@pca_rank"].dropna().to_dict() == {"a": 2, "b": 1}


def physics(model, seed=0, names=("eta", "m_1", "m_jj", "phi", "pt"), failed=False):
    each = {name: 0.1 * (i + 1) + 0.01 * seed for i, name in enumerate(names)}
    mean = sum(each.values()) / len(each)
    detail = {"observables": each, "worst": names[-1], "intervals": {name: [v / 2, v * 2] for name, v in each.items()}}
    w1 = score("w1_observables", mean, unit="standard deviations", floor=0.01, floor_sd=0.002, z=9.0, detail=detail)
    nothing = score("w1_observables", None, warnings=["'m_jj' is not finite"])
    return record(model, seed, [score("energy", 0.2), nothing if failed else w1, score("c2st", 0.6)])


def test_each_observable_is_a_column_beside_their_mean():
    records = [physics("a", 0), physics("a", 1)]
    [summary] = summarise(records)
    names = [column.name for column in summary.columns]
    assert names == ["energy", "w1_observables", "w1[eta]", "w1[m_1]", "w1[m_jj]", "w1[phi]", "w1[pt]", "c2st"]
    [mass] = [column for column in summary.columns if column.name == "w1[m_jj]"]
    assert (mass.unit, mass.better, mass.space) == ("standard deviations", "lower", "standardised")
    frame = by_label(records)
    assert frame.loc["a", "w1[m_jj]"] == pytest.approx(0.305)
    assert frame.loc["a", "w1[m_jj]_z"] is None or pd.isna(frame.loc["a", "w1[m_jj]_z"])  # that of the mean is not its
    [cell, _] = to_frame(records, per="seed").to_dict("records")
    assert [cell[f"w1[m_1]{part}"] for part in ("", "_low", "_high")] == pytest.approx([0.2, 0.1, 0.4])
    assert "detail" in records[0]["scores"][1]  # the record keeps what it says
    assert len(records[0]["scores"]) == 3


def test_observables_that_could_not_be_compared_leave_no_column_of_their_own():
    frame = by_label([physics("a"), physics("b", failed=True)])
    assert pd.isna(frame.loc["b", "w1[m_jj]"])
    assert not any(name.startswith("w1[") for name in by_label([physics("b", failed=True)]))


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("w1[m_jj]", ["w1[m_jj]"]),
        ("w1[m_*", ["w1[m_1]", "w1[m_jj]"]),
        ("w1_observables", ["w1_observables", *(f"w1[{name}]" for name in ("eta", "m_1", "m_jj", "phi", "pt"))]),
        ("w1[*", [f"w1[{name}]" for name in ("eta", "m_1", "m_jj", "phi", "pt")]),
    ],
)
def test_observables_are_asked_for_by_name_or_glob(asked, shown):
    records = [physics("a"), physics("b")]
    [view] = views_of(records, metrics=[asked])
    assert [column.name for column in view.columns] == shown
    [first, _] = json.loads(render(records, "json", metrics=[asked]))
    assert [name for name in first if name in {*shown, "energy", "c2st"}] == shown


def test_masses_are_shown_unasked_else_the_first_observables():
    def shown(*names):
        [view] = views_of([physics("a", names=names), physics("b", names=names)])
        return [column.name for column in view.columns if column.observable]

    assert shown("eta", "m_1", "m_jj", "m_light", "phi", "pt") == ["w1[m_jj]", "w1[m_1]"]
    assert shown("eta", "phi", "pt") == ["w1[eta]", "w1[phi]", "w1[pt]"]
    assert shown("a", "c", "e", "f", "g") == ["w1[a]", "w1[c]", "w1[e]", "w1[f]"]
    text = render([physics("a"), physics("b")], "rich", width=100)
    assert "w1[m_jj] ↓" in text


def test_a_glob_that_means_nothing_is_refused():
    with pytest.raises(UnknownName):
        render([physics("a")], "csv", metrics=["w1[q*"])


def test_a_glob_on_the_command_line_may_leave_its_bracket_open(tmp_path):
    write_json(tmp_path / "run.json", {"schema_version": 1, "name": "x"})
    write_record(tmp_path, physics("a"))
    shown = CliRunner().invoke(table, [str(tmp_path), "-f", "csv", "--metrics", "w1[m_*, mmd[bandwidth=1],energy"])
    assert "mmd[bandwidth=1]" in str(shown.exception)  # three names, of which one is unknown
    shown = CliRunner().invoke(table, [str(tmp_path), "-f", "csv", "--metrics", "w1[m_*,energy"])
    assert "energy,w1[m_1],w1[m_jj]," in shown.output


def test_each_observable_of_the_separation_power_is_a_column_that_a_suite_shows():
    detail = {"observables": {"m_jj": 0.5, "delta_r": 0.25}, "columns": {"pt_1": 0.1}, "intervals": {}}
    records = [record("vae", 0, [score("separation", 0.4, detail=detail), score("energy", 1.0)])]
    names = [column.name for column in summarise(records)[0].columns]
    assert names[:4] == ["separation", "separation[m_jj]", "separation[delta_r]", "energy"]
    assert not any("separation[" in column.name for column in views_of(records)[0].columns)
    suite = {"name": "s", "datasets": ["ring"], "metrics": ["separation"], "published": [], "missing": []}
    [view] = views_of(records, suites=[suite])
    assert {"separation[m_jj]", "separation[delta_r]", "separation"} <= {column.name for column in view.columns}
    assert "separation[m_jj]" in view.always


def test_facts_are_columns_of_their_own_and_shown_for_each_seed():
    facts = [{"energy": 3.0, "codes_used": 0.5}, {"energy": 5.0}]
    records = [record("a", i, [score("energy", 1.0 + i)], facts=facts[i]) for i in (0, 1)]
    records += [record("b", i, [score("energy", 2.0)]) for i in (0, 1)]  # of before facts were kept
    frame = to_frame(records, per="seed")
    assert list(frame["fact_energy"][:2]) == [3.0, 5.0]
    assert list(frame["energy"][:2]) == [1.0, 2.0]
    assert frame["fact_codes_used"].isna().sum() == 3
    means = by_label(records)
    assert means.loc["a", "fact_energy"] == 4.0
    assert pd.isna(means.loc["a", "fact_codes_used"])  # one seed lacks it
    [by_seed], [by_model] = views_of(records, per="seed"), views_of(records)
    assert {"fact_energy", "fact_codes_used"} <= {column.name for column in by_seed.columns}
    assert not {"fact_energy", "fact_codes_used"} & {column.name for column in by_model.columns}
    assert "fact_energy" in render(records, "markdown", metrics=("fact_*",))
