"""Results in a notebook: their tables as in the report, the report itself, and figures by name."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from genbench.errors import DataError, UnknownName, UserError
from genbench.report import views_of
from genbench.report.view import ShownCell, ShownRow, View
from genbench.table.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARROWS = {"lower": " ↓", "higher": " ↑", None: ""}
ROLES = ("model", "failed", "published", "reference")
REPORT_HEIGHT_PX = 800
DPI = 110


@dataclass(frozen=True, repr=False)
class NotebookResults(Results):
    """Results that ``run`` and ``load`` return: they show as tables, and ``report`` and ``plot`` display."""

    METHODS: ClassVar[str] = f".report(), .plot(FIGURE), {Results.METHODS}"

    @classmethod
    def of(cls, results: Results) -> NotebookResults:
        """Return these results."""
        return cls(**{field.name: getattr(results, field.name) for field in fields(results)})

    def _repr_html_(self) -> str:
        """Show one table a dataset, rounded, ranked and marked as in the report."""
        return "".join(map(_table, views_of(self.records, suites=self.suites)))

    def report(self, out: str | Path | None = None, title: str = "", *, pictures: bool = True) -> ReportPage:
        """Return the report, which a notebook shows; it is also written to ``out``, a file of HTML, where given.

        ``pictures=False`` loads no dataset. Raises UserError where the folders of the runs are not known.
        """
        from genbench.report.html import render_report

        runs = self._known_runs()
        title = title or f"genbench: {', '.join(path.resolve().name for path in runs)}"
        page = render_report(self, runs, title, [], pictures=pictures)
        if out is not None:
            Path(out).write_text(page, encoding="utf-8", errors="replace", newline="\n")
        return ReportPage(page, None if out is None else Path(out))

    def plot(
        self, name: str = "equivalent", dataset: str = "", models: str = "", *, plugins: Iterable[str | Path] = ()
    ) -> Drawing:
        """Return the figure of this name, one a dataset, which a notebook shows; ``genbench plot --list`` lists them.

        ``dataset`` and ``models`` select by names, globs and exclusions. Raises UnknownName for another figure, and
        DataError where the records hold nothing to draw.
        """
        from genbench.report.figures.draw import draw, results_by_dataset
        from genbench.report.figures.kinds import FIGURES

        if name not in FIGURES:
            raise UnknownName("figure", name, FIGURES)
        chosen = self.select(datasets=dataset)
        folders = {path.resolve().name: path for path in self._known_runs()}
        records = [record if "run" in record else {**record, "run": next(iter(folders))} for record in chosen.records]
        found = results_by_dataset(records, folders, map(Path, plugins), all_options=FIGURES[name].all_options)
        if models:
            only = {str(r.get("label") or r["model"]) for r in chosen.select(models).records}
            found = [replace(each, only=tuple(sorted(only))) for each in found]
        figures, reasons = [], []
        for each in found:
            try:
                figures.append((str(each.dataset), draw(name, each)))
            except DataError as error:
                reasons.append(str(error))
        if not figures:
            raise DataError("; ".join(reasons) or "no cell has finished yet, so there is nothing to draw")
        return Drawing(name, tuple(figures))

    def _known_runs(self) -> tuple[Path, ...]:
        if not self.runs:
            raise UserError("the folder of the run is not known; load it with genbench.load")
        return self.runs


@dataclass(frozen=True)
class ReportPage:
    """A report as HTML, and the file that it was written to, None if it was not."""

    html: str
    path: Path | None = None

    def __repr__(self) -> str:
        where = "report(out='report.html') writes it" if self.path is None else f"written to {self.path}"
        return f"report of {len(self.html) / 1e6:.1f} MB; {where}"

    def _repr_html_(self) -> str:
        style = f"width: 100%; height: {REPORT_HEIGHT_PX}px; border: 1px solid #ccc"
        return f'<iframe srcdoc="{escape(self.html)}" style="{style}" sandbox="allow-scripts"></iframe>'


@dataclass(frozen=True)
class Drawing:
    """Figures of one name, as pairs of a dataset and a figure of matplotlib."""

    name: str
    figures: tuple[tuple[str, Figure], ...]

    def __repr__(self) -> str:
        return f"figure {self.name!r} of {', '.join(dataset for dataset, _ in self.figures)}; save(FILE) writes it"

    def _repr_html_(self) -> str:
        shown = ""
        for dataset, figure in self.figures:
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight")
            data = base64.b64encode(buffer.getvalue()).decode()
            label = escape(f"{self.name}: {dataset}")
            shown += f'<img alt="{label}" style="max-width: 100%" src="data:image/png;base64,{data}">'
        return shown

    def save(self, path: str | Path, dpi: int = 200) -> list[Path]:
        """Write PNG, PDF or SVG, and return the paths: of several datasets, each name is added to that of the file."""
        from genbench.report.figures.draw import save
        from genbench.report.text import file_name

        path, written = Path(path), []
        for dataset, figure in self.figures:
            each = path if len(self.figures) == 1 else path.with_stem(f"{path.stem}-{file_name(dataset)}")
            save(figure, each, dpi)
            written.append(each)
        return written


def _table(view: View) -> str:
    """Return one table as HTML without a style sheet: intervals below numbers, the best in bold."""
    names = ["", *["rank"][: view.ranked], *(f"{column.name}{ARROWS[column.better]}" for column in view.columns)]
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = "".join(_row(row, view) for role in ROLES for row in view.rows_of(role))
    marks = " · ".join(view.legend).replace("{best}", "bold:")
    definitions = " · ".join(f"{name}: {text}" for name, text in view.definitions)
    below = [marks, definitions, " · ".join(view.references), *view.notes]
    notes = "".join(f"<div><small>{escape(text)}</small></div>" for text in below if text)
    verdict = "".join(f"<p>{escape(sentence)}</p>" for sentence in view.headline)
    title = f"<h4>{escape(view.title)}</h4><div><small>{escape(view.caption)}</small></div>"
    return f"{title}{verdict}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{notes}"


def _row(row: ShownRow, view: View) -> str:
    label = escape(row.label) if row.role in ("model", "failed") else f"<i>{escape(row.label)}</i>"
    first = f"<th>{label}</th>" + (f"<td>{row.ranks}</td>" if view.ranked else "")
    if row.note:
        return f'<tr>{first}<td colspan="{len(row.cells)}">{escape(row.note)}</td></tr>'
    return f"<tr>{first}{''.join(map(_cell, row.cells))}</tr>"


def _cell(cell: ShownCell) -> str:
    if cell.number is None:
        return "<td>–</td>"
    value = f"{cell.number.value}{cell.number.scale}"
    number = f"{cell.kind}{f'<b>{value}</b>' if cell.best else value}{escape(cell.marks)}"
    interval = f"<br><small>{cell.number.interval}{cell.number.scale}</small>" if cell.number.interval else ""
    return f"<td>{number}{interval}</td>"
