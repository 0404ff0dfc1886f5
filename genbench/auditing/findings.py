"""The finding of an audit on one metric and one fault: whether, and from what size, the metric sees the fault."""

from __future__ import annotations

from dataclasses import dataclass

DETECTION_Z = 5.0  # |z| from which a fault counts as seen
FULL_CLAIM_SAMPLES = 400  # from which a metric must see what it advertises; z grows as the root of their number
SEEN_AT_SMALLEST = "seen at the smallest size that was tried"


@dataclass(frozen=True)
class Floor:
    """The score of fresh real data: the mean over draws, the standard deviation of one draw, and each draw's value."""

    value: float | None
    sd: float | None
    draws: tuple[float | None, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Injection:
    """A fault that an audit injects: its size, the range of sizes, and the reason where it does not apply."""

    fault: str
    size: float
    low: float
    high: float
    unit: str
    summary: str
    left_out: str = ""


@dataclass(frozen=True)
class Finding:
    """How one metric responds to one fault.

    ``z`` is the distance from the floor in its standard deviations; ``detected`` means |z| >= 5. ``smallest`` is the
    size at which |z| reaches 5, None where not even the largest does. ``flattered`` means that the metric scores the
    fault as better than real data. ``strongest`` is the largest |z| at any size, and ``required`` the |z| that a metric
    which advertises the fault must reach.
    """

    fault: str
    metric: str
    size: float
    z: float | None
    detected: bool
    smallest: float | None
    value: float | None
    floor: float | None
    floor_sd: float | None
    better: str
    advertised: bool
    flattered: bool
    warnings: tuple[str, ...] = ()
    strongest: float | None = None
    required: float = DETECTION_Z

    @property
    def missed(self) -> bool:
        """Whether the metric advertises this fault and does not see it at any size.

        With fewer than 400 samples it need only respond as strongly as would suffice with 400.
        """
        unseen = self.advertised and not self.detected and self.smallest is None
        return unseen and (self.strongest is None or self.strongest < self.required)


def complaint(finding: Finding, n: int) -> str:
    """Return one line on a fault that a metric advertises and misses."""
    what = "gives no value" if finding.value is None else f"z = {finding.z:.1f}" if finding.z is not None else "blind"
    return (
        f"metric {finding.metric!r} advertises {finding.fault} and misses it: {what} at size {finding.size:g}, "
        f"and no size is seen at n = {n}"
    )
