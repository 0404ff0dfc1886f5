"""Generate a chunk of events: set up Pythia, run it, and select events. Runs in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from genbench.errors import DataError
from genbench.protocol import Array

__all__ = ["chunk", "settings_of"]

MAX_FAILED_EVENTS = 20_000  # after this number, a chunk fails if less than one in a thousand has passed the cuts

# a function of an event that returns its row, None where it fails the cuts, and the seconds spent on substructure
Selection = Callable[[Any], tuple[list[float] | None, float]]


def settings_of(options: Mapping[str, Any]) -> list[str]:
    """Return Pythia's settings for these options, without the seed."""
    common = [
        "Print:quiet = on",
        f"Beams:eCM = {options['energy']}",
        f"PartonLevel:MPI = {'on' if options['multiparton'] else 'off'}",
    ]
    return common + {"zmumu": _zmumu, "qcd": _qcd, "signal": _signal}[options.get("process", "zmumu")](options)


def _qcd(options: Mapping[str, Any]) -> list[str]:
    return ["HardQCD:all = on", f"PhaseSpace:pTHatMin = {options['pthat_min']}"]


def _signal(options: Mapping[str, Any]) -> list[str]:
    """Return settings for W' -> XY with new scalars X and Y that decay to two quarks each, as in the LHC Olympics.

    The mass of the W' is limited to 10 % around its nominal value: otherwise the parton densities, which fall steeply,
    would add a tail at 1-2 TeV.
    """
    mass, heavy, light = options["mass"], options["mass_heavy"], options["mass_light"]
    return [
        "NewGaugeBoson:ffbar2Wprime = on",
        f"34:m0 = {mass}",
        "34:doForceWidth = on",
        f"34:mWidth = {0.01 * mass}",
        f"34:mMin = {0.9 * mass}",
        f"34:mMax = {1.1 * mass}",
        # names, spin type (1: spin 0), three times the charge, colour type (0: none), mass, width, range of masses
        f"9000001:new = X X~ 1 3 0 {heavy} {1e-3 * heavy} {0.98 * heavy} {1.02 * heavy} 0.",
        f"9000002:new = Y void 1 0 0 {light} {1e-3 * light} {0.98 * light} {1.02 * light} 0.",
        "9000001:isResonance = on",
        "9000002:isResonance = on",
        "9000001:addChannel = 1 1.0 100 2 -1",
        "9000002:addChannel = 1 1.0 100 1 -1",
        "34:oneChannel = 1 1.0 100 9000001 9000002",
    ]


def _zmumu(options: Mapping[str, Any]) -> list[str]:
    return [
        "WeakSingleBoson:ffbar2gmZ = on",
        "23:onMode = off",
        "23:onIfAny = 13",
        f"PhaseSpace:mHatMin = {options['mass_min']}",
        f"PhaseSpace:mHatMax = {options['mass_max']}",
        "HadronLevel:all = off",  # hadrons do not change the muons
    ]


def chunk(options: dict[str, Any], index: int, n: int) -> dict[str, Array]:
    """Return ``n`` events (n, d), float32, of the chunk ``index``, and the CPU seconds (2,) for an event.

    The seconds are those for generation, without the start of Pythia, and for substructure. Raises DataError where
    almost no event passes the cuts.
    """
    generator = _started(settings_of(options), seed=index + 1)
    select = _selection(options, np.random.Generator(np.random.PCG64(np.random.SeedSequence([index]))))
    rows, substructure = [], 0.0
    start = time.process_time()
    for row, seconds in _selected(generator, select):
        substructure += seconds
        rows.append(row)
        if len(rows) == n:
            break
    spent = time.process_time() - start - substructure
    return {"events": np.array(rows, dtype=np.float32), "seconds": np.array([spent / n, substructure / n])}


def _started(settings: list[str], seed: int) -> Any:
    import pythia8mc

    generator = pythia8mc.Pythia("", False)
    for line in [*settings, "Random:setSeed = on", f"Random:seed = {seed}"]:
        if not generator.readString(line):
            raise DataError(f"Pythia does not understand {line!r}")
    if not generator.init():
        raise DataError("Pythia cannot be started with these options; its messages are above")
    return generator


def _selection(options: Mapping[str, Any], rng: np.random.Generator) -> Selection:
    if options["dataset"] == "zmumu":
        from genbench_hep.muons import MuonSelection

        return MuonSelection(options, rng)
    from genbench_hep.jets import JetSelection

    return JetSelection(options, rng)


def _selected(generator: Any, select: Selection) -> Iterator[tuple[list[float], float]]:
    tried = passed = 0
    while True:
        tried += 1
        if tried > MAX_FAILED_EVENTS and passed < tried / 1000:
            raise DataError(
                f"{passed} of {tried - 1} events pass the cuts: for QCD, pthat_min should be somewhat below pt_min; "
                "for a signal, pt_min below half the mass"
            )
        if not generator.next():
            continue
        row, seconds = select(generator.event)
        if row is not None:
            passed += 1
            yield row, seconds
