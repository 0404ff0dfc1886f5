"""The report: one file that fetches nothing, escapes whatever it is told, and says what it cannot show."""

import base64
import hashlib
import html
import json
import re
import shlex
from html.parser import HTMLParser

import numpy as np
import pytest
import sessions
from synthetic import EVIL, record, score, seeds, write_run

from genbench.cli.main import main
from genbench.record.store import cell_folder
from genbench.report.html import render_report
from genbench.report.html.cells import log_of
from genbench.report.html.pictures import _shorten_path, svg_data_uri
from genbench.report.html.replay import command_of
from genbench.report.html.tables import leaderboard
from genbench.table.results import Results, load

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """All tags of a page with their attributes, and what is text; tags must be closed in order."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.words, self.open = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.words.append(data)

    def of(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def page_of(folder, **options):
    return Page(render_report(load(folder), [folder], **options))


@pytest.fixture
def run(tmp_path):
    trained = {"trace": [[0.1, 10, {"loss": 2.0}], [0.2, 20, {"loss": 1.0}]],
               "timings": {"fit_s": 2.0, "samples_per_s": 100.0}}  # fmt: skip
    return write_run(tmp_path / "run", [
        *seeds("vae", [0.1, 0.2], **trained), *seeds("gan", [0.5, 0.7], **trained), *seeds("real", [0.0, 0.01]),
        record("kde", 0, status="failed", phase="fit", reason="boom", label="kde"),
    ])  # fmt: skip


def test_a_page_is_well_formed_and_says_what_the_tables_say(run) -> None:
    page = page_of(run)
    assert "1/1 failed" in page.text or "boom" in page.text
    for word in ("vae", "gan", "kde", "real", "energy ↓", "0.15", "0.6", "Plan and machine"):
        assert word in page.text
    assert len(page.of("main")) == len(page.of("h1")) == 1
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = [attrs["href"] for attrs in page.of("a")]
    assert all(link.startswith("#") and link[1:] in ids for link in links)


def test_tables_and_pictures_are_told_to_those_who_do_not_see_them(run) -> None:
    page = page_of(run)
    tables, captions = page.of("table"), page.of("caption")
    assert len(tables) == len(captions) > 0
    assert all(attrs.get("scope") in ("col", "row") for attrs in page.of("th"))
    images = page.of("img")
    assert images
    assert all(len(attrs["alt"]) > 20 and int(attrs["width"]) > 0 and int(attrs["height"]) > 0 for attrs in images)
    assert all(attrs.get("tabindex") == "0" and attrs.get("aria-label") for attrs in page.of("div") if "role" in attrs)


def test_nothing_is_fetched_and_only_the_page_s_own_script_may_run(run) -> None:
    text = render_report(load(run), [run])
    page = Page(text)
    for tag, attrs in page.tags:
        assert not {name for name in attrs if name.startswith("on")}, f"{tag} has a handler"
        assert "style" not in attrs, f"{tag} has a style that the policy would refuse"
        for name in ("src", "href", "srcset", "data", "action"):
            assert name not in attrs or attrs[name].startswith(("data:", "#")), attrs[name]
    (policy,) = [m["content"] for m in page.of("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() in policy
    pictures = "".join(attrs["src"] for attrs in page.of("img"))
    assert not re.search(r"(href|src)=%22https?:|url\(https?:|@import", pictures)


def hostile_records():
    scores = [
        score("energy", 0.5, unit=EVIL, warnings=[EVIL], low=0.1, high=0.9),
        score("energy", 0.4, label=EVIL),
    ]
    check = {"name": EVIL, "passed": False, "value": EVIL, "expected": EVIL, "reason": EVIL}
    known = {"dataset": EVIL, "dataset_label": EVIL, "notes": [EVIL], "checks": [check], "device": EVIL,
             "model_config": {EVIL: EVIL}, "fingerprint": EVIL, "run": EVIL,
             "provenance": {"distribution": EVIL, "dataset": {"module": EVIL}},
             "timings": {EVIL: 1.0, "fit_s": 2.0}, "trace": [[0.1, 1, {EVIL: 1.0}], [0.2, 2, {EVIL: 2.0}]]}  # fmt: skip
    return [
        record(EVIL, 0, scores, label=EVIL, **known),
        record("vae", 0, scores, **known),
        record("gan", 0, status="failed", phase=EVIL, reason=EVIL, **known),
    ]


@pytest.mark.filterwarnings("ignore:Glyph")
def test_text_of_strangers_is_only_text(tmp_path) -> None:
    run = write_run(tmp_path / "run", hostile_records(), request={"models": EVIL}, machine={EVIL: EVIL},
                    skipped=[{"model": EVIL, "dataset": EVIL, "reason": EVIL}])  # fmt: skip
    for each in hostile_records():
        (cell_folder(run, each["key"]) / "log.txt").write_text(EVIL)
    text = render_report(load(run), [run], title=EVIL)
    page = Page(text)
    assert len(page.of("script")) == len(page.of("style")) == len(page.of("title")) == 1
    assert {attrs["src"][:18] for attrs in page.of("img")} == {"data:image/svg+xml"}
    assert "{{7*7}}" in page.text
    assert "alert(1)" in page.text
    assert "49</style>" not in text
    assert len(page.of("h1")) == 1


@pytest.mark.filterwarnings("ignore:Glyph")
def test_what_moves_a_cursor_or_turns_text_about_is_left_out(tmp_path) -> None:
    name = "a\x1b[2J\u202eb\u200b\ud800"
    records = [record("vae", 0, [score("energy", 1.0)], label=name, dataset=name, dataset_label=name, reason=name)]
    write_run(tmp_path / "run", [])
    text = render_report(Results(tuple(records)), [tmp_path / "run"], pictures=False)
    assert not re.search(r"[\x1b\u202e\u200b\ud800]", text)


def test_columns_sort_by_value_and_what_is_missing_comes_last() -> None:
    records = [*seeds("b", [2e-5, 2e-5]), *seeds("a", [-3e4, -3e4]), *seeds("c", [1e9, 1e9])]
    records += [record("d", i, [score("energy", None, warnings=["no"])]) for i in range(2)]
    records += [record(m, i, [score("coverage", v, better="higher")]) for m, v in (("x", 0.1), ("y", 0.9))
                for i in range(2)]  # fmt: skip
    (board,) = leaderboard(records)
    names = [heading.name for heading in board.headings]
    orders = {
        place.label: {name: field.order for name, field in zip(names, place.fields, strict=True)}
        for _, places in board.groups
        for place in places
    }
    lower = sorted("abcdxy", key=lambda label: orders[label]["energy ↓"])
    assert lower[:3] == ["a", "b", "c"]
    assert [orders["y"]["coverage ↑"] > orders["x"]["coverage ↑"] > orders[label]["coverage ↑"] for label in "abcd"]
    assert [heading.largest_first for heading in board.headings] == [name.endswith("↑") for name in names]


def test_a_log_is_cut_and_moves_no_cursor(tmp_path) -> None:
    folder = cell_folder(tmp_path, "abc")
    folder.mkdir(parents=True)
    assert log_of(tmp_path, "abc") == ("", False)
    (folder / "log.txt").write_bytes(b"\x1b[31mred\x1b[0m \x1b]0;title\x07\xff\x00 end\r\n")
    assert log_of(tmp_path, "abc") == ("red � end", False)
    (folder / "log.txt").write_text("start " + "x" * 10**6 + " end")
    text, cut = log_of(tmp_path, "abc")
    assert cut
    assert text.endswith(" end")
    assert len(text) <= 4000


def test_runs_without_samples_or_cells_have_a_report_all_the_same(run, tmp_path) -> None:
    page = page_of(run)
    assert "no samples" in page.text
    assert page.of("img"), "what needs no samples is drawn"
    empty = write_run(tmp_path / "empty", [])
    assert "No cell has finished yet" in page_of(empty).text
    assert not page_of(run, pictures=False).of("img")
    assert "the folder of the run is not known" not in Page(render_report(Results(load(run).records), [run])).text


def test_pictures_know_the_scheme_of_the_page() -> None:
    from matplotlib.figure import Figure

    from genbench.report.figures.style import TEXT_COLOUR

    figure = Figure(figsize=(2, 1))
    figure.text(0.5, 0.5, "0.123456", color=TEXT_COLOUR)
    source, width, height = svg_data_uri(figure)
    assert (width, height) == (192, 96)
    assert source.startswith("data:image/svg+xml,%3Csvg")
    assert not set(source) & set("\"'<>&\n")
    assert "prefers-color-scheme:dark" in source
    assert "0.123456" in source, "numbers that are read are not rounded"


def test_paths_are_shortened_to_the_same_lines() -> None:
    straight = "M 10.04 20 \nL 13.26 24.2 \nL 1 1 \nz\nM 5 5 \nz\nM 6 6 \nL 7 6.06 \n"
    assert _shorten_path(straight) == "M10 20l3.3 4.2 -12.3 -23.2zM5 5zM6 6l1 0.1"
    curved = "M 1 2 \nC 3 4 5 6 7 8 \n"
    assert _shorten_path(curved) == curved


# -------------------------------------------------------------------------------------------------------- a real run


@pytest.fixture(scope="module")
def real_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    sessions.play(folder, models="good,exact,good[rate=0.5]", metrics="gap")
    return folder


def test_samples_of_a_real_run_stand_beside_its_data(real_run) -> None:
    page = page_of(real_run / "run", plugin_files=[real_run / "dots.py"])
    alts = [attrs["alt"] for attrs in page.of("img")]
    assert any(alt.startswith("Samples, dots") for alt in alts)
    assert any(alt.startswith("Marginals, dots") for alt in alts)
    assert "good[rate=0.5]" in page.text
    assert "no samples to show" not in page.text
    assert "could not be drawn" not in page.text


def test_a_dataset_whose_plugin_is_gone_is_a_line_not_a_crash(real_run) -> None:
    page = page_of(real_run / "run")
    assert re.search(r"dots: no samples to show: .*not installed", page.text)
    assert any(attrs["alt"].startswith("Training, dots") for attrs in page.of("img"))


@pytest.mark.parametrize("content", [b"", b"no zip", None])
def test_samples_that_cannot_be_read_cost_only_their_picture(real_run, content, tmp_path) -> None:
    import shutil

    run = tmp_path / "run"
    shutil.copytree(real_run / "run", run)
    for file in run.glob("cells/*/*/samples.npz"):
        if content is None:
            np.savez(file, samples=np.zeros((3, 7)))
        else:
            file.write_bytes(content)
    page = page_of(run, plugin_files=[real_run / "dots.py"])
    assert re.search("cannot be read|have shape", page.text)


def test_the_command_of_a_cell_is_that_cell(real_run, capsys) -> None:
    about = json.loads((real_run / "run" / "run.json").read_text())
    for each in load(real_run / "run").records:
        words = shlex.split(command_of(each, about))
        words[words.index("--plugin") + 1] = str(real_run / "dots.py")
        assert words[:2] == ["genbench", "run"]
        assert main([*words[1:], "--dry-run", "--json"]) == 0
        planned = json.loads(capsys.readouterr().out)["cells"]
        assert each["key"] in {cell["key"] for cell in planned}
        assert len(planned) <= 2  # it, and the floor


def test_a_command_is_safe_to_paste() -> None:
    (each,) = seeds("vae", [1.0], label="x; rm -rf ~ `id` $(id)\n'\"")
    words = shlex.split(command_of(each, {"request": {"preset": "$(id)", "metrics": "`id`"}}))
    assert any("rm -rf" in word for word in words)
    assert "rm" not in words


# ----------------------------------------------------------------------------------------------------- the command line


def test_a_report_is_written(run, tmp_path, capsys) -> None:
    out = tmp_path / "out.html"
    assert main(["report", str(run), "-o", str(out), "--title", "My & yours", "--no-pictures"]) == 0
    assert str(out) in capsys.readouterr().out
    assert "<title>My &amp; yours</title>" in out.read_text()
    assert html.unescape(out.read_text()).count("<!DOCTYPE html>") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "x.pdf"], "expected a file that ends with .html"),
        (["-o", "/nowhere/at/all.html"], "no folder /nowhere/at"),
    ],
)
def test_mistakes_are_told_in_a_line(run, arguments, message, capsys) -> None:
    assert main(["report", str(run), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert main(["report", str(run.parent), "-o", "x.html"]) == 2
    assert "no run here" in capsys.readouterr().err
    assert main(["report", str(run), str(run), "-o", "x.html"]) == 2
    assert "two of these runs are called 'run'" in capsys.readouterr().err
