"""What an audit found of one metric and one fault, and from what size on it sees it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ENOUGH", "LEAST", "SEEN", "Finding", "Floor", "Injected", "complaint"]

SEEN = 5.0  # |z| from which a fault counts as seen
ENOUGH = 400  # samples, of which metrics are held to what they advertise; z grows as the root of their number
LEAST = "seen at the smallest size that was tried"


@dataclass(frozen=True)
class Floor:
    """What fresh real data score: the mean over draws, the standard deviation of one, and the value of each draw."""

    value: float | None
    sd: float | None
    draws: tuple[float | None, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Injected:
    """A fault as it was injected: its size, the range of sizes tried, and why it was not, where it could not be."""

    fault: str
    size: float
    low: float
    high: float
    unit: str
    summary: str
    left_out: str = ""


@dataclass(frozen=True)
class Finding:
    """What one metric says of one fault.

    ``z`` is in standard deviations of the floor; ``detected`` is |z| >= 5. ``smallest`` is the size at which |z| is 5,
    None where not even the largest is seen. ``flattered``: the metric takes the fault for better than real data.
    ``strongest`` is the largest |z| at any size, ``required`` what it must be of a metric that advertises the fault.
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
    required: float = SEEN

    @property
    def missed(self) -> bool:
        """Whether the metric advertises to see this fault and does not see even the largest.

        Of fewer than 400 samples it need not see it, but tell as much of it as would be seen with 400.
        """
        unseen = self.advertised and not self.detected and self.smallest is None
        return unseen and (self.strongest is None or self.strongest < self.required)


def complaint(finding: Finding, n: int) -> str:
    """Return in a line what a metric advertises and misses."""
    what = "gives no value" if finding.value is None else f"z = {finding.z:.1f}" if finding.z is not None else "blind"
    return (
        f"metric {finding.metric!r} advertises {finding.fault} and misses it: {what} at size {finding.size:g}, "
        f"and no size is seen at n = {n}"
    )
