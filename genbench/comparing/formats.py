"""The formats of a comparison, by name."""

from __future__ import annotations

from genbench.comparing.text import render_markdown
from genbench.comparing.trackers import render_asv, render_bmf, render_github_action_benchmark, render_json
from genbench.comparing.verdict import Comparison
from genbench.errors import UserError

__all__ = ["FORMATS", "render"]

FORMATS = ("rich", "markdown", "json", "github-action-benchmark", "bmf", "asv")


def render(comparison: Comparison, form: str, *, full: bool = False, strict: bool = False) -> str:
    """Return a comparison as text in one of ``FORMATS``; ``full`` lists what is otherwise only counted.

    ``rich`` is what a terminal of 100 columns without colours shows; ``exit_code`` in JSON is that of ``strict``.
    Raises UserError for another format.
    """
    if form == "rich":
        return _plain_terminal(comparison, full)
    if form == "markdown":
        return render_markdown(comparison, full=full)
    if form == "json":
        return render_json(comparison, strict=strict) + "\n"
    renderers = {
        "github-action-benchmark": render_github_action_benchmark,
        "bmf": render_bmf,
        "asv": render_asv,
    }
    if form not in renderers:
        raise UserError(f"no format {form!r}; expected one of {', '.join(FORMATS)}")
    return renderers[form](comparison) + "\n"


def _plain_terminal(comparison: Comparison, full: bool) -> str:
    from io import StringIO

    from rich.console import Console

    from genbench.comparing.text import render_rich

    console = Console(file=StringIO(), width=100)
    console.print(render_rich(comparison, full=full))
    written: StringIO = console.file  # type: ignore[assignment]
    return written.getvalue()
