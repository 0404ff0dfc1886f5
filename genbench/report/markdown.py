"""A table in Markdown, for GitHub, a README or a notebook."""

from __future__ import annotations

from genbench.report.text import markdown_text
from genbench.report.view import ShownCell, ShownRow, View

ARROWS = {"lower": " ↓", "higher": " ↑", None: ""}


def render_markdown(view: View) -> str:
    """Return one table with a heading and its legend, as GitHub-flavoured Markdown."""
    names = [f"{markdown_text(column.name)}{ARROWS[column.better]}" for column in view.columns]
    header = ["", *["rank"][: view.ranked], *names]
    rows = [header, [":--", *("--:" for _ in header[1:])]]
    rows += [
        _row(row, view.ranked) for role in ("model", "failed", "published", "reference") for row in view.rows_of(role)
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    legend = markdown_text(" · ".join(view.legend)).replace("{best}", "**bold**")
    meanings = markdown_text(" · ".join(f"{name}: {text}" for name, text in view.definitions))
    references = markdown_text(" · ".join(view.references))
    failed = "\n".join(f"- {markdown_text(row)}" for row in view.notes)
    verdict = "\n\n".join(markdown_text(sentence) for sentence in view.headline)
    around = [f"### {markdown_text(view.title)}", markdown_text(view.caption), verdict, table]
    return "\n\n".join(part for part in (*around, legend, meanings, references, failed) if part) + "\n"


def _row(row: ShownRow, ranked: bool) -> list[str]:
    label = markdown_text(row.label)
    if row.role in ("published", "reference"):
        label = f"*{label}*"
    cells = [_cell(cell) for cell in row.cells]
    if row.note:
        cells[:1] = [markdown_text(row.note)]
    return [label, *[row.ranks][:ranked], *cells]


def _cell(cell: ShownCell) -> str:
    if cell.number is None:
        return "–"
    number = str(cell.number)
    marks = f" {cell.marks}" if cell.marks else ""
    return f"{cell.kind} {f'**{number}**' if cell.best else number}{marks}".strip()
