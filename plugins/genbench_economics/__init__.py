"""What a model saves of an expensive simulator: its speed, and when its training has paid for itself."""

from __future__ import annotations

from collections.abc import Iterable

from genbench.hooks import hookimpl
from genbench.spec import MetricSpec, Spec

__all__ = ["genbench_register"]


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of speed-up and break-even."""
    return [
        MetricSpec(
            "speedup",
            "genbench_economics.metric:speedup",
            None,
            "how many times faster a sample is than one of the simulator",
            better="higher",
            unit="x",
            needs=("simulator", "timing"),
        ),
        MetricSpec(
            "break_even",
            "genbench_economics.metric:break_even",
            None,
            "samples after which training has cost less time than simulating",
            unit="samples",
            needs=("simulator", "timing"),
        ),
    ]
