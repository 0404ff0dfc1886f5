"""What the fork server imports once for all cells: only libraries, never a plugin, and no device is asked anything."""

import gc
import pickle
import sys
from types import TracebackType

import numpy.random  # noqa: F401
import ot  # noqa: F401
import pandas  # noqa: F401
import psutil  # noqa: F401
import scipy.optimize
import scipy.spatial
import scipy.stats  # noqa: F401
import sklearn.ensemble
import sklearn.mixture  # noqa: F401
import torch._dynamo  # the first optimiser would import its 800 modules in every cell
import torch.nn.functional  # noqa: F401

import genbench.process.supervisor
import genbench.scoring.cell_scores
import genbench.training.cell  # noqa: F401

__all__ = ["CUT_OFF"]

CUT_OFF = (EOFError, pickle.UnpicklingError, BrokenPipeError)


def _told(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    """Say nothing of a run that was stopped while it asked for a process: it has gone, and the user knows."""
    if not issubclass(kind, CUT_OFF):
        sys.__excepthook__(kind, error, at)


sys.excepthook = _told
gc.collect()
gc.freeze()  # a cell's collector would visit, and so copy, every page of what is shared here
