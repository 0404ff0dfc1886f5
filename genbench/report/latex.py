r"""A table for a paper: booktabs, numbers in mathematics, the best and what is tied with it in bold."""

from __future__ import annotations

import re

from genbench.report.numbers import Number
from genbench.report.text import latex_text
from genbench.report.view import ShownCell, ShownRow, View

__all__ = ["render_latex"]

ARROWS = {"lower": r" $\downarrow$", "higher": r" $\uparrow$", None: ""}
SCALES = {"": "", "†": r"\dagger", "‡": r"\ddagger", "§": r"\S"}
KINDS = {"": "", "≤": r"\leq ", "≥": r"\geq ", "≈": r"\approx "}


def render_latex(view: View) -> str:
    r"""Return one ``table`` environment; the preamble needs ``\usepackage{booktabs}`` and nothing else."""
    names = [f"{latex_text(column.name)}{ARROWS[column.better]}" for column in view.columns]
    header = " & ".join(["", *["rank"][: view.ranked], *names])
    models = [_row(line, view.ranked) for role in ("model", "failed") for line in view.of(role)]
    references = [_row(line, view.ranked) for line in view.of("reference")]
    body = [*models, *([r"\midrule"] if models and references else []), *references]
    said = [f"{view.title}: {view.caption}", *view.headline, "; ".join(view.legend)]
    words = ". ".join(latex_text(text) for text in said if text).replace(latex_text("{best}"), r"\textbf{bold}:")
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
            *(f"% {line}" for line in view.notes),
            "",
        ]
    )


def _row(line: ShownRow, ranked: bool) -> str:
    label = latex_text(line.label)
    label = f"{{}}{label}" if label.startswith(("[", "*")) else label  # which the line break before would take
    if line.role == "reference":
        label = rf"\textit{{{label}}}"
    first = [label, *[latex_text(line.ranks)][:ranked]]
    if line.note:
        return rf"{' & '.join(first)} & \multicolumn{{{len(line.cells)}}}{{l}}{{{latex_text(line.note)}}} \\"
    return rf"{' & '.join([*first, *(_cell(cell) for cell in line.cells)])} \\"


def _cell(cell: ShownCell) -> str:
    if cell.number is None:
        return "--"
    digits = _digits(cell.number)
    best = rf"\mathbf{{{digits}}}" if cell.best else digits
    marks = SCALES[cell.scale] + ("?" if cell.doubt else "") + ("!" if cell.suspect else "")
    return f"${KINDS[cell.kind]}{best}{f'^{{{marks}}}' if marks else ''}$"


def _digits(number: Number) -> str:
    digits = rf"{number.value} \pm {number.error}" if number.error else number.value
    if not number.exponent:
        return digits
    return (rf"({digits})" if number.error else digits) + rf" \times 10^{{{number.exponent}}}"
