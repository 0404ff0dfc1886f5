"""How many real events the samples are worth, in total and for each event of the training."""

from __future__ import annotations

from collections.abc import Iterable

from genbench.hooks import hookimpl
from genbench.spec import MetricSpec, Spec

__all__ = ["genbench_register"]


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of ``equivalent`` and ``amplification``."""
    return [
        MetricSpec(
            "equivalent",
            "genbench_equivalent.metric:equivalent",
            None,
            "number of real events that the samples are worth, at the scale where it is smallest",
            better="higher",
            unit="real events",
            pairs=True,
            version=2,
            paper="Gretton et al. 2012, JMLR 13; Butter et al. 2020, arXiv:2008.06545",
        ),
        MetricSpec(
            "amplification",
            "genbench_equivalent.metric:amplification",
            None,
            "number of real events that the samples are worth for each event of the training",
            better="higher",
            needs=("samples", "train"),
            pairs=True,
            version=2,
            paper="Butter et al. 2020, arXiv:2008.06545",
        ),
    ]
