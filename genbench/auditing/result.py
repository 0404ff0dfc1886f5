"""The result of an audit: a finding for each metric and fault, and what follows for the choice of metrics."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from genbench.auditing.findings import DETECTION_Z, Finding, Injection, complaint
from genbench.auditing.set_cover import smallest_cover
from genbench.auditing.tables import Tables, grids_of, render_html, render_markdown, terminal_text
from genbench.record.encoding import json_value

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("rich", "markdown", "json", "csv")


@dataclass(frozen=True)
class Audit:
    """The result of ``genbench.audit``; a notebook shows it as tables."""

    data: str
    n: int  # number of samples, of test rows and of training rows
    space: str
    modes: int
    modes_declared: bool
    seed: int
    metrics: tuple[str, ...]
    faults: tuple[Injection, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    @property
    def injected(self) -> tuple[Injection, ...]:
        """The faults that were injected: those that apply to these data."""
        return tuple(fault for fault in self.faults if not fault.left_out)

    @property
    def unseen(self) -> tuple[str, ...]:
        """The faults that no metric sees at their usual size."""
        seen = {finding.fault for finding in self.findings if finding.detected}
        return tuple(fault.fault for fault in self.injected if fault.fault not in seen)

    @property
    def together(self) -> tuple[str, ...]:
        """A smallest set of metrics that together see every fault that any metric sees."""
        strengths: dict[str, dict[str, float]] = {metric: {} for metric in self.metrics}
        for finding in self.findings:
            if finding.detected:
                strengths[finding.metric][finding.fault] = float("inf") if finding.z is None else abs(finding.z)
        return smallest_cover(strengths)

    @property
    def missed(self) -> tuple[Finding, ...]:
        """The findings where a metric misses a fault that it advertises."""
        return tuple(finding for finding in self.findings if finding.missed)

    def of(self, fault: str, metric: str) -> Finding:
        """Return the finding on a fault and a metric; raises KeyError."""
        for finding in self.findings:
            if (finding.fault, finding.metric) == (fault, metric):
                return finding
        raise KeyError((fault, metric))

    def verdicts(self) -> list[str]:
        """Return the conclusions of the audit, a sentence each."""
        count = len(self.injected)
        lines = []
        if self.together:
            names, several = ", ".join(self.together), len(self.together) > 1
            number = f"{count - len(self.unseen)} of {count}" if self.unseen else f"all {count}"
            subject = f"Together {names} see" if several else f"{names} sees"
            ending = "; no fewer metrics do." if several else "."
            lines.append(f"{subject} {number} faults at n = {self.n}{ending}")
        lines += [self._unseen(fault) for fault in self.injected if fault.fault in self.unseen]
        left_out = [f"{fault.fault}: {fault.left_out}" for fault in self.faults if fault.left_out]
        lines += [f"Left out: {'; '.join(left_out)}."] if left_out else []
        lines += [complaint(finding, self.n) for finding in self.missed]
        return lines

    def _unseen(self, fault: Injection) -> str:
        """Return a line on a fault that no metric sees, with the metric that sees the smallest size of it."""
        able = [each for each in self.findings if each.fault == fault.fault and each.smallest is not None]
        nearest = min(able, key=lambda finding: finding.smallest or 0.0, default=None)
        larger = f"no size up to {fault.high:g} is seen" if nearest is None else (
            f"{nearest.metric} sees it from {nearest.smallest:.2g}"
        )  # fmt: skip
        return f"No metric sees {fault.fault}, {fault.size:g} {fault.unit}, at n = {self.n}; {larger}."

    def frame(self) -> pd.DataFrame:
        """Return one row per fault and metric, with the fields of ``Finding`` and n."""
        import pandas as pd

        rows = [asdict(finding) | {"n": self.n, "warnings": "; ".join(finding.warnings)} for finding in self.findings]
        return pd.DataFrame(rows)

    def document(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        fields: dict[str, Any] = json_value(asdict(self))
        return fields | {
            "threshold": DETECTION_Z,
            "findings": [json_value(asdict(each)) | {"n": self.n, "missed": each.missed} for each in self.findings],
            "together": list(self.together),
            "unseen": list(self.unseen),
            "missed": [complaint(finding, self.n) for finding in self.missed],
        }

    def tables(self) -> Tables:
        """Return what is shown: headings, tables and conclusions."""
        source = "declared by the dataset" if self.modes_declared else "found by clustering"
        plural = "s" * (self.modes != 1)
        heading = (
            f"{self.n} samples against {self.n} test rows, {self.n} training rows, space: {self.space}, "
            f"{self.modes} mode{plural} {source}"
        )
        complaints = {complaint(finding, self.n) for finding in self.missed}
        verdicts = tuple((line, line in complaints) for line in self.verdicts())
        return Tables(
            self.data, heading, grids_of(self.findings, self.injected, self.metrics, self.n), verdicts, self.notes
        )

    def render(self, form: str = "rich", width: int = 100) -> str:
        """Return the audit in one of ``FORMATS``; raises ValueError for another."""
        if form == "rich":
            return terminal_text(self.tables(), width)
        if form == "markdown":
            return render_markdown(self.tables())
        if form == "json":
            return json.dumps(self.document(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        if form == "csv":
            return self.frame().to_csv(index=False, lineterminator="\n")
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {form!r}")

    def _repr_html_(self) -> str:
        return render_html(self.tables())
