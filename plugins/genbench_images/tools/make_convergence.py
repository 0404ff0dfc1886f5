"""Make data/convergence.npz and its card with camb 2.0.5: the power of weak-lensing convergence, sources at redshift 1.

python make_convergence.py
"""

import hashlib
import io
import json
from pathlib import Path

import camb
import numpy as np
from camb.sources import GaussianSourceWindow

MAX_MULTIPOLE = 6000
TARGET = Path(__file__).parent.parent / "data" / "convergence.npz"
CARD = {
    "title": "Angular power spectrum of weak-lensing convergence, sources at redshift 1",
    "licence": "MIT, as genbench: computed",
    "source": "CAMB 2.0.5 (Lewis, Challinor & Lasenby 2000, arXiv:astro-ph/9911177), non-linear by HMcode",
    "cosmology": "flat LCDM of Planck 2018 (arXiv:1807.06209, last column of table 2)",
    "script": "tools/make_convergence.py",
}


def main() -> None:
    params = camb.set_params(H0=67.66, ombh2=0.02242, omch2=0.11933, As=2.105e-9, ns=0.9665, tau=0.0561)
    params.set_for_lmax(MAX_MULTIPOLE, lens_potential_accuracy=2)
    params.set_matter_power(redshifts=[0.0], kmax=50)
    params.NonLinear = camb.model.NonLinear_both
    params.SourceWindows = [GaussianSourceWindow(redshift=1.0, source_type="lensing", sigma=0.05)]
    params.Want_CMB = False
    power = camb.get_results(params).get_source_cls_dict(lmax=MAX_MULTIPOLE, raw_cl=True)["W1xW1"]
    ell = np.unique(np.geomspace(2, MAX_MULTIPOLE, 60).round().astype(int))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, ell=ell.astype(float), power=power[ell])
    TARGET.write_bytes(buffer.getvalue())
    card = {"sha256": hashlib.sha256(buffer.getvalue()).hexdigest(), **CARD}
    TARGET.with_name(TARGET.name + ".json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
