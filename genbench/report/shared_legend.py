"""The legend of several tables: what means the same in all of them is explained once, below the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from genbench.report.view import View


def legend_once(views: Sequence[View]) -> list[View]:
    """Return the tables, of which only the last explains the marks, the metrics and the references of all.

    What concerns one table stays with it: how its rows are ranked, and a mark that means something else in another.
    """
    if len(views) < 2:
        return list(views)
    meanings: dict[str, set[str]] = {}
    for line in (line for view in views for line in view.legend):
        meanings.setdefault(_mark(line), set()).add(line)
    everywhere = set.intersection(*(set(view.legend) for view in views))
    shared = {
        line: None
        for view in views
        for line in view.legend
        if line in everywhere or (len(meanings[_mark(line)]) == 1 and not _mark(line)[0].isalnum())
    }
    definitions = tuple(dict.fromkeys(each for view in views for each in view.definitions))
    references = tuple(dict.fromkeys(each for view in views for each in view.references))
    shortened = [
        replace(view, legend=tuple(line for line in view.legend if line not in shared), definitions=(), references=())
        for view in views
    ]
    last = shortened[-1]
    shortened[-1] = replace(last, legend=(*shared, *last.legend), definitions=definitions, references=references)
    return shortened


def _mark(line: str) -> str:
    """Return what a line explains: ``≤``, ``{best}``, or the first word of a sentence."""
    return line.partition(" ")[0] or " "
