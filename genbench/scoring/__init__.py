"""What a metric may see of a cell becomes its scores, each beside its floor."""

from genbench.scoring.evaluation import evaluate
from genbench.scoring.scorer import Scorer

__all__ = ["Scorer", "evaluate"]
