"""Pairs of jets at the LHC: features and observables of events, and a stored sample.

An event consists of transverse momentum, pseudorapidity, azimuth and mass of the two leading jets, rotated about the
beam so that the first jet is at azimuth 0, and of the N-subjettiness ratio τ21 of each jet (Thaler & Van Tilburg 2011,
arXiv:1011.2268). Two choices of features are known from the literature:

``dijetgan7``: all seven kinematic numbers of both jets, as in DijetGAN (Di Sipio et al. 2019, arXiv:1903.02433). The
mass of the pair is not a feature: a model has to learn the correlations to reproduce it.

``lhco``: as in searches for resonances in the LHC Olympics (Kasieczka et al. 2021, arXiv:2101.08320): the mass of the
pair, the mass of the lighter jet, and the difference of both jets' masses.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from genbench.budget import Sizes
from genbench.data import split
from genbench.protocol import Array, Column, Data, Simulator
from genbench.stored import load_stored
from genbench_tables import DijetsConfig
from genbench_tables.kinematics import FourMomentum, difference_in_azimuth, four_momentum

__all__ = ["EVENT", "Dijets", "columns_of", "data_of", "features_of", "observables_of"]

DATA_FILE = Path(__file__).parent / "data" / "dijets.npz"
MIN_MASS = 0.1  # GeV: less than that of any hadron; gives the mass of a jet of one photon a logarithm

# columns of an event, in the order of the file; the last two only where τ21 was computed
EVENT = ("pt_1", "eta_1", "m_1", "pt_2", "eta_2", "phi_2", "m_2", "tau21_1", "tau21_2")

JETS = (
    Column("pt_1", unit="GeV", log=True),
    Column("eta_1"),
    Column("m_1", unit="GeV", log=True),
    Column("pt_2", unit="GeV", log=True),
    Column("eta_2"),
    Column("phi_2", unit="rad", period=2 * math.pi),
    Column("m_2", unit="GeV", log=True),
)
MASSES = (
    Column("m_jj", unit="GeV", log=True),
    Column("m_light", unit="GeV", log=True),
    Column("delta_m", unit="GeV"),
)


def columns_of(features: str, tau: bool) -> tuple[Column, ...]:
    """Return the columns of ``features``, ``dijetgan7`` or ``lhco``, and with ``tau`` those of τ21."""
    if features == "lhco":
        return MASSES + ((Column("tau21_light"), Column("tau21_heavy")) if tau else ())
    return JETS + ((Column("tau21_1"), Column("tau21_2")) if tau else ())


def features_of(events: Array, features: str, tau: bool) -> Array:
    """Return rows (n, d), float32, of events (n, 7 or 9)."""
    rows = events.astype(np.float64)
    rows[:, [2, 6]] = np.maximum(rows[:, [2, 6]], MIN_MASS)
    if features == "lhco":
        masses = rows[:, [2, 6]]
        parts = [_pair(rows).mass, masses.min(1), np.ptp(masses, axis=1)]
        if tau:
            lighter = masses.argmin(1)[:, None]
            parts += [np.take_along_axis(rows[:, 7:], index, 1)[:, 0] for index in (lighter, 1 - lighter)]
        rows = np.stack(parts, axis=1)
    elif not tau:
        rows = rows[:, :7]
    return rows.astype(np.float32)


def _jets(x: Array) -> tuple[FourMomentum, FourMomentum]:
    pt_1, eta_1, m_1, pt_2, eta_2, phi_2, m_2 = x[:, :7].T
    return four_momentum(pt_1, eta_1, 0.0, m_1), four_momentum(pt_2, eta_2, phi_2, m_2)


def _pair(x: Array) -> FourMomentum:
    first, second = _jets(x)
    return first.plus(second)


def observables_of(x: Array, features: str, tau: bool) -> dict[str, Array]:
    """Return the observables of rows (n, d), each (n,): momenta, energies and masses in GeV, angles in radians.

    With ``dijetgan7`` these are the 18 of DijetGAN, without the azimuth of the first jet, which is 0 here, and the
    masses of the heavier and the lighter jet.
    """
    x = np.asarray(x, dtype=np.float64)
    if features == "lhco":
        found = {"m_jj": x[:, 0], "m_light": x[:, 1], "m_heavy": x[:, 1] + x[:, 2]}
        return found | ({"tau21_light": x[:, 3], "tau21_heavy": x[:, 4]} if tau else {})
    pt_1, eta_1, m_1, pt_2, eta_2, phi_2, m_2 = x[:, :7].T
    first, second = _jets(x)
    pair = first.plus(second)
    delta_phi = difference_in_azimuth(phi_2, 0.0)
    found = {
        "pt_1": pt_1,
        "eta_1": eta_1,
        "m_1": m_1,
        "e_1": first.energy,
        "pt_2": pt_2,
        "eta_2": eta_2,
        "phi_2": phi_2,
        "m_2": m_2,
        "e_2": second.energy,
        "pt_jj": pair.pt,
        "eta_jj": pair.eta,
        "phi_jj": pair.phi,
        "m_jj": pair.mass,
        "e_jj": pair.energy,
        "delta_eta": np.abs(eta_1 - eta_2),
        "delta_phi": delta_phi,
        "delta_r": np.hypot(eta_1 - eta_2, delta_phi),
        "m_light": np.minimum(m_1, m_2),
        "m_heavy": np.maximum(m_1, m_2),
    }
    return found | ({"tau21_1": x[:, 7], "tau21_2": x[:, 8]} if tau else {})


def data_of(
    events: Array, features: str, tau: bool, simulator: Simulator, sizes: Sizes, rng: np.random.Generator
) -> Data:
    """Return events (n, 7 or 9) as data: split, with features, observables and the cost of the simulator."""
    rows = features_of(events, features, tau)
    train, test, reference = split(rows, sizes, rng)
    return Data(
        rows[train],
        rows[test],
        rows[reference],
        columns=columns_of(features, tau),
        observables=lambda x: observables_of(x, features, tau),
        simulator=simulator,
    )


class Dijets:
    """20,000 events of each process, generated by genbench-hep with its default options, and stored."""

    def __init__(self, config: DijetsConfig) -> None:
        self.config = config

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return disjoint splits of one process, and perhaps events of the other as outliers.

        The simulator's cost was measured when the events were generated.
        """
        stored = load_stored(DATA_FILE)
        process, tau = self.config.process, self.config.tau
        generation, substructure = stored[f"{process}_seconds"]
        seconds = float(generation + substructure) if tau else float(generation)
        simulator = Simulator(seconds, str(stored["generator"]))
        data = data_of(stored[process], self.config.features, tau, simulator, sizes, rng)
        if not self.config.outliers:
            return data
        events = stored["qcd" if process == "signal" else "signal"]
        events = events[rng.permutation(len(events))[: sizes.test]]
        return replace(data, outliers=features_of(events, self.config.features, tau))
