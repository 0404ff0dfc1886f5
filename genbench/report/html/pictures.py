"""Figures in a page: SVG as data URIs, readable on white and on black, with a text for screen readers."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from matplotlib import rc_context
from matplotlib.figure import Figure

from genbench.errors import DataError, describe
from genbench.report.figures.dataset_results import DatasetResults, NotApplicable
from genbench.report.figures.draw import draw
from genbench.report.figures.kinds import FIGURES
from genbench.report.figures.style import STYLE
from genbench.report.text import clean

PIXELS_PER_INCH = 134  # of a page, on which text of 9 points is as large as that of the page
DPI = 110  # resolution of what is drawn as pixels: scatter plots, images
UNESCAPED_CHARS = "/:;=,+()@!*?$ -_.~[]{}|^"  # characters that need no escape in a quoted attribute
DARK_COLOURS = {  # colours on white, and their brighter versions on black
    "#222222": "#e6e6e6", "#767676": "#a0a0a0", "#777777": "#9b9b9b", "#000000": "#e6e6e6", "#0072b2": "#3d9be9",
    "#a0522d": "#d98f66", "#009e73": "#2cc59a", "#d55e00": "#f08030", "#b00020": "#ff7085",
    "#56b4e9": "#a5dcff", "#6a4fb3": "#a991f5", "#c2185b": "#ff7bac", "#00838f": "#45c4d0", "#33691e": "#8cc45f",
}  # fmt: skip
OF_ONE_SEED = (
    "scatter", "images", "conditions", "marginals", "corner", "correlations", "nearest", "reconstructions", "codes",
    "interpolation", "perturbation",
)  # fmt: skip
ONE_A_MODEL = ("corner", "correlations")  # figures of pairs of columns, of which each model has its own
COORDINATES = re.compile(r'((?: d| x| y| transform)=")([^"]*)"')  # attributes that hold coordinates
PATH_DATA = re.compile(r'( d=")([^"]*)"')
STRAIGHT_PATH = re.compile(r"M [-\d.]+ [-\d.]+\s+(?:[ML] [-\d.]+ [-\d.]+\s+|z\s+)+")
VERTEX = re.compile(r"([MLz])(?: ([-\d.]+) ([-\d.]+))?")
LONG_DECIMAL = re.compile(r"-?\d+\.\d{3,}")
METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


@dataclass(frozen=True)
class Picture:
    """A figure in a page: its data URI, its size in pixels, its title and caption, and a text that describes it."""

    name: str
    title: str
    caption: str
    alt: str
    source: str
    width: int
    height: int
    group: str = ""  # pictures of one group are folded, all but the first


def gallery_of(
    results: DatasetResults, names: Iterable[str] = tuple(FIGURES)
) -> tuple[tuple[Picture, ...], tuple[str, ...]]:
    """Return the pictures of a dataset, of these figures, and a line for each that could not be drawn."""
    pictures, problems = [], list[str]()
    for name, part, group in _figures_to_draw(results, names):
        try:
            pictures.append(_picture(name, part, group))
        except NotApplicable:
            continue
        except DataError as error:
            problems.append(clean(error))
        except Exception as error:  # whatever a record or a dataset holds, the rest of the report is written
            problems.append(clean(f"{results.dataset}: the figure {name!r} could not be drawn: {describe(error)}"))
    return tuple(pictures), tuple(dict.fromkeys(problems))


def _figures_to_draw(results: DatasetResults, names: Iterable[str]) -> Iterator[tuple[str, DatasetResults, str]]:
    """Yield the name, the results and the group of each figure; figures of pairs of columns are one per model."""
    for name in names:
        if name not in ONE_A_MODEL:
            yield name, results, ""
            continue
        try:
            samples = results.seed_samples
        except DataError:
            continue
        has_pairs = samples.kind == "vector" and samples.data.shape[0] > 2
        for row in results.models if has_pairs else ():
            if row.label in samples.by_label:
                yield name, results.only_rows([row.label]), name


def _picture(name: str, results: DatasetResults, group: str) -> Picture:
    kind = FIGURES[name]
    source, width, height = svg_data_uri(draw(name, results))
    labels = [clean(row.label, 40) for row in (results.models or results.rows)]
    models = labels[0] if len(labels) == 1 else f"{len(labels)} models: {', '.join(labels[:12])}"
    seed = f"; seed {results.seed_samples.seed}" if name in OF_ONE_SEED else ""
    title = f"{kind.title}: {labels[0]}" if group else kind.title
    caption = f"{kind.description[:1].upper()}{kind.description[1:]}{seed}."
    alt = clean(f"{kind.title}, {results.dataset}: {kind.description}; {models}. The scores are in the table above.")
    return Picture(name, title, caption, alt, source, width, height, group)


def svg_data_uri(figure: Figure) -> tuple[str, int, int]:
    """Return a figure as a data URI of an SVG whose colours suit a light and a dark page, and its size in pixels."""
    out = io.StringIO()
    with rc_context(STYLE):
        figure.savefig(out, format="svg", dpi=DPI, metadata=METADATA, facecolor="none")
    width, height = (round(float(inches) * PIXELS_PER_INCH) for inches in figure.get_size_inches())
    return f"data:image/svg+xml,{quote(_adapt_colours(out.getvalue()), safe=UNESCAPED_CHARS)}", width, height


def _adapt_colours(svg: str) -> str:
    """Return the SVG without comments and long decimals, with colours that follow the light or dark scheme."""
    svg = re.sub(r"<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    used: set[str] = set()

    def variable(match: re.Match[str]) -> str:
        used.add(match[2])
        return f"{match[1]}var(--c{match[2][1:]})"

    svg = re.sub(rf"((?:fill|stroke): ?)({'|'.join(DARK_COLOURS)})\b", variable, svg)
    light = "".join(f"--c{colour[1:]}:{colour};" for colour in sorted(used))
    dark = "".join(f"--c{colour[1:]}:{DARK_COLOURS[colour]};" for colour in sorted(used))
    scheme = f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    svg = svg.replace('<style type="text/css">', f'<style type="text/css">{scheme}', 1)
    svg = COORDINATES.sub(
        lambda m: m[1] + LONG_DECIMAL.sub(lambda x: f"{float(x[0]):.2f}".rstrip("0").rstrip("."), m[2]) + '"', svg
    )
    return re.sub(r"\s*\n\s*", " ", PATH_DATA.sub(lambda m: f'{m[1]}{_shorten_path(m[2])}"', svg))


def _shorten_path(path: str) -> str:
    """Return a path of straight lines in relative coordinates of a tenth of a point, half as long; others unchanged."""
    if not STRAIGHT_PATH.fullmatch(path):
        return path
    out, at, before = "", (0, 0), ""
    for command, x, y in VERTEX.findall(path):
        if command == "z":
            out += "z"
        else:
            to = round(10 * float(x)), round(10 * float(y))
            step = f"{(to[0] - at[0]) / 10:g} {(to[1] - at[1]) / 10:g}"
            out += f"M{to[0] / 10:g} {to[1] / 10:g}" if command == "M" else f"{' ' if before == 'L' else 'l'}{step}"
            at = to
        before = command
    return out
