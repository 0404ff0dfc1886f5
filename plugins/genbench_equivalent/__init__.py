"""How many real events generated samples are worth, and how many that is for each event of the training."""

from __future__ import annotations

from collections.abc import Iterable

from genbench.hooks import hookimpl
from genbench.spec import MetricSpec, Spec

__all__ = ["genbench_register"]


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of the equivalent sample and of the amplification."""
    return [
        MetricSpec(
            "equivalent",
            "genbench_equivalent.metric:equivalent",
            None,
            "real events that these samples are worth, at the scale that shows their distance best",
            better="higher",
            unit="real events",
            paper="Gretton et al. 2012, JMLR 13; Butter et al. 2020, arXiv:2008.06545",
        ),
        MetricSpec(
            "amplification",
            "genbench_equivalent.metric:amplification",
            None,
            "real events that these samples are worth for each event of the training",
            better="higher",
            needs=("samples", "train"),
            paper="Butter et al. 2020, arXiv:2008.06545",
        ),
    ]
