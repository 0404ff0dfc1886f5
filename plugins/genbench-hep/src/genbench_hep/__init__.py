"""Collider physics, simulated by Pythia 8."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from genbench.hooks import hookimpl
from genbench.spec import DatasetSpec, Spec

__all__ = ["DijetsConfig", "ZmumuConfig", "genbench_register", "pythia_version"]

PYTHIA = "pythia8mc==8.317.2"


def pythia_version() -> str:
    """Return the version of Pythia that is installed; raises ImportError where none is."""
    try:
        return importlib.metadata.version("pythia8mc")
    except importlib.metadata.PackageNotFoundError:
        raise ImportError(f"Pythia is not installed; try: pip install {PYTHIA}") from None


def _processes() -> Any:
    """Return a field for the number of processes, an option that does not change events."""
    return field(default=0, metadata={"essential": False})


def _check(config: Any, **ranges: tuple[float, float]) -> None:
    if config.pythia != pythia_version():
        raise ValueError(f"pythia {config.pythia} is asked for, {pythia_version()} is installed")
    if config.processes < 0:
        raise ValueError(f"processes must be 0 (one for each core) or more, got {config.processes}")
    if config.level not in ("particle", "smeared"):
        raise ValueError(f"level must be 'particle' or 'smeared', got {config.level!r}")
    for name, (low, high) in ranges.items():
        if not low <= getattr(config, name) <= high:
            raise ValueError(f"{name} must be in [{low:g}, {high:g}], got {getattr(config, name):g}")


@dataclass(frozen=True)
class DijetsConfig:
    """Options of dijets: energies, momenta and masses in GeV."""

    process: Literal["qcd", "signal"] = "qcd"  # QCD, or W' -> XY, each of which decays to two quarks
    features: Literal["dijetgan7", "lhco"] = "dijetgan7"  # seven kinematic features of both jets, or masses
    tau: bool = False  # whether the N-subjettiness ratio of each jet is a feature too; needs genbench-hep[tau]
    level: Literal["particle", "smeared"] = "particle"  # jets of particles, or with the resolution of a calorimeter
    mass: float = 3500.0  # of the W'; signal only
    mass_heavy: float = 500.0  # of X; signal only
    mass_light: float = 100.0  # of Y; signal only
    pthat_min: float = 1000.0  # smallest transverse momentum of the hard process; QCD only
    multiparton: bool = False  # whether more partons of the same protons interact; three times as slow
    radius: float = 1.0  # of the anti-kT jets
    pt_min: float = 1200.0  # smallest transverse momentum of the leading jet
    eta_max: float = 2.5  # largest |pseudorapidity| of the leading jet
    energy: float = 13000.0  # of the collision
    processes: int = _processes()  # that generate events in parallel; 0: one for each core
    pythia: str = field(default_factory=pythia_version)  # the version that must be installed

    def __post_init__(self) -> None:
        if self.process not in ("qcd", "signal"):
            raise ValueError(f"process must be 'qcd' or 'signal', got {self.process!r}")
        if self.features not in ("dijetgan7", "lhco"):
            raise ValueError(f"features must be 'dijetgan7' or 'lhco', got {self.features!r}")
        _check(self, energy=(1000, 200_000), radius=(0.2, 1.5), eta_max=(0.1, 4.0))
        _check(self, pt_min=(50, self.energy / 2), pthat_min=(20, self.energy / 2), mass=(200, self.energy / 2))
        _check(self, mass_light=(10, self.mass / 3), mass_heavy=(10, self.mass / 3))
        if self.tau and importlib.util.find_spec("fastjet") is None:
            raise ValueError("tau needs fastjet; try: pip install 'genbench-hep[tau]'")


@dataclass(frozen=True)
class ZmumuConfig:
    """Options of Z -> μμ: energies, momenta and masses in GeV."""

    level: Literal["particle", "smeared"] = "particle"  # true muons, or with the resolution of a tracker
    mass_min: float = 60.0  # smallest mass of the pair, as it is produced
    mass_max: float = 120.0  # largest mass of the pair, as it is produced
    multiparton: bool = False  # whether more partons of the same protons interact
    pt_min: float = 20.0  # smallest transverse momentum of both muons
    eta_max: float = 2.4  # largest |pseudorapidity| of both muons
    energy: float = 13000.0  # of the collision
    processes: int = _processes()  # that generate events in parallel; 0: one for each core
    pythia: str = field(default_factory=pythia_version)  # the version that must be installed

    def __post_init__(self) -> None:
        _check(self, energy=(1000, 200_000), eta_max=(0.1, 5.0), pt_min=(1, 40), mass_min=(10, 90))
        _check(self, mass_max=(self.mass_min + 10, 1000))


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of the datasets; raises ImportError, with the remedy, where Pythia is not installed."""
    version = pythia_version()
    return [
        DatasetSpec(
            "dijets",
            "genbench_hep.dijets:Dijets",
            DijetsConfig,
            "pairs of jets at the LHC, generated by Pythia 8 on demand",
            observables=True,
            simulator=True,
            licence="GPL-2.0-or-later (the generator)",
            source=f"Pythia {version}, Bierlich et al. 2022, arXiv:2203.11601",
            paper="Di Sipio et al. 2019, arXiv:1903.02433",
        ),
        DatasetSpec(
            "zmumu",
            "genbench_hep.zmumu:Zmumu",
            ZmumuConfig,
            "the two muons of a Z boson at the LHC, generated by Pythia 8 on demand",
            observables=True,
            simulator=True,
            licence="GPL-2.0-or-later (the generator)",
            source=f"Pythia {version}, Bierlich et al. 2022, arXiv:2203.11601",
        ),
    ]
