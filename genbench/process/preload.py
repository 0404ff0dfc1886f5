"""What the fork server imports once for all cells: only libraries, no plugin; no device is initialised."""

import gc
import pickle
import sys
import warnings
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

import genbench.process.process_tree
import genbench.process.supervisor
import genbench.scoring.cell_scores
import genbench.training.cell

DISCONNECT_ERRORS = (EOFError, pickle.UnpicklingError, BrokenPipeError)


def _show_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show an exception, unless a run was stopped while it requested a process: the user knows that."""
    if not issubclass(kind, DISCONNECT_ERRORS):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _show_exception
# what a cell leaves behind that has killed its supervisor, so that the run finds and ends it
genbench.process.process_tree.adopt_orphans()
warnings.filterwarnings("ignore", "forkserver: waitpid returned unexpected pid")
gc.collect()
gc.freeze()  # a cell's collector would visit, and so copy, every page of what is shared here
