"""What a comparison says: one verdict a quantity, and all of them together with the exit code that they deserve."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["VERDICTS", "Value", "Verdict"]

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
