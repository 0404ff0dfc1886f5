r"""A table in LaTeX for a paper: booktabs, numbers in math mode, the best and its ties in bold, a short caption.

Several datasets are one table, models x datasets. The preamble needs ``\usepackage{booktabs}`` and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from genbench.report.numbers import Number
from genbench.report.text import latex_text
from genbench.report.view import ShownCell, ShownRow, View
from genbench.table.columns import ColumnInfo

ARROWS = {"lower": r" $\downarrow$", "higher": r" $\uparrow$", None: ""}
MARKS = {"†": r"\dagger", "‡": r"\ddagger", "§": r"\S", "~": r"\sim", "#": r"\#"}
KIND_MARKS = {"": "", "≤": r"\leq ", "≥": r"\geq ", "≈": r"\approx "}
BEST_SENTENCE = "bold: the best, and what no test tells from it"
SEEDS_SUFFIX = re.compile(r" \(\d+/\d+ seeds\)$")  # of the label of a model of which some seeds failed
MAX_INTERVAL_COLUMNS = 4  # of a table of several datasets, beyond which the intervals are left out
ROLES = ("model", "published", "reference")


def render_latex(view: View) -> str:
    """Return one ``table`` environment of a dataset."""
    header = ["", *["rank"][: view.ranked], *map(_name, view.columns)]
    groups = [view.rows_of("model") + view.rows_of("failed"), view.rows_of("published"), view.rows_of("reference")]
    rows = [[_row(row, view.ranked) for row in group] for group in groups if group]
    caption = f"{view.title}: {view.caption.partition(', budget ')[0]}"
    comments = [view.caption, *view.legend_lines, *view.notes]
    cells = [cell for row in view.rows for cell in row.cells]
    table = _environment((caption, view.title), [_line(header)], rows, cells, view.legend)
    return f"{_comments(view.headline)}{table}{_comments(comments)}"


def render_latex_datasets(views: Sequence[View]) -> str:
    """Return one ``table`` environment, models x datasets: of the first column that all have, or of those chosen.

    Where the datasets have no column in common, each has a table of its own.
    """
    names = [name for name in _names(views[0]) if all(name in _names(view) for view in views)]
    names = names if views[0].chosen_by_user else names[:1]
    if not names:
        return "\n".join(map(render_latex, views))
    columns = [next(column for column in views[0].columns if column.name == name) for name in names]
    titles = [view.title for view in views]
    head = [_line(["", *map(latex_text, titles * len(names))])]
    if len(names) > 1:
        ends = range(1, len(names) * len(views) + 2, len(views))
        rules = "".join(rf"\cmidrule(lr){{{start + 1}-{end}}}" for start, end in pairwise(ends))
        above = [rf"\multicolumn{{{len(views)}}}{{c}}{{{_name(column)}}}" for column in columns]
        head = [_line(["", *above]), rules, *head]
    bare = len(names) * len(views) > MAX_INTERVAL_COLUMNS
    rows: dict[str, list[str]] = {role: [] for role in ROLES}
    shown: list[ShownCell] = []
    for label, found in _labels(views).items():
        role = next((row.role for row in found if row is not None and row.role != "failed"), "model")
        cells = [_cell_of(row, view, name, bare) for name in names for row, view in zip(found, views, strict=True)]
        shown += [cell for cell in cells if isinstance(cell, ShownCell)]
        texts = [_cell(cell) if isinstance(cell, ShownCell) else latex_text(cell) for cell in cells]
        rows[role].append(_line([_label(label, role), *texts]))
    what = f"{names[0]} ({columns[0].better} is better)" if len(names) == 1 and columns[0].better else ", ".join(names)
    caption = f"{what} of models on {', '.join(titles[:-1])} and {titles[-1]}"
    legend = tuple(dict.fromkeys(line for view in views for line in view.legend_lines))
    verdicts = [f"{view.title}: {line}" for view in views for line in view.headline]
    comments = [f"{view.title}: {line}" for view in views for line in (view.caption, *view.notes)]
    if not views[0].chosen_by_user:
        comments.append("one dataset: -d NAME; other columns: --metrics A,B")
    groups = [group for group in rows.values() if group]
    table = _environment((caption, "datasets"), head, groups, shown, legend)
    return f"{_comments(verdicts)}{table}{_comments([*legend, *comments])}"


def _comments(lines: Sequence[str]) -> str:
    return "".join(f"% {line.replace('{best}', 'bold:')}\n" for line in dict.fromkeys(lines))


def _environment(
    named: tuple[str, str],
    head: Sequence[str],
    groups: Sequence[Sequence[str]],
    cells: Sequence[ShownCell],
    legend: Sequence[str],
) -> str:
    """Return the environment; ``named`` are its caption and its label, ``legend`` explains the marks of ``cells``."""
    caption, label = named
    intervals = any(cell.number and cell.number.interval for cell in cells)
    sentences = [caption, f"means over seeds{' with 95 % intervals' if intervals else ''}"]
    sentences += [BEST_SENTENCE] if any(cell.best for cell in cells) else []
    marks = {mark for cell in cells for mark in (cell.kind, *cell.marks) if mark}
    note = "; ".join(latex_text(line) for line in dict.fromkeys(legend) if line.partition(" ")[0] in marks)
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            r"\small",
            rf"\caption{{{latex_text('; '.join(sentences))}.}}",
            rf"\label{{tab:{re.sub(r'[^A-Za-z0-9]+', '-', label).strip('-')}}}",
            rf"\begin{{tabular}}{{l{'r' * head[-1].count(' & ')}}}",
            r"\toprule",
            *head,
            r"\midrule",
            *(line for i, group in enumerate(groups) for line in ([r"\midrule"] * (i > 0) + list(group))),
            r"\bottomrule",
            r"\end{tabular}",
            *([rf"\par\smallskip{{\footnotesize {note}.}}"] if note else []),
            r"\end{table}",
            "",
        ]
    )


def _names(view: View) -> list[str]:
    return [column.name for column in view.columns]


def _name(column: ColumnInfo) -> str:
    return f"{latex_text(column.name)}{ARROWS[column.better]}"


def _labels(views: Sequence[View]) -> dict[str, list[ShownRow | None]]:
    """Return each label in the order of the tables, with its row in each."""
    by_view = [{SEEDS_SUFFIX.sub("", row.label): row for row in view.rows} for view in views]
    return {
        label: [rows.get(label) for rows in by_view] for label in dict.fromkeys(each for r in by_view for each in r)
    }


def _cell_of(row: ShownRow | None, view: View, name: str, bare: bool) -> ShownCell | str:
    """Return the number of a row in a column, without its interval where ``bare``; or why there is none."""
    if row is None or row.note:
        return "" if row is None else row.note
    cell = row.cells[_names(view).index(name)]
    return replace(cell, number=cell.short) if bare and cell.short is not None else cell


def _line(cells: Sequence[str]) -> str:
    return rf"{' & '.join(cells)} \\"


def _label(label: str, role: str) -> str:
    text = latex_text(label)
    if text.startswith(("[", "*")):  # LaTeX would read it as an argument of the line break before it
        text = f"{{}}{text}"
    return rf"\textit{{{text}}}" if role in ("published", "reference") else text


def _row(row: ShownRow, ranked: bool) -> str:
    first = [_label(row.label, row.role), *[latex_text(row.ranks)][:ranked]]
    if row.note:
        return _line([*first, rf"\multicolumn{{{len(row.cells)}}}{{l}}{{{latex_text(row.note)}}}"])
    return _line([*first, *map(_cell, row.cells)])


def _cell(cell: ShownCell) -> str:
    if cell.number is None:
        return "--"
    digits = _digits(cell.number)
    best = rf"\mathbf{{{digits}}}" if cell.best else digits
    marks = "".join(MARKS.get(mark, mark) for mark in cell.marks)
    return f"${KIND_MARKS[cell.kind]}{best}{f'^{{{marks}}}' if marks else ''}$"


def _digits(number: Number) -> str:
    interval = number.interval.replace("∞", r"\infty")
    digits = rf"{number.value}\ {interval}" if interval else number.value
    if not number.exponent:
        return digits
    return (rf"({digits})" if interval else digits) + rf" \times 10^{{{number.exponent}}}"
