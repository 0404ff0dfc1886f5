"""The template of a page, with the filters that break long names and set names in a sentence as code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
BREAK_BEHIND = re.compile(r"(?<=[_@/.:=,|\])])(?=\w)")  # where a long name may go on in the next line
ARROW = re.compile(r" (?=[↓↑]$)")
CODE = re.compile(r"`([^`]+)`")


def template(name: str = "report.html.j2") -> Any:
    """Return a template of this folder, which escapes all text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"breakable": breakable, "code_spans": code_spans}
    return environment.get_template(name)


def breakable(text: object) -> Any:
    """Return a name, escaped, with places at which a browser may break it: ``number_of_<wbr>children``.

    An arrow behind it stays with the last part.
    """
    from markupsafe import Markup

    return Markup("<wbr>").join(BREAK_BEHIND.split(ARROW.sub("\u00a0", str(text))))


def code_spans(text: object) -> Any:
    """Return a sentence, escaped, with what stands in backticks as code."""
    from markupsafe import Markup, escape

    parts = CODE.split(str(text))
    spans = [Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts)]
    return Markup("").join(spans)
