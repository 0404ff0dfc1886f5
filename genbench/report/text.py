"""Make text from plugins and files safe to show: without control characters, markup or formulas."""

from __future__ import annotations

import re
import unicodedata

MAX_CHARS = 300
FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
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


def clean(value: object, max_chars: int = MAX_CHARS) -> str:
    """Return one line of printable text, of at most ``max_chars`` characters."""
    text = printable(value)
    return text if len(text) <= max_chars else text[: max_chars - 1] + "…"


def markdown_text(text: str) -> str:
    """Return text that GitHub's Markdown shows as it is, inside and outside of tables."""
    text = re.sub(r"([\\`*<>|~$])", r"\\\1", text)
    text = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)  # inside a word an underscore does not start emphasis
    return re.sub(r"\]([(\[:])", r"]\\\1", text)  # brackets alone do not make a link


def latex_text(text: str) -> str:
    """Return text that LaTeX typesets as it is; letters that pdfLaTeX lacks become a question mark."""
    return "".join(LATEX.get(c) or (c if ord(c) < 0x250 else "?") for c in text)


def csv_text(value: str) -> str:
    """Return printable text that a spreadsheet does not read as a formula: a leading = + - @ gets an apostrophe."""
    text = printable(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def file_name(label: str) -> str:
    """Return a label with only characters that are safe in a file name."""
    return "".join(c if c.isalnum() or c in "=._-" else "_" for c in label).strip("._") or "dataset"
