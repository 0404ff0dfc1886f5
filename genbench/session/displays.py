"""Choose how the progress of a session is shown: live in a terminal, as a bar in a notebook, or as lines."""

from __future__ import annotations

from rich.console import Console

from genbench.session.live_progress import LiveProgress
from genbench.session.notebook_progress import NotebookProgress
from genbench.session.options import RunOptions
from genbench.session.progress import LineProgress, PlainProgress


def display_for(console: Console, options: RunOptions) -> PlainProgress:
    """Return the observer for a console.

    ``options.progress`` is None to show progress in a terminal or a notebook only, True to print lines elsewhere.
    Without isolation nothing is drawn, as a debugger may use the terminal.
    """
    can_draw = console.is_jupyter or (console.is_terminal and not console.is_dumb_terminal)
    if not (can_draw if options.progress is None else options.progress):
        return PlainProgress(console)
    if not can_draw or options.isolation == "none":
        return LineProgress(console)
    return NotebookProgress(console) if console.is_jupyter else LiveProgress(console)
