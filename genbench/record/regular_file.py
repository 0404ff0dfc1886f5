"""Open files of a run, which somebody else may have made: only regular files, so that no pipe is waited for."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # for a pipe to be opened, which has no writer
NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def open_regular(path: Path, *, follow: bool = True) -> BinaryIO:
    """Open a file to read; raises OSError where it is not a regular one, or a link that is not to be followed."""
    handle = os.open(path, os.O_RDONLY | NO_WAIT | (0 if follow else NO_LINK))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(handle, "rb")
