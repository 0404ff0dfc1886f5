"""The two leading jets of an event: anti-kT (Cacciari et al. 2008, arXiv:0802.1189), cuts, resolution, substructure."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from genbench.protocol import Array

__all__ = ["JetSelection", "n_subjettiness", "smeared"]

ANTI_KT, VISIBLE, TRUE_MASSES = -1, 2, 2  # in SlowJet's numbering
JET_PT_MIN, JET_ETA_MAX = 20.0, 5.0  # GeV and |η| of what counts as a jet

# Resolution of a large calorimeter jet, similar to those of ATLAS and CMS: of pT, as a stochastic term / √pT and a
# constant term in quadrature; of the mass; and of the angles
PT_STOCHASTIC, PT_CONSTANT, MASS_RESOLUTION, ANGLE_RESOLUTION = 0.8, 0.03, 0.08, 0.01


Jet = tuple[float, float, float, float]  # pT, η, φ, mass


def smeared(pt: float, eta: float, phi: float, mass: float, rng: np.random.Generator) -> Jet:
    """Return a jet as measured by a calorimeter, with random errors."""
    noise = rng.standard_normal(4)
    scale = max(0.0, 1 + noise[0] * math.hypot(PT_STOCHASTIC / math.sqrt(pt), PT_CONSTANT))
    stretched = mass * scale * max(0.0, 1 + MASS_RESOLUTION * noise[3])
    return pt * scale, eta + ANGLE_RESOLUTION * noise[1], phi + ANGLE_RESOLUTION * noise[2], stretched


class JetSelection:
    """Find the jets of events, and select events whose leading jet passes the cuts."""

    def __init__(self, options: Mapping[str, Any], rng: np.random.Generator) -> None:
        import pythia8mc

        self.radius, self.tau = options["radius"], options["tau"]
        self.pt_min, self.eta_max = options["pt_min"], options["eta_max"]
        self.rng = rng if options["level"] == "smeared" else None
        self.finder = pythia8mc.SlowJet(ANTI_KT, self.radius, JET_PT_MIN, JET_ETA_MAX, VISIBLE, TRUE_MASSES)

    def __call__(self, event: Any) -> tuple[list[float] | None, float]:
        """Return the row of an event, None where it fails the cuts, and the CPU seconds spent on substructure."""
        self.finder.analyze(event)
        momenta = [self.finder.p(i) for i in range(self.finder.sizeJet())]
        jets: list[Jet] = [(p.pT(), p.eta(), p.phi(), max(p.mCalc(), 0.0)) for p in momenta]
        if self.rng is not None:
            jets = [smeared(*jet, self.rng) for jet in jets]
        order = sorted(range(len(jets)), key=lambda i: -jets[i][0])[:2]
        if len(order) < 2 or jets[order[0]][0] < self.pt_min or abs(jets[order[0]][1]) > self.eta_max:
            return None, 0.0
        (pt_1, eta_1, phi_1, m_1), (pt_2, eta_2, phi_2, m_2) = (jets[i] for i in order)
        row = [pt_1, eta_1, m_1, pt_2, eta_2, (phi_2 - phi_1) % (2 * math.pi), m_2]
        if not self.tau:
            return row, 0.0
        start = time.process_time()
        row += [self._tau21(event, i) for i in order]
        return row, time.process_time() - start

    def _tau21(self, event: Any, jet: int) -> float:
        """Return τ2 / τ1 of the particles of a jet, 0 where it has only one; smearing does not change it."""
        particles = (event[i] for i in self.finder.constituents(jet))
        momenta = np.array([(p.px(), p.py(), p.pz(), p.e()) for p in particles])
        tau_1, tau_2 = (n_subjettiness(momenta, n, self.radius) for n in (1, 2))
        return tau_2 / tau_1 if tau_1 > 0 else 0.0


def n_subjettiness(momenta: Array, n: int, radius: float) -> float:
    """Return τ_n of particles (m, 4) as px, py, pz, E, with β = 1 and the axes of n exclusive kT subjets.

    It is Σ_k pT_k min_i ΔR(k, i) / Σ_k pT_k R (Thaler & Van Tilburg 2011, arXiv:1011.2268); 0 for at most n particles.
    """
    if len(momenta) <= n:
        return 0.0
    import fastjet

    # a radius much larger than that of the jet, so that no particle is merged with the beam
    definition = fastjet.JetDefinition(fastjet.kt_algorithm, 10.0)
    cluster = fastjet.ClusterSequence([fastjet.PseudoJet(*map(float, p)) for p in momenta], definition)
    axes = np.array([(axis.rap(), axis.phi()) for axis in cluster.exclusive_jets(n)])
    px, py, pz, energy = momenta.T
    pt = np.hypot(px, py)
    rapidity = 0.5 * np.log((energy + pz) / (energy - pz))
    azimuth = np.abs(np.arctan2(py, px)[:, None] - axes[:, 1]) % (2 * np.pi)
    distance = np.hypot(rapidity[:, None] - axes[:, 0], np.minimum(azimuth, 2 * np.pi - azimuth))
    return float((pt * distance.min(1)).sum() / (pt.sum() * radius))
