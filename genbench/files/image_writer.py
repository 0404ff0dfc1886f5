"""Write a folder of images: PNG of 8 or 16 bits, grey or RGB, and TIFF of real-valued grey ones."""

from __future__ import annotations

from pathlib import Path

from genbench.errors import DataError
from genbench.files.png16 import write_png16
from genbench.files.schema import Blocks, FileSchema


def write_folder(path: Path, schema: FileSchema, blocks: Blocks) -> list[str]:
    """Write ``000000.png``, ``000001.png``, ... into a new folder; real-valued images, which are grey, as TIFF.

    Raises DataError for images of other than 1 or 3 channels, and for real-valued ones with colour.
    """
    import numpy as np
    from PIL import Image

    channels, kind = schema.shape[0], np.dtype(schema.types[0])
    whole = kind in (np.uint8, np.uint16)
    if channels not in (1, 3) or (channels == 3 and not whole):
        raise DataError(
            f"images of {channels} channels of {kind} are no PNG, which holds 1 or 3 of 8 or 16 bits: write npy or npz"
        )
    path.mkdir()
    count = 0
    for (images,) in blocks:
        for pixels in images:  # (height, width) or (height, width, 3)
            name = f"{count:06}.png" if whole else f"{count:06}.tiff"
            if channels == 3 and kind == np.uint16:
                (path / name).write_bytes(write_png16(pixels))
            else:
                Image.fromarray(pixels if whole else pixels.astype(np.float32)).save(path / name)
            count += 1
    return []
