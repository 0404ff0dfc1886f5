"""A comparison as people read it: a summary line first, what matters under it, what does not matter counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from genbench.comparing.verdict import VERDICTS, Value, Verdict
from genbench.report.numbers import round_number
from genbench.report.text import clean, markdown_text

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["SHOWN", "render_markdown", "render_rich"]

SHOWN = ("regressed", "changed", "improved", "new", "missing")  # row by row
COUNTED = ("inconclusive", "unchanged", "not comparable")  # unless all are asked for
MOST = 20  # rows of one verdict, unless all are asked for
COLUMNS = ("what", "metric", "base", "head", "change", "verdict")
STYLES = {"regressed": "bold red", "improved": "green", "inconclusive": "yellow", "changed": "cyan"}
MARKS = {"regressed": "❌", "improved": "✅", "inconclusive": "❔", "changed": "✏️"}
NAMED = 4  # metrics of one subject
REASONS = 4  # of what is not comparable


def render_markdown(
    verdicts: Sequence[Verdict], summary: str, sides: tuple[str, str], notes: Sequence[str], *, full: bool = False
) -> str:
    """Return a comment for a pull request, in GitHub's Markdown: a summary, a table, and the rest folded.

    ``sides`` are the names of base and head.
    """
    base, head = (markdown_text(clean(side)) for side in sides)
    parts = [f"### {markdown_text(clean(summary))}", f"base: {base} · head: {head}"]
    if firm := _limited(_with(verdicts, *SHOWN), full):
        parts.append(_markdown_table(firm))
    for name in COUNTED:
        if found := _with(verdicts, name):
            lines = _by_subject(found) if name == "inconclusive" else _counted(found)
            body = _markdown_table(found) if full else "\n".join(f"- {markdown_text(line)}" for line in lines)
            parts.append(_folded(f"{len(found)} {name}{_settled_by(found)}", body))
    parts += [f"<sub>{markdown_text(clean(note))}</sub>" for note in notes]
    return "\n\n".join(parts) + "\n"


def _markdown_table(verdicts: Sequence[Verdict]) -> str:
    rows = [COLUMNS, (":--", ":--", "--:", "--:", "--:", ":--")]
    rows += [tuple(markdown_text(text) for text in _row(each, MARKS.get)) for each in verdicts]  # type: ignore[misc]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def render_rich(
    verdicts: Sequence[Verdict], summary: str, sides: tuple[str, str], notes: Sequence[str], *, full: bool = False
) -> Group:
    """Return what a terminal shows; ``sides`` are the names of base and head."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    worst = verdicts[0].verdict if verdicts else ""
    parts: list[Text | Table] = [Text(clean(summary), "bold red" if worst == "regressed" else "bold")]
    parts.append(Text(f"base {clean(sides[0])}, head {clean(sides[1])}", "dim"))
    wanted = VERDICTS if full else SHOWN
    rows = _limited(_with(verdicts, *wanted), full)
    if rows:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for i, name in enumerate(COLUMNS):
            table.add_column(name, justify="right" if i in (2, 3, 4) else "left", overflow="fold")
        for each in rows:
            style = STYLES.get(each.verdict, "")
            table.add_row(*(Text(text, style if i == len(COLUMNS) - 1 else "") for i, text in enumerate(_row(each))))
        parts.append(table)
    for name in VERDICTS if not full else ():
        found = _with(verdicts, name)
        if name in SHOWN and len(found) > MOST:
            parts.append(Text(f"{len(found) - MOST} more {name}; --all shows them"))
        elif name in COUNTED and found:
            lines = _by_subject(found) if name == "inconclusive" else _counted(found)
            title = Text(f"{len(found)} {name}{_settled_by(found)}", STYLES.get(name, ""))
            parts += [title, *(Text(f"  {line}") for line in lines)]
    parts += [Text(clean(note), "dim") for note in notes]
    return Group(*parts)


# -------------------------------------------------------------------------------------------------------------- pieces


def _with(verdicts: Sequence[Verdict], *names: str) -> list[Verdict]:
    return [each for each in verdicts if each.verdict in names]


def _limited(verdicts: Sequence[Verdict], full: bool) -> list[Verdict]:
    """Return at most 20 of each verdict."""
    if full:
        return list(verdicts)
    seen: Counter[str] = Counter()
    kept = []
    for each in verdicts:
        seen[each.verdict] += 1
        if seen[each.verdict] <= MOST:
            kept.append(each)
    return kept


def _row(each: Verdict, mark: Callable[[str], str | None] = lambda _: None) -> tuple[str, ...]:
    arrow = {"lower": " ↓", "higher": " ↑"}.get(each.better or "", "")
    more = f" ({_runs(each.more_runs)} a side)" if each.more_runs else ""
    if each.p is not None and each.verdict in ("regressed", "improved"):
        more = f" (p = {each.p:.2g})"
    reason = f": {each.reason}" if each.reason else ""
    verdict = " ".join(part for part in (mark(each.verdict), f"{each.verdict}{reason}{more}") if part)
    texts = (each.subject, f"{each.metric}{arrow}", _value(each.base), _value(each.head), _change(each), verdict)
    return tuple(clean(text) for text in texts)


def _value(value: Value) -> str:
    if value is None:
        return "–"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return value if len(value) <= 24 else value[:12] + ".."
    return str(round_number(value))


def _change(each: Verdict) -> str:
    if each.change is None:
        return "–"
    text = f"{each.change:+.1%}" if abs(each.change) < 10 else f"{each.change:+.3g} x"
    low, high = each.low, each.high
    return text if low is None or high is None else f"{text} ({low:+.0%}, {high:+.0%})"


def _counted(verdicts: Sequence[Verdict]) -> list[str]:
    """Return each reason with how often it was given, the most frequent first."""
    reasons = Counter(each.reason or each.kind for each in verdicts)
    lines = [f"{clean(reason)} ({number})" for reason, number in reasons.most_common(REASONS)]
    rest = len(reasons) - REASONS
    return lines + ([f"{rest} other reasons"] if rest > 0 else [])


def _by_subject(verdicts: Sequence[Verdict]) -> list[str]:
    """Return a line a subject: how many of its metrics are open, and which."""
    found: dict[str, list[Verdict]] = {}
    for each in verdicts:
        found.setdefault(each.subject, []).append(each)
    lines = []
    for subject, many in list(found.items())[:MOST]:
        names = ", ".join(each.metric for each in many[:NAMED])
        rest = f" and {len(many) - NAMED} more" if len(many) > NAMED else ""
        lines.append(clean(f"{subject}: {names}{rest}{_settled_by(many)}"))
    return lines + ([f"{len(found) - MOST} more; --all shows them"] if len(found) > MOST else [])


def _settled_by(verdicts: Sequence[Verdict]) -> str:
    """Return how many more runs would settle half of them, and all that can be."""
    more = sorted(each.more_runs for each in verdicts if each.more_runs)
    if not more:
        return ""
    if more[0] == more[-1]:
        return f", {_runs(more[-1])} a side would settle them"
    return f", {_runs(more[len(more) // 2])} a side would settle half of them, {more[-1]} all"


def _runs(number: int) -> str:
    return f"{number} more run{'s' if number > 1 else ''}"
