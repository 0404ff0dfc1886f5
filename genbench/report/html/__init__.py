"""Runs as one HTML file: tables, pictures and every cell; the page loads nothing from elsewhere.

The page holds one style sheet and one script, both allowed by hash in its Content-Security-Policy; pictures are data
URIs. All text from plugins, files and logs is escaped.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from genbench.report.figures.draw import results_by_dataset
from genbench.report.figures.kinds import FIGURES
from genbench.report.html.cells import cells_of
from genbench.report.html.pictures import Picture, gallery_of
from genbench.report.html.runs import runs_of
from genbench.report.html.tables import leaderboard, overview
from genbench.report.html.template import template
from genbench.report.text import clean
from genbench.table.recommendation import recommend
from genbench.table.results import Results
from genbench.version import __version__

__all__ = ["render_pages", "render_report"]

MAX_PAGE_BYTES = 10_000_000  # that a browser opens at once
FOLDER = Path(__file__).parent


def render_report(
    results: Results,
    runs: Sequence[Path],
    title: str = "genbench report",
    plugin_files: Iterable[Path] = (),
    pictures: bool = True,
) -> str:
    """Return the report of ``results``, which come from the folders ``runs``, as one HTML file.

    ``plugin_files`` are the one-file plugins with which the runs were made. In place of a picture that cannot be drawn
    the page says why; ``pictures=False`` leaves out all pictures.
    """
    return _page(_content(results, runs, title, plugin_files, pictures))


def render_pages(
    results: Results,
    runs: Sequence[Path],
    title: str = "genbench report",
    plugin_files: Iterable[Path] = (),
    pictures: bool = True,
    *,
    stem: str = "report",
) -> dict[str, str]:
    """Return the report as pages by the stem of their files: one, or a front page and one of each dataset.

    The arguments are those of ``render_report``. There are several pages where one would pass 10 MB; ``stem`` is that
    of the front page, which links to the others.
    """
    content = _content(results, runs, title, plugin_files, pictures)
    whole = _page(content)
    if len(content["datasets"]) < 2 or len(whole.encode()) <= MAX_PAGE_BYTES:
        return {stem: whole}
    names = {each["id"]: f"{stem}-{number}" for number, each in enumerate(content["datasets"], start=1)}
    links = [(f"{quote(names[each['id']])}.html", each["name"]) for each in content["datasets"]]
    front = {**content, "front": True, "cells": [], "links": links}
    pages = {stem: _page(front)}
    for each in content["datasets"]:
        part = {
            **content, "title": f"{content['title']}: {each['name']}", "datasets": [each], "overview": None,
            "sweeps": (), "runs": (), "links": [(f"{quote(stem)}.html", "all datasets")],
            "cells": [group for group in content["cells"] if group[0] in each["labels"]],
            "verdicts": each["recommended"],
        }  # fmt: skip
        pages[names[each["id"]]] = _page(part)
    return pages


def _content(
    results: Results, runs: Sequence[Path], title: str, plugin_files: Iterable[Path], pictures: bool
) -> dict[str, Any]:
    """Return what a page of all results shows."""
    folders = {run.resolve().name: run for run in runs}
    about = runs_of(folders)
    datasets, verdicts = [], []
    for number, part in enumerate(results_by_dataset(results.records, folders, plugin_files)):
        found = [recommend(summary).as_dict() for summary in part.summaries]
        verdicts += found
        figures, problems = gallery_of(part) if pictures else ((), ())
        datasets.append(
            {
                "id": f"dataset-{number}",
                "name": clean(part.dataset),
                "recommended": found,
                "labels": {clean(r.get("dataset_label") or r["dataset"]) for r in part.records},
                "verdicts": [(clean(each["take"] or ""), clean(each["sentence"], 2000)) for each in found],
                "boards": leaderboard(part.records, results.suites),
                "figures": figures,
                "problems": problems,
            }
        )
    return {
        "sweeps": _sweeps(results, folders, plugin_files) if pictures else (),
        "title": title,
        "version": __version__,
        "overview": overview(datasets),
        "datasets": datasets,
        "verdicts": verdicts,
        "runs": about,
        "cells": cells_of(results.records, folders, {each["name"]: each["about"] for each in about}),
        "damaged": [clean(each) for each in results.damaged],
        "links": (),
        "front": False,
    }


def _page(content: Mapping[str, Any]) -> str:
    page: str = template().render(**content, **_assets())
    return page


def _sweeps(results: Results, folders: Mapping[str, Path], plugin_files: Iterable[Path]) -> list[Picture]:
    """Return the figures of options of datasets, each drawn of several datasets of the page."""
    together = results_by_dataset(results.records, folders, plugin_files, all_options=True)
    names = [name for name, kind in FIGURES.items() if kind.all_options]
    several = [each for each in together if len({record.get("dataset_label") for record in each.records}) > 1]
    return [picture for each in several for picture in gallery_of(each, names)[0]]


def _assets() -> dict[str, Any]:
    from markupsafe import Markup

    style = _text("report.css")
    script = _text("tablesort.min.js") + _text("report.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return {"style": Markup(style), "script": Markup(script), "policy": policy}  # noqa: S704 (genbench's own files)


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(name: str) -> str:
    """Return the text of a file in this folder, with the line ends that a browser uses for its hash."""
    return (FOLDER / name).read_text(encoding="utf-8").replace("\r\n", "\n")
