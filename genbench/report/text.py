"""Text that plugins and files gave, made safe to show: it moves no cursor, forges no markup, is no formula."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["clean", "csv_text", "latex_text", "markdown_text", "printable"]

LONGEST = 300
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "''", "±": r"$\pm$", "≤": r"$\leq$", "≥": r"$\geq$", "≈": r"$\approx$", "–": "--",
    "↓": r"$\downarrow$", "↑": r"$\uparrow$", "×": r"$\times$", "·": r"$\cdot$", "σ": r"$\sigma$",
    "†": r"$\dagger$", "‡": r"$\ddagger$", "§": r"\S{}", "…": r"\ldots{}",
}  # fmt: skip


def printable(value: object) -> str:
    """Return one line of text without control, format, private or unassigned characters."""
    text = re.sub(r"\s+", " ", str(value)).strip()
    return "".join(c for c in text if unicodedata.category(c)[0] != "C").strip()


def clean(value: object, longest: int = LONGEST) -> str:
    """Return one line of printable text, cut after 300 characters unless ``longest`` says otherwise."""
    text = printable(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def markdown_text(text: str) -> str:
    """Return text that GitHub's Markdown shows as it is, in a table cell or outside."""
    text = re.sub(r"([\\`*<>|~$])", r"\\\1", text)
    text = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)  # an underscore inside a word is no emphasis
    return re.sub(r"\]([(\[:])", r"]\\\1", text)  # a bracket alone is no link


def latex_text(text: str) -> str:
    """Return text that LaTeX typesets as it is; letters that pdfLaTeX lacks become a question mark."""
    return "".join(LATEX.get(c) or (c if ord(c) < 0x250 else "?") for c in text)


def csv_text(value: str) -> str:
    """Return printable text that no spreadsheet takes for a formula: a leading = + - @ gets an apostrophe."""
    text = printable(value)
    return f"'{text}" if text.startswith(FORMULA) else text
