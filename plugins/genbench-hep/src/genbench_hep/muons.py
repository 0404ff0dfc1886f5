"""The two muons of a Z boson, within the acceptance of a detector."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["MuonSelection"]

MUON = 13  # particle number of μ-
BOSON = 5  # index in Pythia's event record, after the beams (1, 2) and the partons (3, 4)
# Resolution of a tracker for muons of tens of GeV: of pT, which grows with pT, and of the angles
PT_CONSTANT, PT_PER_TEV, ANGLE_RESOLUTION = 0.01, 0.1, 0.0005


class MuonSelection:
    """Select events in which both muons pass the cuts."""

    def __init__(self, options: Mapping[str, Any], rng: np.random.Generator) -> None:
        self.pt_min, self.eta_max = options["pt_min"], options["eta_max"]
        self.rng = rng if options["level"] == "smeared" else None

    def __call__(self, event: Any) -> tuple[list[float] | None, float]:
        """Return the row of an event, None where it fails the cuts, and 0 seconds spent on substructure.

        A row is pT and η of μ-, pT and η of μ+, and the azimuth between them.
        """
        found = {}
        boson = event[event[BOSON].iBotCopyId()]  # after the recoil against the radiation of the partons
        for index in (boson.daughter1(), boson.daughter2()):
            muon = event[event[index].iBotCopyId()]  # after its own radiation
            if muon.idAbs() == MUON:
                found[muon.id()] = self._measured(muon.pT(), muon.eta(), muon.phi())
        if len(found) != 2:
            return None, 0.0
        pair = found[MUON], found[-MUON]  # μ- first
        if any(pt < self.pt_min or abs(eta) > self.eta_max for pt, eta, _ in pair):
            return None, 0.0
        (pt_minus, eta_minus, phi_minus), (pt_plus, eta_plus, phi_plus) = pair
        return [pt_minus, eta_minus, pt_plus, eta_plus, (phi_plus - phi_minus) % (2 * math.pi)], 0.0

    def _measured(self, pt: float, eta: float, phi: float) -> tuple[float, float, float]:
        if self.rng is None:
            return pt, eta, phi
        noise = self.rng.standard_normal(3)
        pt *= max(0.0, 1 + noise[0] * math.hypot(PT_CONSTANT, PT_PER_TEV * pt / 1000))
        return pt, eta + ANGLE_RESOLUTION * noise[1], phi + ANGLE_RESOLUTION * noise[2]
