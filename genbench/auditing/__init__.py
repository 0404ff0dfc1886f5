"""Audit metrics on given data: inject faults of known size into real rows, and find which metrics detect which.

The heavy modules are imported when an audit runs, after its request has been checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genbench.auditing.result import Audit

__all__ = ["audit"]

Names = str | Iterable[str]


def audit(
    *,
    real: Any = None,
    dataset: str | None = None,
    metrics: Names | None = None,
    faults: Names = "all",
    rows: int | None = None,
    modes: int | None = None,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    data_options: Mapping[str, Any] | None = None,
    plugins: Iterable[str | Path] | str | Path = (),
    listener: Callable[[str], None] = lambda _: None,
) -> Audit:
    """Inject faults of known size into real data, and return how each metric responds to each fault.

    ``real`` is an array (n, d) or (n, channels, height, width), or a file that is read with ``data_options``. Instead,
    ``dataset`` names one as on the command line (``"ring[modes=12]"``). ``metrics`` are by default those that declare
    what they detect; ``faults`` takes names and globs. ``rows`` samples (by default 800, or a quarter of the data) are
    scored against as many test rows, with as many training rows. ``modes`` is the number of clusters to look for; by
    default the modes that the dataset declares, else 8. ``listener`` is called with a line for each step. Raises
    UserError.
    """
    from genbench.auditing.request import AuditRequest
    from genbench.registry.options import Setting

    assignments = []
    for path, value in (settings or {}).items():
        target, _, option = path.rpartition(".")
        assignments.append(Setting(target, option, value, f"settings[{path!r}] = {value!r}"))
    request = AuditRequest(
        real=real, dataset=dataset, metrics=_comma_separated(metrics), faults=_comma_separated(faults) or "all",
        rows=rows, modes=modes, seed=seed, settings=tuple(assignments), data_options=dict(data_options or {}),
        plugins=(plugins,) if isinstance(plugins, (str, Path)) else tuple(plugins),
    )  # fmt: skip
    return run(request, listener)


def _comma_separated(names: Names | None) -> str | None:
    return names if names is None or isinstance(names, str) else ",".join(names)


def run(request: Any, listener: Callable[[str], None] = lambda _: None) -> Audit:
    """Run the audit that a request asks for; a mistake in it raises UserError before anything heavy is imported."""
    plan = request.check()
    from genbench.auditing.procedure import run_audit

    return run_audit(plan, listener)
