"""What a comparison says: one verdict a quantity, and all of them together with the exit code that they deserve."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from genbench.errors import Inconclusive, Regression

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["VERDICTS", "Comparison", "Value", "Verdict"]

VERDICTS = ("regressed", "inconclusive", "changed", "improved", "new", "missing", "unchanged", "not comparable")
DECIDED = ("regressed", "improved", "unchanged", "inconclusive")  # by a test or a rule with a direction

Value = float | int | str | None


@dataclass(frozen=True)
class Verdict:
    """What became of one quantity.

    ``kind`` is ``quality`` (a metric over seeds), ``speed`` (a time over processes), ``fact`` (compared exactly) or
    ``status``. ``base`` and ``head`` are means over seeds, the fastest process, or the fact itself; ``change`` is
    head / base - 1, with ``low`` and ``high`` its interval where one is known. ``p`` is that of the direction told,
    adjusted for the family. ``smallest`` is the smallest relative change for the worse that these runs could have
    shown, and ``more_runs`` how many more a side would settle an inconclusive one.
    """

    subject: str  # what was compared: vae x grid, genbench --help
    metric: str
    verdict: str
    reason: str = ""
    kind: str = "quality"
    better: str | None = "lower"
    unit: str = ""
    base: Value = None
    head: Value = None
    base_runs: tuple[float | None, ...] = ()  # one a seed or process; None: it failed
    head_runs: tuple[float | None, ...] = ()
    change: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    smallest: float | None = None
    more_runs: int | None = None

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict {self.verdict!r}: expected one of {', '.join(VERDICTS)}")

    def as_dict(self) -> dict[str, Any]:
        """Return its fields as JSON can hold them."""
        return {**asdict(self), "base_runs": list(self.base_runs), "head_runs": list(self.head_runs)}


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

    def _repr_markdown_(self) -> str:
        """Show it in a notebook as in a pull request's comment."""
        from genbench.comparing.text import render_markdown

        return render_markdown(self)

    def joined(self, others: Iterable[Comparison]) -> Comparison:
        """Return one comparison with the verdicts and notes of others besides."""
        others = list(others)
        verdicts: Sequence[Verdict] = [*self.verdicts, *(each for other in others for each in other.verdicts)]
        notes = dict.fromkeys([*self.notes, *(note for other in others for note in other.notes)])
        return Comparison(tuple(verdicts), self.base, self.head, tuple(notes), self.about)


def _listed(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return "; ".join(names[:most]) + more
