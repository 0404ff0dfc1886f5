"""Compare two sets of runs: what got better or worse beyond noise, and the exit code that follows."""

from __future__ import annotations

from genbench.comparing.comparison import Comparison
from genbench.comparing.fact import decide_fact, decide_status
from genbench.comparing.formats import FORMATS, render
from genbench.comparing.matching import compare
from genbench.comparing.quality import Pair, decide_quality
from genbench.comparing.speed import decide_speed
from genbench.comparing.verdict import VERDICTS, Verdict

__all__ = [
    "FORMATS",
    "VERDICTS",
    "Comparison",
    "Pair",
    "Verdict",
    "compare",
    "decide_fact",
    "decide_quality",
    "decide_speed",
    "decide_status",
    "render",
]
