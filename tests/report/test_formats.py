"""Markdown, LaTeX, CSV, JSON and parquet: each parses, holds what it should and quotes what is foreign."""

import csv
import io
import json
import re

import pandas as pd
import pytest
from synthetic import record, score, seeds

from genbench.report import FORMATS, render
from genbench.report.text import clean, csv_text, latex_text, markdown_text
from genbench.table.frame import to_frame

RECORDS = [
    *seeds("wgan_gp", [1.0, 1.4, 0.6]),
    *seeds("gan", [9.0, 9.1, 9.2]),
    *seeds("real", [0.1, 0.2, 0.3]),
    record("vae", 0, status="diverged", phase="fit", reason="=HYPERLINK(1) | 50% & {x} \\ _y_ <b>"),
    *seeds("m", [1.0], dataset="moons"),
]


def cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_markdown_is_a_github_table_for_each_dataset():
    text = render(RECORDS, "markdown")
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 2
    for table in tables:
        assert len({len(cells(line)) for line in table}) == 1
    ring = {cells(line)[0]: cells(line)[1:] for line in tables[0]}
    assert ring["wgan_gp"] == ["1", "**1.00 ± 0.23**"]
    assert ring["vae"] == ["3", "diverged"]
    assert list(ring)[-1] == "*real*"
    assert "### ring" in text
    assert "**bold** no other is significantly better" in text


def test_markdown_shows_foreign_text_as_it_is():
    assert markdown_text("a|b `c` *d* _e_ f_g <h> [i](j) vae[latent=2]") == (
        r"a\|b \`c\` \*d\* \_e\_ f_g \<h\> [i]\(j) vae[latent=2]"
    )


def test_latex_is_ready_to_compile():
    text = render(RECORDS, "latex")
    first = text.split(r"\end{table}")[0]
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 2
    assert r"wgan\_gp & 1 & $\mathbf{1.00 \pm 0.23}$ \\" in first
    assert r"vae & 3 & \multicolumn{1}{l}{diverged} \\" in first
    assert first.index(r"\toprule") < first.index("wgan") < first.index(r"\midrule" + "\n" + r"\textit{real}")
    for line in text.splitlines():
        if not line.startswith("%"):
            bare = re.sub(r"\\[%&_{}$#\\]", "", line)
            assert bare.count("{") == bare.count("}")
            assert bare.count("$") % 2 == 0
            assert "%" not in bare
            assert not re.search(r"[^\x00-\u024f]", line)


def test_latex_escapes_every_special_character():
    assert latex_text(r"\ { } & % $ # _ ~ ^") == (
        r"\textbackslash{} \{ \} \& \% \$ \# \_ \textasciitilde{} \textasciicircum{}"
    )
    assert latex_text("≤ 漢") == r"$\leq$ ?"


def test_csv_holds_everything_and_no_formula():
    text = render(RECORDS, "csv", per="seed")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(RECORDS)
    assert rows[9]["reason"].startswith("'=HYPERLINK(1)")
    assert [float(row["energy"]) for row in rows if row["energy"]] == [1.0, 1.4, 0.6, 9.0, 9.1, 9.2, 0.1, 0.2, 0.3, 1.0]
    negative = render(seeds("m", [-1.0]), "csv", per="seed")
    assert float(next(csv.DictReader(io.StringIO(negative)))["energy"]) == -1.0
    assert [csv_text(t) for t in ("=1", "+1", "-1", "@a", "a=1")] == ["'=1", "'+1", "'-1", "'@a", "a=1"]


def test_json_has_one_object_a_cell_and_null_for_what_is_missing():
    rows = json.loads(render(RECORDS, "json", per="seed"))
    assert [row["seed"] for row in rows] == [r["seed"] for r in RECORDS]
    assert {"model", "dataset", "seed", "status", "reason", "energy"} <= set(rows[0])
    vae = next(row for row in rows if row["model"] == "vae")
    assert (vae["status"], vae["energy"]) == ("diverged", None)
    assert rows[0]["energy"] == 1.0
    models = json.loads(render(RECORDS, "json"))
    assert [(row["dataset"], row["label"]) for row in models] == [
        ("ring", "wgan_gp"), ("ring", "gan"), ("ring", "real"), ("ring", "vae"), ("moons", "m")]  # fmt: skip
    assert models[0]["energy_tied"] is True


@pytest.mark.parametrize("per", ["model", "seed"])
def test_parquet_gives_the_frame_back(per):
    content = render(RECORDS, "parquet", per=per)
    back = pd.read_parquet(io.BytesIO(content))
    frame = to_frame(RECORDS, per)
    assert list(back.columns) == list(frame.columns)
    pd.testing.assert_series_equal(back["energy"], frame["energy"])


def test_metrics_choose_the_columns_of_files_too():
    records = [record("m", 0, [score("energy", 2.0), score("energy_v", 3.0)]), record("n", 0, [score("energy", 1.0)])]
    rows = json.loads(render(records, "json", metrics=["energy_v"], sort="energy"))
    assert [row["label"] for row in rows] == ["n", "m"]
    assert "energy_v" in rows[0]
    assert not {"energy", "energy_sd", "energy_tied"} & set(rows[0])


def test_sorting_a_file_keeps_the_datasets_together():
    records = [
        *seeds("a", [5.0]),
        *seeds("b", [1.0]),
        *seeds("a", [2.0], dataset="digits"),
        *seeds("b", [9.0], dataset="digits"),
    ]
    rows = json.loads(render(records, "json", sort="energy"))
    assert [(row["dataset"], row["label"]) for row in rows] == [
        ("ring", "b"),
        ("ring", "a"),
        ("digits", "a"),
        ("digits", "b"),
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_takes_failures_only(form):
    assert render([record("m", 0, status="crashed", reason="signal 11")], form)


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match="format must be one of"):
        render(RECORDS, "html")


def test_clean_text_is_one_short_printable_line():
    assert clean("a\tb\r\nc\x1b[31m\u202e\u200bd") == "a b c[31md"
    assert len(clean("x" * 1000)) == 300
