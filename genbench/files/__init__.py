"""The user's own data: read, checked, and made a dataset like any other.

Everything wrong with a file is a DataError of one line that says where, what was expected and what to do. Torch is
never imported to find it.
"""

from genbench.files.dataset import FileConfig, FileDataset, dataset_spec
from genbench.files.reader import Loaded, from_array, read
from genbench.files.samples import check_alike, read_samples

__all__ = ["FileConfig", "FileDataset", "Loaded", "check_alike", "dataset_spec", "from_array", "read", "read_samples"]
