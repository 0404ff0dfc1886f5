"""The user's own data: files and arrays are read, checked and turned into datasets.

Each problem with a file raises a DataError whose one-line message says where it is, what was expected and what to do.
Nothing here imports torch.
"""

from genbench.files.dataset import FileConfig, FileDataset, config_of_columns, describe_columns, without_conditions
from genbench.files.file_schema import file_schema, write_samples
from genbench.files.objects import DATA_FOLDER, InMemory, hold
from genbench.files.opened import OpenedFile, dataset_spec, open_data
from genbench.files.reader import from_object, known_columns, read
from genbench.files.samples import align_columns, read_samples, reconcile
from genbench.files.schema import FileSchema, schema_of_columns, schema_of_images, with_columns
from genbench.files.user_data import UserData
from genbench.files.writer import write

__all__ = [
    "DATA_FOLDER",
    "FileConfig",
    "FileDataset",
    "FileSchema",
    "InMemory",
    "OpenedFile",
    "UserData",
    "align_columns",
    "config_of_columns",
    "dataset_spec",
    "describe_columns",
    "file_schema",
    "from_object",
    "hold",
    "known_columns",
    "open_data",
    "read",
    "read_samples",
    "reconcile",
    "schema_of_columns",
    "schema_of_images",
    "with_columns",
    "without_conditions",
    "write",
    "write_samples",
]
