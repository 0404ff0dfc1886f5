"""A comparison of two sets of runs: all its verdicts, with a summary, formats and an exit code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from genbench.comparing.text import first_of, more_runs, render_markdown, render_rich
from genbench.comparing.verdict import DECIDED, VERDICTS, Verdict
from genbench.errors import Inconclusive, Regression

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Group

MAX_NAMES_IN_ERROR = 3


@dataclass(frozen=True)
class Comparison:
    """All verdicts on two sides, worst first; ``notes`` apply to all of them."""

    verdicts: tuple[Verdict, ...]
    base: str = "base"  # names of the sides
    head: str = "head"
    notes: tuple[str, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)  # machine, versions and times of the sides, where known

    def __post_init__(self) -> None:
        ordered = sorted(self.verdicts, key=lambda each: VERDICTS.index(each.verdict))
        object.__setattr__(self, "verdicts", tuple(ordered))

    def of(self, *verdicts: str) -> list[Verdict]:
        """Return the verdicts of these kinds, such as ``regressed``."""
        return [each for each in self.verdicts if each.verdict in verdicts]

    @property
    def counts(self) -> dict[str, int]:
        """The number of verdicts of each kind that occurs, worst first."""
        found = Counter(each.verdict for each in self.verdicts)
        return {name: found[name] for name in VERDICTS if found[name]}

    @property
    def summary(self) -> str:
        """One line: the worst result, and the number of verdicts of each kind."""
        counts = ", ".join(f"{number} {name}" for name, number in self.counts.items())
        return f"{self._headline()}: {counts}" if counts else "Nothing to compare"

    def _headline(self) -> str:
        if worse := self._regressed_names:
            return f"Regressed: {first_of(worse, 1)}"
        if self.of("inconclusive"):
            return "No regression found, some results are inconclusive"
        return "No regression" if self.of(*DECIDED) else "Nothing could be decided"

    def exit_code(self, *, strict: bool = False) -> int:
        """Return 4 where something regressed, 5 with ``strict`` where something is inconclusive or missing, else 0."""
        if self.of("regressed"):
            return Regression.exit_code
        return Inconclusive.exit_code if strict and self._unsettled else 0

    def check(self, *, strict: bool = False) -> None:
        """Raise Regression or, with ``strict``, Inconclusive, as ``exit_code`` says."""
        if worse := self._regressed_names:
            raise Regression(f"{self.head} is worse than {self.base}: {first_of(worse, MAX_NAMES_IN_ERROR, '; ')}")
        if strict and (unsettled := self._unsettled):
            counts = Counter(each.verdict for each in unsettled)
            counted = ", ".join(f"{number} {name}" for name, number in counts.items())
            more = max((each.more_runs or 0 for each in unsettled), default=0)
            hint = f"; {more_runs(more)} a side would settle all that more runs can settle" if more else ""
            raise Inconclusive(f"not everything could be decided between {self.base} and {self.head}: {counted}{hint}")

    @property
    def _regressed_names(self) -> list[str]:
        return [f"{each.subject}, {each.metric}" for each in self.of("regressed")]

    @property
    def _unsettled(self) -> list[Verdict]:
        """The verdicts that ``strict`` does not let pass: all of them, where nothing at all could be decided."""
        return self.of("inconclusive", "missing") or ([] if self.of(*DECIDED, "changed") else list(self.verdicts))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per verdict, worst first, with the fields of ``Verdict``."""
        import pandas as pd

        return pd.DataFrame([each.as_dict() for each in self.verdicts], columns=list(Verdict.__dataclass_fields__))

    def to_markdown(self, *, full: bool = False) -> str:
        """Return a pull-request comment in GitHub's Markdown; ``full`` lists what is otherwise only counted."""
        return render_markdown(self.verdicts, self.summary, (self.base, self.head), self.notes, full=full)

    def to_rich(self, *, full: bool = False) -> Group:
        """Return what a terminal shows; ``full`` lists what is otherwise only counted."""
        return render_rich(self.verdicts, self.summary, (self.base, self.head), self.notes, full=full)

    def _repr_markdown_(self) -> str:
        """Show the Markdown in a notebook."""
        return self.to_markdown()
