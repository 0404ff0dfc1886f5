"""The result of an audit: a finding for each metric and fault, and what follows for the choice of metrics."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from genbench.auditing.findings import DETECTION_Z, Finding, Injection, complaint
from genbench.auditing.set_cover import smallest_cover
from genbench.auditing.tables import Tables, grids_of, render_html, render_markdown, terminal_text
from genbench.record.encoding import json_value
from genbench.table.columns import ColumnInfo
from genbench.table.core_metrics import core_columns

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
    data_kind: str = "vector"

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
    def core(self) -> tuple[str, ...]:
        """The metrics that every table shows and ranks by, as far as they were audited."""
        better = {finding.metric: finding.better for finding in self.findings}
        return core_columns([ColumnInfo(metric, better.get(metric)) for metric in self.metrics], self.data_kind)

    def seen_from(self, fault: str, metrics: tuple[str, ...]) -> float | None:
        """Return the smallest size from which one of the metrics sees a fault, None where none sees any size."""
        sizes = [self.of(fault, metric).smallest for metric in metrics]
        return min((size for size in sizes if size is not None), default=None)

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
        lines += self._core_lines()
        left_out = [f"{fault.fault}: {fault.left_out}" for fault in self.faults if fault.left_out]
        lines += [f"Left out: {'; '.join(left_out)}."] if left_out else []
        lines += [complaint(finding, self.n) for finding in self.missed]
        return lines

    def _core_lines(self) -> list[str]:
        """Return which faults the core metrics see and which they miss, and from what size on they see them."""
        core, seen, missed = self.core, [], []
        if not core:
            return []
        for fault in self.injected:
            size = self.seen_from(fault.fault, core)
            if any(self.of(fault.fault, metric).detected for metric in core):
                seen.append(fault.fault if size is None else f"{fault.fault} from {size:.2g}")
                continue
            larger = f"no size up to {fault.high:g} is seen" if size is None else f"seen from {size:.2g}"
            missed.append(f"{fault.fault} ({fault.size:.2g} {fault.unit}; {larger})")
        subject = f"core metric{'s' * (len(core) > 1)} {', '.join(core)} {'see' if len(core) > 1 else 'sees'}"
        found = f"{len(seen)} of {len(self.injected)} faults at n = {self.n}{': ' * bool(seen)}{', '.join(seen)}"
        return [f"The {subject} {found}.", *([f"Missed by the core: {', '.join(missed)}."] if missed else [])]

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
            "core": list(self.core),
            "core_seen_from": {fault.fault: self.seen_from(fault.fault, self.core) for fault in self.injected},
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
