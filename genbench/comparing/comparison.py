"""The verdicts on two sets of runs together, as text, Markdown, JSON and an exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from genbench.comparing.verdict import DECIDED, VERDICTS, Verdict
from genbench.errors import Inconclusive, Regression

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Group

__all__ = ["Comparison"]


@dataclass(frozen=True)
class Comparison:
    """All verdicts on two sides, worst first; ``notes`` hold for all of them."""

    verdicts: tuple[Verdict, ...]
    base: str = "base"  # how the sides are called
    head: str = "head"
    notes: tuple[str, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)  # machine, versions and times of the sides, as known

    def __post_init__(self) -> None:
        ordered = sorted(self.verdicts, key=lambda each: VERDICTS.index(each.verdict))
        object.__setattr__(self, "verdicts", tuple(ordered))

    def of(self, *verdicts: str) -> list[Verdict]:
        """Return those with one of these verdicts."""
        return [each for each in self.verdicts if each.verdict in verdicts]

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each verdict that occurs, worst first."""
        found = Counter(each.verdict for each in self.verdicts)
        return {name: found[name] for name in VERDICTS if found[name]}

    @property
    def summary(self) -> str:
        """One line: what is to be done, and how many there are of each."""
        counts = ", ".join(f"{number} {name}" for name, number in self.counts.items())
        return f"{self._headline()}: {counts}" if counts else "Nothing to compare"

    def _headline(self) -> str:
        worse = self.of("regressed")
        if worse:
            first = f"{worse[0].subject}, {worse[0].metric}"
            return f"Regressed: {first}" + (f" and {len(worse) - 1} more" if len(worse) > 1 else "")
        if self.of("inconclusive"):
            return "No regression seen, not all settled"
        return "No regression" if self.of(*DECIDED) else "Nothing could be decided"

    def exit_code(self, *, strict: bool = False) -> int:
        """Return 4 where something regressed, 5 with ``strict`` where something is inconclusive or missing, else 0."""
        if self.of("regressed"):
            return Regression.exit_code
        return Inconclusive.exit_code if strict and self._unsettled else 0

    def check(self, *, strict: bool = False) -> None:
        """Raise Regression or, with ``strict``, Inconclusive, as ``exit_code`` says."""
        if worse := self.of("regressed"):
            names = [f"{each.subject}, {each.metric}" for each in worse]
            raise Regression(f"{self.head} is worse than {self.base}: {_listed(names)}")
        if strict and (open_ := self._unsettled):
            more = max((each.more_runs or 0 for each in open_), default=0)
            hint = f"; with {more} more run{'s' if more > 1 else ''} a side all is settled that can be" if more else ""
            counts = ", ".join(f"{number} {name}" for name, number in Counter(each.verdict for each in open_).items())
            raise Inconclusive(f"{self.head} cannot be told from {self.base} in full: {counts}{hint}")

    @property
    def _unsettled(self) -> list[Verdict]:
        """What ``strict`` objects to; that nothing at all could be decided is no pass either."""
        return self.of("inconclusive", "missing") or ([] if self.of(*DECIDED, "changed") else list(self.verdicts))

    def to_frame(self) -> pd.DataFrame:
        """Return one row a verdict, worst first, with the fields of ``Verdict``."""
        import pandas as pd

        return pd.DataFrame([each.as_dict() for each in self.verdicts], columns=list(Verdict.__dataclass_fields__))

    def to_markdown(self, *, full: bool = False) -> str:
        """Return a comment for a pull request, in GitHub's Markdown; ``full`` lists what is otherwise only counted."""
        from genbench.comparing.text import render_markdown

        return render_markdown(self.verdicts, self.summary, (self.base, self.head), self.notes, full=full)

    def to_rich(self, *, full: bool = False) -> Group:
        """Return what a terminal shows; ``full`` lists what is otherwise only counted."""
        from genbench.comparing.text import render_rich

        return render_rich(self.verdicts, self.summary, (self.base, self.head), self.notes, full=full)

    def _repr_markdown_(self) -> str:
        """Show it in a notebook as in a pull request's comment."""
        return self.to_markdown()

    def joined(self, others: Iterable[Comparison]) -> Comparison:
        """Return one comparison with the verdicts and notes of others besides."""
        others = list(others)
        verdicts: Sequence[Verdict] = [*self.verdicts, *(each for other in others for each in other.verdicts)]
        notes = dict.fromkeys([*self.notes, *(note for other in others for note in other.notes)])
        return Comparison(tuple(verdicts), self.base, self.head, tuple(notes), self.about)


def _listed(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return "; ".join(names[:most]) + more
