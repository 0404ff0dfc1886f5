"""Make stdout and stderr writable: ASCII where their encoding lacks a character, nowhere where they are closed."""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata
from io import TextIOWrapper

__all__ = ["ascii_of", "open_closed", "replace_unwritable"]

HANDLER = "genbench-ascii"
# as many characters where possible, so that columns stay aligned
ASCII = {
    "≥": ">=", "≤": "<=", "∞": "inf", "±": "+-", "≈": "~", "×": "x", "·": "-", "…": "...", "–": "-", "—": "-", "−": "-",
    "↓": "v", "↑": "^", "→": "->", "†": "+", "‡": "#", "§": "S", "✓": "+", "✗": "x", "σ": "sd", "Σ": "sum", "π": "pi",
    "‘": "'", "’": "'", "“": '"', "”": '"', "█": "#", "▇": "#", "▆": "=", "▅": "=", "▄": "-", "▃": "-", "▂": "_",
    "▁": "_", "─": "-", "│": "|", "├": "+", "└": "+", "ß": "ss",
}  # fmt: skip


def ascii_of(text: str) -> str:
    """Return text in ASCII: known symbols by their usual substitutes, accents removed, other characters as ``?``."""
    return "".join(ASCII.get(character) or _without_accents(character) or "?" for character in text)


def _without_accents(character: str) -> str:
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()


def _substitute(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return ascii_of(error.object[error.start : error.end]), error.end


def open_closed() -> None:
    """Open what of stdin, stdout and stderr is closed as the null device, so that no other file takes its place."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # which is given the lowest free number, this one
    sys.stdin = sys.stdin or open(0, closefd=False, encoding="utf-8")  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", closefd=False, encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False, encoding="utf-8")  # noqa: SIM115


def replace_unwritable() -> None:
    """Make stdout and stderr write what their encoding lacks as ASCII; streams in Unicode stay as they are."""
    codecs.register_error(HANDLER, _substitute)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not stream.encoding.lower().startswith("utf"):
            stream.reconfigure(errors=HANDLER)
