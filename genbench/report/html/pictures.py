"""Figures inside a page: SVG as data, readable on white and on black, with words for those who do not see them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from matplotlib import rc_context
from matplotlib.figure import Figure

from genbench.errors import DataError, describe
from genbench.report.figures.draw import FIGURES, draw
from genbench.report.figures.style import STYLE
from genbench.report.figures.subject import Subject, Unsuited
from genbench.report.text import clean

__all__ = ["Picture", "as_data", "gallery_of"]

DPI = 110  # of what is no line: clouds of points, densities
SAFE = "/:;=,+()@!*?$ -_.~[]{}|^"  # what needs no escape inside a quoted attribute
DARK = {  # colours on black, where those for white are too dim
    "#222222": "#e6e6e6", "#767676": "#a0a0a0", "#777777": "#9b9b9b", "#000000": "#e6e6e6", "#0072b2": "#3d9be9",
    "#a0522d": "#d98f66", "#009e73": "#2cc59a", "#d55e00": "#f08030", "#b00020": "#ff7085",
    "#56b4e9": "#a5dcff",
}  # fmt: skip
PLACES = re.compile(r'((?: d| x| y| transform)=")([^"]*)"')  # attributes that hold coordinates
PATH = re.compile(r'( d=")([^"]*)"')
STRAIGHT = re.compile(r"M [-\d.]+ [-\d.]+\s+(?:[ML] [-\d.]+ [-\d.]+\s+|z\s+)+")
VERTEX = re.compile(r"([MLz])(?: ([-\d.]+) ([-\d.]+))?")
LONG = re.compile(r"-?\d+\.\d{3,}")
METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


@dataclass(frozen=True)
class Picture:
    """A figure as a page holds it: a data URI, its size in pixels, its title, caption, and words in its place."""

    name: str
    title: str
    caption: str
    alt: str
    source: str
    width: int
    height: int
    group: str = ""  # pictures of one group are folded together


def gallery_of(subject: Subject) -> tuple[tuple[Picture, ...], tuple[str, ...]]:
    """Return the pictures of a dataset, and a line for each that its records do not allow."""
    pictures, problems = [], list[str]()
    for name, part, group in _wanted(subject):
        try:
            pictures.append(_picture(name, part, group))
        except Unsuited:
            continue
        except DataError as error:
            problems.append(clean(error))
        except Exception as error:  # whatever a record or a dataset holds, the rest of the report is worth having
            problems.append(clean(f"{subject.dataset}: the figure {name!r} could not be drawn: {describe(error)}"))
    return tuple(pictures), tuple(dict.fromkeys(problems))


def _wanted(subject: Subject) -> Iterator[tuple[str, Subject, str]]:
    """Yield the figures, and which rows are in each: pairs of columns are shown one model at a time."""
    for name in FIGURES:
        if name != "corner":
            yield name, subject, ""
            continue
        try:
            wide = subject.shown.kind == "vector" and subject.shown.data.shape[0] > 2
        except DataError:
            continue
        for row in subject.models if wide else ():
            if row.label in subject.shown.samples:
                yield name, subject.narrowed([row.label]), "corner"


def _picture(name: str, subject: Subject, group: str) -> Picture:
    kind = FIGURES[name]
    source, width, height = as_data(draw(name, subject))
    labels = [clean(row.label, 40) for row in (subject.models or subject.rows)]
    who = labels[0] if len(labels) == 1 else f"{len(labels)} models: {', '.join(labels[:12])}"
    seed = f"; seed {subject.shown.seed}" if name in ("scatter", "images", "marginals", "corner") else ""
    title = f"{kind.title}: {labels[0]}" if group else kind.title
    alt = clean(f"{kind.title}, {subject.dataset}: {kind.words}; {who}. The scores are in the table above.")
    return Picture(name, title, f"{kind.words[:1].upper()}{kind.words[1:]}{seed}.", alt, source, width, height, group)


def as_data(figure: Figure) -> tuple[str, int, int]:
    """Return a figure as a data URI of an SVG whose colours suit a light and a dark page, and its size in pixels."""
    out = io.StringIO()
    with rc_context(STYLE):
        figure.savefig(out, format="svg", dpi=DPI, metadata=METADATA, facecolor="none")
    width, height = (round(float(inches) * 96) for inches in figure.get_size_inches())
    return f"data:image/svg+xml,{quote(_adaptive(out.getvalue()), safe=SAFE)}", width, height


def _adaptive(svg: str) -> str:
    """Return the SVG without what a page does not need, its colours taken from variables that know the scheme."""
    svg = re.sub(r"<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    used: set[str] = set()

    def variable(match: re.Match[str]) -> str:
        used.add(match[2])
        return f"{match[1]}var(--c{match[2][1:]})"

    svg = re.sub(rf"((?:fill|stroke): ?)({'|'.join(DARK)})\b", variable, svg)
    light = "".join(f"--c{colour[1:]}:{colour};" for colour in sorted(used))
    dark = "".join(f"--c{colour[1:]}:{DARK[colour]};" for colour in sorted(used))
    scheme = f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    svg = svg.replace('<style type="text/css">', f'<style type="text/css">{scheme}', 1)
    svg = PLACES.sub(lambda m: m[1] + LONG.sub(lambda x: f"{float(x[0]):.2f}".rstrip("0").rstrip("."), m[2]) + '"', svg)
    return re.sub(r"\s*\n\s*", " ", PATH.sub(lambda m: f'{m[1]}{_short(m[2])}"', svg))


def _short(path: str) -> str:
    """Return a path of straight lines by its steps, in tenths of a point: half as long; others as they are."""
    if not STRAIGHT.fullmatch(path):
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
