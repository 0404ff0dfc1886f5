"""Score samples with metrics, each score beside its floor: what fresh real data score."""

from genbench.scoring.evaluation import evaluate
from genbench.scoring.scorer import Scorer

__all__ = ["Scorer", "evaluate"]
