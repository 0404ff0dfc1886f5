"""What a model saves compared with an expensive simulator: its speed-up, and when its training has paid for itself."""

from __future__ import annotations

from collections.abc import Iterable

from genbench.hooks import hookimpl
from genbench.spec import MetricSpec, Spec

__all__ = ["genbench_register"]


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of ``speedup`` and ``break_even``."""
    return [
        MetricSpec(
            "speedup",
            "genbench_economics.metric:speedup",
            None,
            "how many times faster than the simulator a sample is drawn",
            better="higher",
            unit="x",
            needs=("simulator", "timing"),
        ),
        MetricSpec(
            "break_even",
            "genbench_economics.metric:break_even",
            None,
            "number of samples from which on training, its simulated events and sampling cost less than simulating",
            unit="samples",
            needs=("simulator", "timing", "train"),
            version=2,
        ),
    ]
