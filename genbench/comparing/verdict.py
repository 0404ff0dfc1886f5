"""One verdict of a comparison: whether a quantity got better or worse, and how that was decided."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

VERDICTS = ("regressed", "inconclusive", "changed", "improved", "new", "missing", "unchanged", "not comparable")
DECIDED = ("regressed", "improved", "unchanged", "inconclusive")  # by a test or rule that knows which way is better

Value = float | int | str | None


@dataclass(frozen=True)
class Verdict:
    """The verdict on one quantity.

    ``kind`` is ``quality`` (a metric over seeds), ``speed`` (a time over processes), ``fact`` (compared exactly) or
    ``status``. ``base`` and ``head`` are means over seeds, the fastest process, or the fact itself; ``change`` is
    head / base - 1, with ``low`` and ``high`` its interval where one is known. ``p`` is the p-value in the direction of
    the verdict, adjusted for the family of tests. ``smallest`` is the smallest relative worsening that these runs could
    have shown, and ``more_runs`` the number of further runs a side that would settle an inconclusive verdict.
    ``differs`` is True for an inconclusive verdict whose sides differ by more than the margin, though that may be
    chance.
    """

    subject: str  # what was compared, such as "vae x grid"
    metric: str
    verdict: str
    reason: str = ""
    kind: str = "quality"
    better: str | None = "lower"
    unit: str = ""
    base: Value = None
    head: Value = None
    base_runs: tuple[float | None, ...] = ()  # one per seed or process; None if it failed
    head_runs: tuple[float | None, ...] = ()
    change: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    smallest: float | None = None
    more_runs: int | None = None
    differs: bool = False

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict {self.verdict!r}: expected one of {', '.join(VERDICTS)}")

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {**asdict(self), "base_runs": list(self.base_runs), "head_runs": list(self.head_runs)}
