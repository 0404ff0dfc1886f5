"""Show an audit as tables: in a terminal, in Markdown and in a notebook."""

from __future__ import annotations

import html
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.box import Box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from genbench.auditing.findings import DETECTION_Z, SEEN_AT_SMALLEST, Finding, Injection
from genbench.report.text import clean, markdown_text, printable

COLUMN_GAP = 2  # blanks between columns
TABLE_RULES = Box("    \n    \n ── \n    \n    \n    \n    \n    \n")
SEEN_MARK, FLATTERED_MARK, MISSED_MARK = "✓", "!", "✗"
STYLES = {SEEN_MARK: "bold green", FLATTERED_MARK: "bold yellow", MISSED_MARK: "bold red", "": "dim"}
LEGEND = (
    f"z: distance from the score of fresh real data, in standard deviations; {SEEN_MARK} seen, |z| at least "
    f"{DETECTION_Z:g}; {FLATTERED_MARK} seen, but scored better than real data; {MISSED_MARK} advertised and missed; "
    "∞ all real data score the same and this does not; – no value"
)


@dataclass(frozen=True)
class Mark:
    """The entry of a table for one fault and one metric: its text and its sign."""

    text: str
    sign: str = ""


@dataclass(frozen=True)
class Grid:
    """One table: a title, the metrics, and for each fault its label, its size or unit, and one mark per metric."""

    title: str
    size_heading: str  # of the second column
    metrics: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[Mark, ...]], ...]


@dataclass(frozen=True)
class Tables:
    """What is shown of an audit: the data, how they were audited, the tables, conclusions and notes.

    Each line of ``verdicts`` comes with whether it reports a metric that misses what it advertises.
    """

    data: str
    heading: str
    grids: tuple[Grid, ...]
    verdicts: tuple[tuple[str, bool], ...]
    notes: tuple[str, ...]


def grids_of(
    findings: Sequence[Finding], faults: Sequence[Injection], metrics: tuple[str, ...], n: int
) -> tuple[Grid, Grid]:
    """Return the table of z and the table of smallest sizes, for faults in ``n`` samples."""
    found = {(finding.fault, finding.metric): finding for finding in findings}
    strengths, smallest = [], []
    for fault in faults:
        row = [found[fault.fault, metric] for metric in metrics]
        size = f"{fault.size:g}"
        strengths.append((fault.fault, size, tuple(Mark(_z_text(finding), _sign(finding)) for finding in row)))
        sizes = tuple(Mark(_size_text(finding), "" if finding.smallest is None else SEEN_MARK) for finding in row)
        smallest.append((fault.fault, fault.unit, sizes))
    return (
        Grid(f"z of each fault at its size, {n} samples", "size", metrics, tuple(strengths)),
        Grid(f"smallest size that is seen with {n} samples", "in", metrics, tuple(smallest)),
    )


def _sign(finding: Finding) -> str:
    if finding.missed:
        return MISSED_MARK
    return "" if not finding.detected else FLATTERED_MARK if finding.flattered else SEEN_MARK


def _z_text(finding: Finding) -> str:
    if finding.z is None:
        return "∞" if finding.detected else "–"
    size = abs(finding.z)
    if size < 10:
        return f"{finding.z:.1f}".replace("-0.0", "0.0")
    return f"{finding.z:.0f}" if size < 1e4 else f"{finding.z:.0e}".replace("e+0", "e").replace("e+", "e")


def _size_text(finding: Finding) -> str:
    if finding.smallest is None:
        return "–"
    bound = "≤" if SEEN_AT_SMALLEST in finding.warnings else ""
    digits = max(0, 1 - math.floor(math.log10(finding.smallest)))
    return bound + f"{finding.smallest:.{digits}f}"


# --------------------------------------------------------------------------------------------------------- terminal


