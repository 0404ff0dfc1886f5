"""What an audit found: metric by fault, who sees everything together, who misses what it advertises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from genbench.auditing.cover import smallest_cover

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ENOUGH", "LEAST", "SEEN", "Audit", "Finding", "Floor", "Injected"]

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


@dataclass(frozen=True)
class Audit:
    """The result of ``genbench.audit``; a notebook shows it as tables."""

    data: str
    n: int  # samples, and test rows, and training rows
    space: str
    modes: int
    modes_declared: bool
    seed: int
    metrics: tuple[str, ...]
    faults: tuple[Injected, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    @property
    def injected(self) -> tuple[Injected, ...]:
        """The faults that these data could have."""
        return tuple(fault for fault in self.faults if not fault.left_out)

    @property
    def unseen(self) -> tuple[str, ...]:
        """Faults that no metric sees at their size."""
        seen = {finding.fault for finding in self.findings if finding.detected}
        return tuple(fault.fault for fault in self.injected if fault.fault not in seen)

    @property
    def together(self) -> tuple[str, ...]:
        """A smallest set of metrics that sees every fault that any metric sees."""
        strengths: dict[str, dict[str, float]] = {metric: {} for metric in self.metrics}
        for finding in self.findings:
            if finding.detected:
                strengths[finding.metric][finding.fault] = float("inf") if finding.z is None else abs(finding.z)
        return smallest_cover(strengths)

    @property
    def missed(self) -> tuple[Finding, ...]:
        """What metrics advertise to see and miss."""
        return tuple(finding for finding in self.findings if finding.missed)

    def of(self, fault: str, metric: str) -> Finding:
        """Return what a metric says of a fault; raises KeyError."""
        for finding in self.findings:
            if (finding.fault, finding.metric) == (fault, metric):
                return finding
        raise KeyError((fault, metric))

    def verdicts(self) -> list[str]:
        """Return in words what the tables say."""
        count = len(self.injected)
        lines = []
        if self.together:
            names, some = ", ".join(self.together), count - len(self.unseen)
            what = f"all {count} faults" if not self.unseen else f"{some} of {count} faults"
            together, verb = ("Together " if len(self.together) > 1 else ""), "see" + "s" * (len(self.together) == 1)
            lines.append(f"{together}{names} {verb} {what} at n = {self.n}; no fewer metrics do.")
        lines += [self._unseen(fault) for fault in self.injected if fault.fault in self.unseen]
        left_out = [f"{fault.fault}: {fault.left_out}" for fault in self.faults if fault.left_out]
        lines += [f"Left out: {'; '.join(left_out)}."] if left_out else []
        lines += [complaint(finding, self.n) for finding in self.missed]
        return lines

    def _unseen(self, fault: Injected) -> str:
        """Return in a line that nobody sees a fault, and who comes nearest."""
        reach = [each for each in self.findings if each.fault == fault.fault and each.smallest is not None]
        nearest = min(reach, key=lambda finding: finding.smallest or 0.0, default=None)
        larger = f"no size up to {fault.high:g} is seen" if nearest is None else (
            f"{nearest.metric} sees it from {nearest.smallest:.2g}"
        )  # fmt: skip
        return f"Nothing sees {fault.fault}, {fault.size:g} {fault.unit}, at n = {self.n}; {larger}."

    def frame(self) -> pd.DataFrame:
        """Return one row a fault and metric, with the fields of ``Finding`` and n."""
        import pandas as pd

        rows = [asdict(finding) | {"n": self.n, "warnings": "; ".join(finding.warnings)} for finding in self.findings]
        return pd.DataFrame(rows)

    def document(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        findings = [_plain(asdict(finding)) | {"n": self.n, "missed": finding.missed} for finding in self.findings]
        return {
            "data": self.data,
            "n": self.n,
            "space": self.space,
            "modes": self.modes,
            "modes_declared": self.modes_declared,
            "seed": self.seed,
            "threshold": SEEN,
            "metrics": list(self.metrics),
            "faults": [asdict(fault) for fault in self.faults],
            "findings": findings,
            "together": list(self.together),
            "unseen": list(self.unseen),
            "missed": [complaint(finding, self.n) for finding in self.missed],
            "notes": list(self.notes),
        }

    def _repr_html_(self) -> str:
        from genbench.auditing.tables import html

        return html(self)


def complaint(finding: Finding, n: int) -> str:
    """Return in a line what a metric advertises and misses."""
    what = "gives no value" if finding.value is None else f"z = {finding.z:.1f}" if finding.z is not None else "blind"
    return (
        f"metric {finding.metric!r} advertises {finding.fault} and misses it: {what} at size {finding.size:g}, "
        f"and no size is seen at n = {n}"
    )


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in row.items()}
