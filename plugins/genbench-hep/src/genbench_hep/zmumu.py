"""Z -> μμ: five features of two muons, independent of the rotation of the event about the beam."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
from genbench.budget import Sizes
from genbench.data import split
from genbench.protocol import Array, Column, Data, Simulator
from genbench_tables.kinematics import FourMomentum, difference_in_azimuth, four_momentum

from genbench_hep import ZmumuConfig
from genbench_hep.generate import generate, show_progress

__all__ = ["COLUMNS", "Zmumu", "observables_of", "options_of"]

MUON_MASS = 0.1056583755  # GeV, Particle Data Group 2024

COLUMNS = (
    Column("pt_minus", unit="GeV", log=True),
    Column("eta_minus"),
    Column("pt_plus", unit="GeV", log=True),
    Column("eta_plus"),
    Column("phi_plus", unit="rad", period=2 * math.pi),  # azimuth of μ+ minus that of μ-
)


def options_of(config: ZmumuConfig) -> dict[str, Any]:
    """Return the options that change events, which are the key of the cache."""
    return {"dataset": "zmumu", **{k: v for k, v in asdict(config).items() if k != "processes"}}


def observables_of(x: Array) -> dict[str, Array]:
    """Return the observables of rows (n, 5), each (n,): masses and momenta in GeV, angles in radians.

    ``cos_theta_cs`` is cos θ* of μ- in the frame of Collins and Soper (1977, doi:10.1103/PhysRevD.16.2219).
    """
    pt_minus, eta_minus, pt_plus, eta_plus, phi_plus = np.asarray(x, dtype=np.float64).T
    minus = four_momentum(pt_minus, eta_minus, 0.0, MUON_MASS)
    plus = four_momentum(pt_plus, eta_plus, phi_plus, MUON_MASS)
    pair = minus.plus(plus)
    return {
        "m_ll": pair.mass,
        "pt_ll": pair.pt,
        "y_ll": pair.rapidity,
        "pt_leading": np.maximum(pt_minus, pt_plus),
        "pt_trailing": np.minimum(pt_minus, pt_plus),
        "delta_eta": np.abs(eta_minus - eta_plus),
        "delta_phi": difference_in_azimuth(phi_plus, 0.0),
        "cos_theta_cs": _collins_soper_cosine(minus, plus, pair),
    }


def _collins_soper_cosine(minus: FourMomentum, plus: FourMomentum, pair: FourMomentum) -> Array:
    """Return cos θ* of μ- in the frame of Collins and Soper, with the sign of the pair's direction along the beam."""
    forward = (minus.energy + minus.pz) * (plus.energy - plus.pz)
    backward = (minus.energy - minus.pz) * (plus.energy + plus.pz)
    mass = np.maximum(pair.mass, 1e-9)
    cosine = np.sign(pair.pz) * (forward - backward) / (mass * np.hypot(mass, pair.pt))
    clipped: Array = np.clip(cosine, -1, 1)
    return clipped


class Zmumu:
    """Events with a muon pair, which are the same for all seeds of a run and split differently by each."""

    def __init__(self, config: ZmumuConfig) -> None:
        self.config = config

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return disjoint splits; events that are not in the cache are generated first."""
        with show_progress("Z -> μμ") as progress:
            wanted = sizes.train + sizes.test + sizes.reference
            generated = generate(options_of(self.config), wanted, self.config.processes, progress)
        events = generated.events
        train, test, reference = split(events, sizes, rng)
        return Data(
            events[train],
            events[test],
            events[reference],
            columns=COLUMNS,
            observables=observables_of,
            simulator=Simulator(float(generated.seconds.sum()), f"Pythia {self.config.pythia}"),
        )
