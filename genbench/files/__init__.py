"""The user's own data: files and arrays are read, checked and turned into datasets.

Each problem with a file raises a DataError whose one-line message says where it is, what was expected and what to do.
Nothing here imports torch.
"""

from genbench.files.dataset import FileConfig, FileDataset, dataset_spec
from genbench.files.described import describe_columns, file_schema, write_samples
from genbench.files.reader import UserData, from_array, known_columns, read
from genbench.files.samples import align_columns, read_samples, reconcile
from genbench.files.schema import FileSchema
from genbench.files.writer import write

__all__ = [
    "FileConfig",
    "FileDataset",
    "FileSchema",
    "UserData",
    "align_columns",
    "dataset_spec",
    "describe_columns",
    "file_schema",
    "from_array",
    "known_columns",
    "read",
    "read_samples",
    "reconcile",
    "write",
    "write_samples",
]
