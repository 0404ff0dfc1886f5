"""The share of samples that break a rule which every training row keeps."""

from __future__ import annotations

from collections.abc import Iterable

from genbench.hooks import hookimpl
from genbench.spec import MetricSpec, Spec

__all__ = ["genbench_register"]


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the spec of ``constraints``."""
    return [
        MetricSpec(
            "constraints",
            "genbench_constraints.metric:constraints",
            None,
            "share of samples that break a limit or relation which every training row keeps",
            unit="share",
            best=0.0,
            needs=("samples", "train"),
            version=2,
            data=("vector",),
            paper="Wilson 1927, doi:10.2307/2276774 (the interval)",
        ),
    ]
