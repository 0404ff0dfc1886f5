"""Names, labels, reasons and notes of strangers: no format lets them be more than text."""

import csv
import io
import json
import re

import pytest
from synthetic import record, score

from genbench.report import render
from genbench.table.frame import to_frame

NASTY = {
    "escape": "\x1b[2J\x1b]0;title\x07\x9b31mred\x7f\x00",
    "direction": "\u202eevil\u2066\u200b",
    "lines": "a\r\nb\u2028c\x85d",
    "markup": "[bold red]x[/] [link=http://x]y[/link]",
    "markdown": "| x | `y` **z** [a](http://b) <img src=x> ~~s~~ $m$",
    "latex": r"\input{/etc/passwd} % & # _ ^ ~ $x$ {",
    "row": "[2cm] *",
    "star": "*x",
    "formula": "=HYPERLINK(1)",
    "plus": "+1",
    "minus": "-2+3",
    "at": "@SUM(1)",
    "tab": "\t=1",
    "return": "\r=1",
    "wide": "＝1",
    "long": "x" * 5000,
}
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b]")


def hostile(text):
    check = {"name": text, "passed": False, "value": text, "expected": text, "reason": text}
    scores = [
        score("energy", 1.0, unit=text),
        score("nll", 2.0, z=-9.0, floor=3.0, floor_sd=0.1),
        score(text, 3.0),
        score("kl", None, warnings=["missing in " + text]),
        score("equivalent", 4.0, better="higher"),
        score("speedup", 4.0, better="higher", label=f"speedup@{text}"),
    ]
    fields = {"label": text, "dataset_label": text, "density": "exact", "checks": [check], "notes": [text]}
    return [
        *(record(text, s, scores, **fields) for s in range(2)),
        *(record("good", s, [score("energy", 1.0), score("equivalent", 4.0)], dataset_label=text) for s in range(2)),
        record("bad", 0, status="failed", phase="fit", reason=text, dataset_label=text, device=text, budget=text),
    ]


@pytest.mark.parametrize("per", ["model", "seed"])
@pytest.mark.parametrize("form", ["rich", "markdown", "latex", "csv", "json"])
@pytest.mark.parametrize("name", NASTY)
def test_no_format_passes_control_characters_on(name, form, per):
    text = render(hostile(NASTY[name]), form, per=per, metrics=["all"])
    assert not CONTROL.search(text)


@pytest.mark.parametrize("name", NASTY)
def test_markdown_keeps_its_rows_and_columns(name):
    text = render(hostile(NASTY[name]), "markdown", metrics=["all"])
    table = next(block for block in text.split("\n\n") if block.startswith("|"))
    assert len({len(re.split(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    assert len(table.splitlines()) == 6  # the header, its rule, three rows and the floor
    assert not re.search(r"(?<!\\)[<`]", text)
    assert "](" not in text


@pytest.mark.parametrize("name", NASTY)
def test_latex_runs_no_command_of_theirs(name):
    text = render(hostile(NASTY[name]), "latex", metrics=["all"])
    assert text.count(r"\begin{") == text.count(r"\end{") == 2
    commands = set(re.findall(r"\\([A-Za-z]+)", re.sub(r"^%.*$", "", text, flags=re.MULTILINE)))
    assert "input" not in commands
    for line in text.splitlines():
        if not line.startswith("%"):
            bare = re.sub(r"\\[%&_{}$#\\]", "", line)
            assert "%" not in bare
            assert "#" not in bare
            assert bare.count("{") == bare.count("}")
            assert bare.count("$") % 2 == 0
    assert not re.search(r"\\\\\s*[*\[]", text)  # a line break would take it for its option


@pytest.mark.parametrize("per", ["model", "seed"])
@pytest.mark.parametrize("name", NASTY)
def test_no_cell_of_a_csv_is_a_formula(name, per):
    text = render(hostile(NASTY[name]), "csv", per=per)
    rows = list(csv.reader(io.StringIO(text)))
    assert len({len(row) for row in rows}) == 1
    for field in (field for row in rows for field in row if field):
        try:
            float(field)  # a negative number is a number
        except ValueError:
            assert field[0] not in "=+-@\t\r＝＋－＠"


@pytest.mark.parametrize("name", NASTY)
def test_json_and_frames_keep_the_text_as_it_was_given(name):
    records = hostile(NASTY[name])
    rows = json.loads(render(records, "json", per="seed"))
    assert rows[0]["label"] == NASTY[name]
    assert rows[-1]["reason"] == NASTY[name]
    assert {"model", "dataset", "seed", "status", "reason"} <= set(rows[-1])
    assert to_frame(records)["label"].iloc[0] == NASTY[name]


def test_names_that_look_alike_keep_their_own_numbers():
    records = [record("a", 0, [score("energy", 1.0)], label="a"), record("b", 0, [score("energy", 2.0)], label="a\x00")]
    lines = [line.split() for line in render(records).splitlines() if line.startswith("a ")]
    assert [line[-1] for line in lines] == ["1", "2"]


def test_a_long_name_leaves_room_for_the_numbers():
    text = render(hostile("x" * 250), width=80, metrics=["energy", "equivalent"])
    assert all(len(line) <= 80 for line in text.splitlines())
    assert re.search(r"^x{39}… +1–2 +1\*? +4\*?$", text, re.MULTILINE)
