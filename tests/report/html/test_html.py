"""The report: one file that fetches nothing, escapes whatever it is told, and says what it cannot show."""

import base64
import hashlib
import json
import re

import pytest
from pages import Page, page_of
from synthetic import EVIL, record, score, seeds, write_run

from genbench.record.store import cell_folder
from genbench.report import html
from genbench.report.html import render_pages, render_report
from genbench.table.results import Results, load


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


def test_which_model_to_take_stands_in_the_page_as_text_and_as_data(run) -> None:
    results = load(run)
    text = render_report(results, [run], pictures=False)
    (body,) = re.findall(r'<script type="application/json" id="verdict">(.*?)</script>', text, re.DOTALL)
    (verdict,) = json.loads(body)
    assert verdict == results.verdict().as_dict()
    assert (verdict["dataset"], verdict["take"]) == ("ring", None)  # of two seeds
    assert verdict["sentence"].replace("`", "") in Page(text).text


def test_the_first_section_has_the_verdict_for_every_dataset(tmp_path) -> None:
    scored = {name: [*seeds("b", [0.4, 0.41, 0.42], dataset=name), *seeds("a", [0.1, 0.11, 0.12], dataset=name)]
              for name in ("ring", "moons")}  # fmt: skip
    run = write_run(tmp_path / "run", [*scored["ring"], *scored["moons"]])
    text = render_report(load(run), [run], pictures=False)
    first = Page(text[text.index("<section") : text.index("</section>") + 10]).text
    for dataset in scored:
        verdict = load(run).verdict(dataset)
        assert f"{dataset} {verdict.take}" in first
        assert str(verdict).replace("`", "") in first


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
    assert len(page.of("script")) == 2  # its own, and data that no browser runs
    assert len(page.of("style")) == len(page.of("title")) == 1
    assert {attrs["src"][:18] for attrs in page.of("img")} == {"data:image/svg+xml"}
    assert "{{7*7}}" in page.text
    assert "alert(1)" in page.text
    assert "49</style>" not in text
    (body,) = re.findall(r'<script type="application/json" id="verdict">(.*?)</script>', text, re.DOTALL)
    assert {each["dataset"] for each in json.loads(body)} == {EVIL}
    assert len(page.of("h1")) == 1


@pytest.mark.filterwarnings("ignore:Glyph")
def test_what_moves_a_cursor_or_turns_text_about_is_left_out(tmp_path) -> None:
    name = "a\x1b[2J\u202eb\u200b\ud800"
    records = [record("vae", 0, [score("energy", 1.0)], label=name, dataset=name, dataset_label=name, reason=name)]
    write_run(tmp_path / "run", [])
    text = render_report(Results(tuple(records)), [tmp_path / "run"], pictures=False)
    assert not re.search(r"[\x1b\u202e\u200b\ud800]", text)


def test_runs_without_samples_or_cells_have_a_report_all_the_same(run, tmp_path) -> None:
    page = page_of(run)
    assert "no samples" in page.text
    assert page.of("img"), "what needs no samples is drawn"
    empty = write_run(tmp_path / "empty", [])
    assert "No cell has finished yet" in page_of(empty).text
    assert not page_of(run, pictures=False).of("img")
    assert "the folder of the run is not known" not in Page(render_report(Results(load(run).records), [run])).text


def test_a_page_that_would_be_too_large_is_a_front_page_and_one_of_each_dataset(tmp_path, monkeypatch) -> None:
    records = [record(model, 0, [score("energy", 0.5)], dataset=dataset) for model in ("vae", "gan")
               for dataset in ("ring", "moons")]  # fmt: skip
    run = write_run(tmp_path / "run", records)
    results = load(run)
    whole = render_pages(results, [run], pictures=False, stem="a b")
    assert whole == {"a b": render_report(results, [run], pictures=False)}
    monkeypatch.setattr(html, "MAX_PAGE_BYTES", 1)
    pages = render_pages(results, [run], pictures=False, stem="a b")
    assert list(pages) == ["a b", "a b-1", "a b-2"]
    front, *others = (Page(text) for text in pages.values())
    assert [attrs["href"] for attrs in front.of("a")][1:3] == ["a%20b-1.html", "a%20b-2.html"]
    assert "Which model to take" in front.text
    assert "energy distance" not in front.text
    for page, dataset, other in zip(others, results.datasets, reversed(results.datasets), strict=True):
        assert dataset in page.text
        assert other not in page.text
        assert "a%20b.html" in [attrs["href"] for attrs in page.of("a")]
