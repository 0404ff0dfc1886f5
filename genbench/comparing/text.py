"""Render a comparison for people: a summary line, then what changed row by row, then the rest as counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from genbench.comparing.verdict import VERDICTS, Value, Verdict
from genbench.report.numbers import round_number
from genbench.report.text import clean, markdown_text

if TYPE_CHECKING:
    from rich.console import Group

LISTED_VERDICTS = ("regressed", "changed", "improved", "new", "missing")  # row by row
COUNTED_VERDICTS = ("inconclusive", "unchanged", "not comparable")  # unless all are asked for, or `_is_listed`
MAX_ROWS = 20  # of one verdict, unless all are asked for
COLUMNS = ("what", "metric", "base", "head", "change", "verdict")
STYLES = {"regressed": "bold red", "improved": "green", "inconclusive": "yellow", "changed": "cyan"}
MARKS = {"regressed": "❌", "improved": "✅", "inconclusive": "❔", "changed": "✏️"}
MAX_METRICS_NAMED = 4  # of one subject
MAX_REASONS = 4  # of one verdict
MAX_VALUE_LENGTH = 24  # characters of a text that are shown in full


def render_markdown(
    verdicts: Sequence[Verdict], summary: str, sides: tuple[str, str], notes: Sequence[str], *, full: bool = False
) -> str:
    """Return a pull-request comment in GitHub's Markdown: a summary, a table, and the rest folded.

    ``sides`` are the names of base and head.
    """
    base, head = (markdown_text(clean(side)) for side in sides)
    parts = [f"### {markdown_text(clean(summary))}", f"base: {base} · head: {head}"]
    if listed := _limited([each for each in verdicts if _is_listed(each)], full):
        parts.append(_markdown_table(listed))
    counted = [each for each in verdicts if not _is_listed(each)]
    for name in COUNTED_VERDICTS:
        if found := _with(counted, name):
            lines = _subject_lines(found) if name == "inconclusive" else _reason_lines(found)
            body = _markdown_table(found) if full else "\n".join(f"- {markdown_text(line)}" for line in lines)
            title = _title(name, found, verdicts)
            parts.append(f"<details><summary>{title}</summary>\n\n{body}\n\n</details>")
    parts += [f"<sub>{markdown_text(clean(note))}</sub>" for note in notes]
    return "\n\n".join(parts) + "\n"


def _markdown_table(verdicts: Sequence[Verdict]) -> str:
    rows = [COLUMNS, (":--", ":--", "--:", "--:", "--:", ":--")]
    rows += [tuple(markdown_text(text) for text in _row(each, MARKS.get)) for each in verdicts]  # type: ignore[misc]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


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
    if rows := _limited([each for each in verdicts if full or _is_listed(each)], full):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for i, name in enumerate(COLUMNS):
            table.add_column(name, justify="right" if i in (2, 3, 4) else "left", overflow="fold")
        for each in rows:
            style = STYLES.get(each.verdict, "")
            table.add_row(*(Text(text, style if i == len(COLUMNS) - 1 else "") for i, text in enumerate(_row(each))))
        parts.append(table)
    for name in VERDICTS if not full else ():
        found = [each for each in _with(verdicts, name) if name in LISTED_VERDICTS or not _is_listed(each)]
        if name in LISTED_VERDICTS and len(found) > MAX_ROWS:
            parts.append(Text(f"{len(found) - MAX_ROWS} more {name}; --all shows them"))
        elif name in COUNTED_VERDICTS and found:
            lines = _subject_lines(found) if name == "inconclusive" else _reason_lines(found)
            title = Text(_title(name, found, verdicts), STYLES.get(name, ""))
            parts += [title, *(Text(f"  {line}") for line in lines)]
    parts += [Text(clean(note), "dim") for note in notes]
    return Group(*parts)


# -------------------------------------------------------------------------------------------------------------- pieces


def _with(verdicts: Sequence[Verdict], *names: str) -> list[Verdict]:
    return [each for each in verdicts if each.verdict in names]


def _is_listed(each: Verdict) -> bool:
    """Return whether a verdict is shown row by row: differences that runs cannot settle and lost seeds are, too."""
    return (
        each.verdict in LISTED_VERDICTS or each.differs or (each.verdict == "not comparable" and each.metric == "seeds")
    )


def _limited(verdicts: Sequence[Verdict], full: bool) -> list[Verdict]:
    """Return at most MAX_ROWS of each verdict but all unsettled differences, or all with ``full``."""
    found = []
    for name in VERDICTS:
        found += _with(verdicts, name)[: MAX_ROWS if name in LISTED_VERDICTS and not full else None]
    return found


def _title(name: str, found: Sequence[Verdict], verdicts: Sequence[Verdict]) -> str:
    """Return the title of verdicts that are counted, beside those of the same name that are listed."""
    others = "" if len(found) == len(_with(verdicts, name)) or name != "inconclusive" else " without a difference"
    return f"{len(found)} {name}{others}{_settled_by(found)}"


def _row(each: Verdict, mark: Callable[[str], str | None] = lambda _: None) -> tuple[str, ...]:
    arrow = {"lower": " ↓", "higher": " ↑"}.get(each.better or "", "")
    more = f" ({more_runs(each.more_runs)} a side)" if each.more_runs else ""
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
        return value if len(value) <= MAX_VALUE_LENGTH else value[:12] + ".."
    return str(round_number(value))


def _change(each: Verdict) -> str:
    if each.change is None:
        return "–"
    text = f"{each.change:+.1%}" if abs(each.change) < 10 else f"{each.change:+.3g} x"
    low, high = each.low, each.high
    return text if low is None or high is None else f"{text} ({low:+.0%}, {high:+.0%})"


def _reason_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Return each reason with its number of verdicts, the most frequent first."""
    reasons = Counter(each.reason or each.kind for each in verdicts)
    lines = [f"{clean(reason)} ({number})" for reason, number in reasons.most_common(MAX_REASONS)]
    rest = len(reasons) - MAX_REASONS
    return lines + ([f"{rest} other reasons"] if rest > 0 else [])


def _subject_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Return one line per subject: which of its metrics are inconclusive, and the runs that would settle them."""
    found: dict[str, list[Verdict]] = {}
    for each in verdicts:
        found.setdefault(each.subject, []).append(each)
    lines = []
    for subject, many in list(found.items())[:MAX_ROWS]:
        names = first_of([each.metric for each in many], MAX_METRICS_NAMED)
        lines.append(clean(f"{subject}: {names}{_settled_by(many)}"))
    return lines + ([f"{len(found) - MAX_ROWS} more; --all shows them"] if len(found) > MAX_ROWS else [])


def _settled_by(verdicts: Sequence[Verdict]) -> str:
    """Return how many more runs would settle half of the verdicts, and all that more runs can settle."""
    more = sorted(each.more_runs for each in verdicts if each.more_runs)
    if not more:
        return ""
    if more[0] == more[-1]:
        return f", {more_runs(more[-1])} a side would settle them"
    return f", {more_runs(more[len(more) // 2])} a side would settle half of them, {more[-1]} all"


def more_runs(number: int) -> str:
    """Return a number of further runs in words."""
    return f"{number} more run{'s' if number > 1 else ''}"


def first_of(names: Sequence[str], number: int, separator: str = ", ") -> str:
    """Return the first names, and how many more there are."""
    left = len(names) - number
    return separator.join(names[:number]) + (f" and {left} more" if left > 0 else "")
