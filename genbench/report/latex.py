"""A table in LaTeX for a paper: booktabs, numbers in math mode, the best and its ties in bold."""

from __future__ import annotations

import re

from genbench.report.numbers import Number
from genbench.report.text import latex_text
from genbench.report.view import ShownCell, ShownRow, View

ARROWS = {"lower": r" $\downarrow$", "higher": r" $\uparrow$", None: ""}
MARKS = {"†": r"\dagger", "‡": r"\ddagger", "§": r"\S", "~": r"\sim", "#": r"\#"}
KIND_MARKS = {"": "", "≤": r"\leq ", "≥": r"\geq ", "≈": r"\approx "}


def render_latex(view: View) -> str:
    r"""Return one ``table`` environment; the preamble needs ``\usepackage{booktabs}`` and nothing else."""
    names = [f"{latex_text(column.name)}{ARROWS[column.better]}" for column in view.columns]
    header = " & ".join(["", *["rank"][: view.ranked], *names])
    models = [_row(row, view.ranked) for role in ("model", "failed") for row in view.rows_of(role)]
    others = [[_row(row, view.ranked) for row in view.rows_of(role)] for role in ("published", "reference")]
    body = [row for i, rows in enumerate(filter(None, (models, *others))) for row in ([r"\midrule"] * (i > 0) + rows)]
    parts = [f"{view.title}: {view.caption}", *view.headline, "; ".join(view.legend_lines)]
    words = ". ".join(latex_text(text.rstrip(".")) for text in parts if text).replace(
        latex_text("{best}"), r"\textbf{bold}:"
    )
    name = re.sub(r"[^A-Za-z0-9]+", "-", view.title).strip("-")
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            r"\small",
            rf"\caption{{{words}.}}",
            rf"\label{{tab:{name}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(view.columns) + view.ranked)}}}",
            r"\toprule",
            rf"{header} \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            *(f"% {row}" for row in view.notes),
            "",
        ]
    )


def _row(row: ShownRow, ranked: bool) -> str:
    label = latex_text(row.label)
    if label.startswith(("[", "*")):  # LaTeX would read it as an argument of the line break before it
        label = f"{{}}{label}"
    if row.role in ("published", "reference"):
        label = rf"\textit{{{label}}}"
    first = [label, *[latex_text(row.ranks)][:ranked]]
    if row.note:
        return rf"{' & '.join(first)} & \multicolumn{{{len(row.cells)}}}{{l}}{{{latex_text(row.note)}}} \\"
    return rf"{' & '.join([*first, *(_cell(cell) for cell in row.cells)])} \\"


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
