"""Make data/dijets.npz and its card: 20,000 events of each process, with the default options of genbench-hep.

    pip install './plugins/genbench-hep[tau]'
    python make_dijets.py

This takes some minutes on two cores. Another version of Pythia, or another processor, may generate other events of the
same distributions; the seconds for an event are those of the machine that runs this script.
"""

import hashlib
import importlib.metadata
import io
import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
from genbench_hep import DijetsConfig, pythia_version
from genbench_hep.dijets import options_of
from genbench_hep.generate import generate, show_progress

EVENTS = 20_000
TARGET = Path(__file__).parent.parent / "data" / "dijets.npz"
GENERATOR = f"Pythia {pythia_version()}"
CARD = {
    "title": "Pairs of jets at the LHC, QCD and W' -> XY",
    "licence": "MIT, as genbench; the events are the output of Pythia 8 (GPL-2.0-or-later), not a part of it",
    "source": f"{GENERATOR} (arXiv:2203.11601), anti-kT jets by its SlowJet, subjets by fastjet "
    f"{importlib.metadata.version('fastjet')} (arXiv:1111.6097)",
    "columns": "pt_1, eta_1, m_1, pt_2, eta_2, phi_2, m_2, tau21_1, tau21_2: GeV and radians, azimuth of jet 1 at 0",
    "script": "tools/make_dijets.py",
}


def main() -> None:
    arrays = {"generator": np.array(GENERATOR)}
    card: dict[str, Any] = {"options": {}, "seconds_per_event": {}, "machine": platform.machine()}
    for process in ("qcd", "signal"):
        options = options_of(DijetsConfig(process=process, tau=True))
        with show_progress(process) as progress:
            made = generate(options, EVENTS, progress=progress)
        assert made.events.shape == (EVENTS, 9)
        arrays |= {process: made.events, f"{process}_seconds": made.seconds}
        card["options"][process] = options
        card["seconds_per_event"][process] = dict(
            zip(("generation", "substructure"), made.seconds.round(6), strict=True)
        )
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(buffer.getvalue())
    card = {"sha256": hashlib.sha256(buffer.getvalue()).hexdigest(), **CARD, **card}
    TARGET.with_name(TARGET.name + ".json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
