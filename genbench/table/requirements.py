"""Requirements on scores, ``c2st<.6,coverage>.9``: which models are good enough, and which of them surely are."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genbench.errors import UnknownName, UserError
from genbench.registry.selection import split

if TYPE_CHECKING:  # a request is checked before anything heavy is imported
    from genbench.table.summary import Row, Summary

REQUIREMENT = re.compile(r"(?P<column>[^<>=\s]+)\s*(?P<sign>[<>])=?\s*(?P<limit>[^<>=\s]+)")


@dataclass(frozen=True)
class Requirement:
    """A limit of a column: values are at most that or, where ``above`` is True, at least that."""

    column: str
    above: bool
    limit: float

    def __str__(self) -> str:
        return f"{self.column}{'>' if self.above else '<'}{self.limit:g}"

    def met_by(self, value: float) -> bool:
        """Return whether a value is on the right side of the limit."""
        return value >= self.limit if self.above else value <= self.limit


@dataclass(frozen=True)
class Judgement:
    """Whether a model is good enough: ``failed`` has each column in which it is not, with its value or why it has none.

    ``sure`` says that it meets all with the whole of the 95 % interval of each.
    """

    model: str
    failed: tuple[str, ...]
    sure: bool

    @property
    def met(self) -> bool:
        """Whether it meets all requirements."""
        return not self.failed


def parse_requirements(text: str) -> list[Requirement]:
    """Return the requirements of a text such as ``c2st<.6,coverage>.9``; raises UserError for anything else."""
    found = []
    for part in split(text):
        match = REQUIREMENT.fullmatch(part)
        try:
            limit = float(match["limit"]) if match else math.nan
        except ValueError:
            limit = math.nan
        if match is None or not math.isfinite(limit):
            raise UserError(f"--require {part!r}: expected METRIC<NUMBER or METRIC>NUMBER, as c2st<.6,coverage>.9")
        found.append(Requirement(match["column"], match["sign"] == ">", limit))
    if not found:
        raise UserError("--require is empty: expected METRIC<NUMBER or METRIC>NUMBER, as c2st<.6,coverage>.9")
    return found


def judge(summary: Summary, requirements: Iterable[Requirement]) -> list[Judgement]:
    """Return how each model of a dataset does, in the order of its table; raises UnknownName for an unknown column."""
    requirements = list(requirements)
    known = [column.name for column in summary.columns]
    for each in requirements:
        if each.column not in known:
            raise UnknownName("metric", each.column, known)
    return [_judge(row, requirements) for row in summary.rows if row.role == "model"]


def _judge(row: Row, requirements: Sequence[Requirement]) -> Judgement:
    failed, sure = [], True
    for each in requirements:
        entry = row.entries.get(each.column)
        if entry is None or entry.estimate is None:
            why = row.reason or (entry.missing if entry else "") or "no value"
            failed.append(f"{each.column}: {why}")
            continue
        if not each.met_by(entry.estimate.mean):
            failed.append(f"{each.column} {entry.estimate.mean:.3g}")
        ends = entry.interval
        sure = sure and ends is not None and each.met_by(ends[0]) and each.met_by(ends[1])
    return Judgement(row.label, tuple(failed), sure and not failed)


def sentence(judgements: Sequence[Judgement], requirements: Sequence[Requirement]) -> str:
    """Return one line for a dataset: which models meet the requirements, and what the others miss."""
    met = [f"{each.model}{'' if each.sure else ' (not surely)'}" for each in judgements if each.met]
    missed = [f"{each.model} ({', '.join(each.failed)})" for each in judgements if not each.met]
    text = f"{', '.join(map(str, requirements))}: met by {', '.join(met) or 'no model'}"
    return text + (f"; not by {', '.join(missed)}" if missed else "")
