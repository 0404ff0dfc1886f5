"""The user's own data: files and arrays are read, checked and turned into datasets.

Each problem with a file raises a DataError whose one-line message says where it is, what was expected and what to do.
Nothing here imports torch.
"""

from genbench.files.dataset import FileConfig, FileDataset, dataset_spec, describe_columns
from genbench.files.reader import UserData, from_array, known_columns, read
from genbench.files.samples import align_columns, read_samples, reconcile

__all__ = [
    "FileConfig",
    "FileDataset",
    "UserData",
    "align_columns",
    "dataset_spec",
    "describe_columns",
    "from_array",
    "known_columns",
    "read",
    "read_samples",
    "reconcile",
]