def render_terminal(tables: Tables, width: int) -> RenderableType:
    """Return the tables and conclusions, for rich to print on a terminal ``width`` columns wide."""
    parts: list[RenderableType] = [Text.assemble((clean(tables.data), "bold"), "  ", (tables.heading, "dim"))]
    for grid in tables.grids:
        parts += [Text(), Text(grid.title, "bold")]
        parts += [_table(grid, block) for block in _blocks(grid, width)]
    parts += [Text(), Text(LEGEND, "dim"), Text()]
    for line, is_complaint in tables.verdicts:
        mark, style = (MISSED_MARK, "bold red") if is_complaint else ("·", "bold")
        parts.append(Text(f"{mark} {printable(line)}", style))
    parts += [Text(f"note: {clean(note)}", "dim") for note in tables.notes]
    return Group(*parts)


def _widths(grid: Grid) -> list[int]:
    return [max(len(name), *(len(row[2][i].text) + 2 for row in grid.rows), 0) for i, name in enumerate(grid.metrics)]


def _blocks(grid: Grid, width: int) -> Iterator[list[int]]:
    """Yield the metrics of each part of a table, as many as fit the width, at least one."""
    left = width - sum(max(len(row[part]) for row in grid.rows) + COLUMN_GAP for part in (0, 1)) if grid.rows else width
    block: list[int] = []
    used = 0
    for i, size in enumerate(_widths(grid)):
        if block and used + size + COLUMN_GAP > left:
            yield block
            block, used = [], 0
        block.append(i)
        used += size + COLUMN_GAP
    if block and grid.rows:
        yield block


def _table(grid: Grid, block: Sequence[int]) -> Table:
    padding = (0, COLUMN_GAP - 1, 0, 0)
    table = Table(box=TABLE_RULES, show_edge=False, pad_edge=False, padding=padding, header_style="bold")
    table.add_column("", no_wrap=True)
    table.add_column(grid.size_heading, no_wrap=True, style="dim")
    for i in block:
        table.add_column(Text(grid.metrics[i]), justify="right", no_wrap=True)
    for label, size, cells in grid.rows:
        shown = [Text(f"{cells[i].text} {cells[i].sign or ' '}", STYLES[cells[i].sign]) for i in block]
        table.add_row(Text(label), Text(size), *shown)
    return table


def terminal_text(tables: Tables, width: int) -> str:
    """Return plain text for a terminal ``width`` columns wide."""
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, force_terminal=False, legacy_windows=False)
    console.print(render_terminal(tables, width))
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n"))


# ---------------------------------------------------------------------------------------------------- other formats


def render_markdown(tables: Tables) -> str:
    """Return the tables in Markdown."""
    lines = [f"**{markdown_text(clean(tables.data))}**: {tables.heading}", ""]
    for grid in tables.grids:
        names = [markdown_text(name) for name in grid.metrics]
        lines += [
            f"{grid.title}:",
            "",
            f"| | {grid.size_heading} | {' | '.join(names)} |",
            "|:--|:--" + "|--:" * len(names) + "|",
        ]
        for label, size, cells in grid.rows:
            shown = [f"**{cell.text}** {cell.sign}" if cell.sign else cell.text for cell in cells]
            lines.append(f"| {markdown_text(label)} | {size} | {' | '.join(shown)} |")
        lines.append("")
    lines += [markdown_text(LEGEND), "", *(f"- {markdown_text(printable(line))}" for line, _ in tables.verdicts)]
    return "\n".join(lines) + "\n"


def render_html(tables: Tables) -> str:
    """Return the tables for a notebook."""
    parts = [f"<p><b>{html.escape(clean(tables.data))}</b> {html.escape(tables.heading)}</p>"]
    for grid in tables.grids:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in ("", grid.size_heading, *grid.metrics))
        rows = []
        for label, size, cells in grid.rows:
            shown = "".join(
                f"<td>{'<b>' if cell.sign else ''}{cell.text} {cell.sign}{'</b>' if cell.sign else ''}</td>"
                for cell in cells
            )
            rows.append(f"<tr><th>{label}</th><td>{size}</td>{shown}</tr>")
        parts.append(f"<p>{grid.title}</p><table><tr>{head}</tr>{''.join(rows)}</table>")
    verdicts = "".join(f"<li>{html.escape(line)}</li>" for line, _ in tables.verdicts)
    return "".join(parts) + f"<p>{html.escape(LEGEND)}</p><ul>{verdicts}</ul>"
