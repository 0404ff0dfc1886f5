"""Dijets: kinematics against events made by hand, features of both kinds, and peaks where the physics puts them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import genbench_tables
from genbench.budget import Sizes
from genbench.stored import load_stored
from genbench.training.standardise import transform_of
from genbench_tables import DijetsConfig
from genbench_tables.dijets import DATA_FILE, EVENT, Dijets, columns_of, features_of, observables_of
from genbench_tables.kinematics import difference_in_azimuth, four_momentum

SIZES = Sizes(4000, 4000, 4000)
ALL = Sizes(10**6, 10**6, 10**6)


def load(sizes=SIZES, seed=0, **options):
    return Dijets(DijetsConfig(**options)).load(sizes, np.random.default_rng(seed))


def event(pt_1=1500.0, eta_1=0.3, m_1=200.0, pt_2=1400.0, eta_2=-0.5, phi_2=np.pi, m_2=100.0):
    return np.array([[pt_1, eta_1, m_1, pt_2, eta_2, phi_2, m_2]])


# ---------------------------------------------------------------------------------------------------------- kinematics


@pytest.mark.parametrize("eta", [0.0, 0.7, -2.0])
def test_massless_jets_back_to_back_have_a_mass_of_twice_pt_times_the_cosh_of_half_their_distance(eta):
    found = observables_of(event(pt_1=1000, eta_1=eta, m_1=0, pt_2=1000, eta_2=-eta, m_2=0), "dijetgan7", False)
    assert found["m_jj"][0] == pytest.approx(2000 * np.cosh(eta), rel=1e-12)
    assert found["pt_jj"][0] == pytest.approx(0, abs=1e-9)
    assert found["e_jj"][0] == pytest.approx(2000 * np.cosh(eta))
    assert found["delta_phi"][0] == pytest.approx(np.pi)
    assert found["delta_eta"][0] == pytest.approx(2 * abs(eta))


def test_collinear_massless_jets_have_no_mass():
    found = observables_of(event(m_1=0, m_2=0, eta_2=0.3, phi_2=0.0), "dijetgan7", False)
    assert found["m_jj"][0] == pytest.approx(0, abs=1e-3)  # of an energy of 3 TeV
    assert found["pt_jj"][0] == pytest.approx(2900)
    assert found["delta_r"][0] == 0


def test_a_pair_at_rest_weighs_what_its_jets_carry():
    """Jets of 3-4-5 triangles: pT 300, mass 400, energy 500 each."""
    found = observables_of(event(300, 0, 400, 300, 0, np.pi, 400), "dijetgan7", False)
    assert [found[name][0] for name in ("e_1", "e_2", "m_jj", "e_jj")] == pytest.approx([500, 500, 1000, 1000])


def test_momenta_of_a_pair_at_a_right_angle_add_up():
    found = observables_of(event(300, 0, 0, 400, 0, np.pi / 2, 0), "dijetgan7", False)
    assert found["pt_jj"][0] == pytest.approx(500)
    assert found["phi_jj"][0] == pytest.approx(np.arctan2(4, 3))
    assert found["eta_jj"][0] == pytest.approx(0)


def boosted(x, rapidity):
    """Return the rows of an event seen from a frame that moves along the beam; jets are massless here."""
    out = x.copy()
    out[:, [1, 4]] += rapidity
    return out


def test_the_mass_of_the_pair_is_the_same_in_a_frame_that_moves_along_the_beam():
    rng = np.random.default_rng(0)
    x = np.concatenate([event(*row) for row in np.c_[rng.uniform(500, 2000, 50), rng.normal(size=50)]])
    x[:, [2, 6]] = 0
    still, moving = (observables_of(each, "dijetgan7", False) for each in (x, boosted(x, 1.3)))
    for name in ("m_jj", "pt_jj", "phi_jj", "delta_r"):
        np.testing.assert_allclose(moving[name], still[name], rtol=1e-9, atol=1e-6)
    assert (np.abs(moving["e_jj"] - still["e_jj"]) > 1).all()


def test_the_four_momentum_gives_back_what_it_was_made_of():
    rng = np.random.default_rng(1)
    pt, eta, phi, mass = rng.uniform(1, 2000, 99), rng.normal(size=99), rng.uniform(-3, 3, 99), rng.uniform(0, 500, 99)
    p = four_momentum(pt, eta, phi, mass)
    for found, expected in ((p.pt, pt), (p.eta, eta), (p.phi, phi), (p.mass, mass)):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert (np.abs(p.rapidity) <= np.abs(eta)).all()  # equal for massless particles only


@pytest.mark.parametrize(("first", "second", "apart"), [(0.1, 6.2, 0.1 + 2 * np.pi - 6.2), (0, 3, 3), (-3, 3, 0.28319)])
def test_azimuths_are_compared_around_the_circle(first, second, apart):
    assert difference_in_azimuth(first, second) == pytest.approx(apart, abs=1e-5)
    assert difference_in_azimuth(second, first) == pytest.approx(apart, abs=1e-5)


@pytest.mark.parametrize("features", ["dijetgan7", "lhco"])
def test_whatever_a_model_draws_has_finite_observables(features):
    rng = np.random.default_rng(0)
    wild = rng.standard_cauchy((5000, 9)) * 10.0 ** rng.integers(-6, 12, (5000, 1))
    x = wild[:, : len(columns_of(features, tau=True))]
    assert all(np.isfinite(values).all() for values in observables_of(x, features, True).values())


# ------------------------------------------------------------------------------------------------------------ features


def test_both_choices_of_features_tell_the_same_masses():
    events = load_stored(DATA_FILE)["signal"][:1000]
    for tau in (False, True):
        one, other = (observables_of(features_of(events, f, tau), f, tau) for f in ("dijetgan7", "lhco"))
        for name in set(one) & set(other):
            np.testing.assert_allclose(one[name], other[name], rtol=1e-4)
        assert {"m_jj", "m_light", "m_heavy"} <= set(one) & set(other)
    first_is_light = events[:, 2] < events[:, 6]
    light = np.where(first_is_light, events[:, 7], events[:, 8])
    np.testing.assert_array_equal(features_of(events, "lhco", True)[:, 3], light)


def test_the_mass_of_the_pair_is_judged_but_not_learned():
    data = load()
    assert "m_jj" not in [column.name for column in data.columns]
    learned = {column.name for column in data.columns}
    assert learned < set(data.observables(data.test))
    # the 18 of DijetGAN less the first azimuth, and the heavier and the lighter mass
    assert len(data.observables(data.test)) == 19


@pytest.mark.parametrize("features", ["dijetgan7", "lhco"])
@pytest.mark.parametrize("tau", [False, True])
def test_columns_name_all_features_and_the_space_is_fitted_to_them(features, tau):
    data = load(features=features, tau=tau)
    assert len(data.columns) == data.train.shape[1] == {"dijetgan7": 7, "lhco": 3}[features] + 2 * tau
    space = transform_of(data)
    back = space.from_model(space.to_model(data.test, np.random.default_rng(0)))
    np.testing.assert_allclose(back, data.test, rtol=1e-4, atol=1e-4)


def test_the_azimuth_goes_once_around_and_peaks_where_jets_are_back_to_back():
    column = next(column for column in columns_of("dijetgan7", tau=False) if column.name == "phi_2")
    assert column.period == pytest.approx(2 * np.pi)
    phi = load().train[:, 5]
    assert (phi >= 0).all()
    assert (phi <= 2 * np.pi + 1e-6).all()
    assert np.median(phi) == pytest.approx(np.pi, abs=0.02)
    assert np.mean(np.abs(phi - np.pi) < 0.5) > 0.9


# --------------------------------------------------------------------------------------------------- the stored sample


def masses(process, name):
    data = load(process=process, sizes=ALL)
    return data.observables(np.concatenate([data.train, data.test, data.reference]))[name]


def peak(values, width=2.0):
    """Return the middle of the fullest bin, refined by the mean of what lies near it."""
    counts, edges = np.histogram(values, np.arange(0, 1000, 5 * width))
    middle = edges[counts.argmax()] + 2.5 * width
    return np.median(values[np.abs(values - middle) < 5 * width])


def test_the_signal_peaks_where_its_particles_weigh():
    assert peak(masses("signal", "m_heavy")) == pytest.approx(499.4, abs=5)
    assert peak(masses("signal", "m_light")) == pytest.approx(105.1, abs=4)
    m_jj = masses("signal", "m_jj")
    assert np.median(m_jj) == pytest.approx(3493, abs=15)
    assert np.mean((m_jj > 3300) & (m_jj < 3700)) == pytest.approx(0.86, abs=0.03)


def test_qcd_has_no_peak():
    m_jj = masses("qcd", "m_jj")
    assert np.median(m_jj) == pytest.approx(2962, abs=25)
    heavy = masses("qcd", "m_heavy")
    assert np.mean(np.abs(heavy - 500) < 25) < 0.1 < 0.3 < np.mean(np.abs(masses("signal", "m_heavy") - 500) < 25)


def test_jets_of_heavy_particles_have_two_prongs_and_those_of_qcd_have_not():
    stored = load_stored(DATA_FILE)
    signal, qcd = (np.median(stored[process][:, 7:]) for process in ("signal", "qcd"))
    assert signal == pytest.approx(0.26, abs=0.03)
    assert qcd == pytest.approx(0.58, abs=0.04)


def test_stored_events_passed_the_cuts_in_order():
    stored = load_stored(DATA_FILE)
    for process in ("qcd", "signal"):
        events = stored[process]
        assert events.shape == (20_000, len(EVENT))
        assert events.dtype == np.float32
        assert (events[:, 0] >= 1200).all()
        assert (np.abs(events[:, 1]) <= 2.5).all()
        assert (events[:, 0] >= events[:, 3]).all()
        assert len(np.unique(events, axis=0)) == len(events)
    assert DATA_FILE.stat().st_size < 2e6


@pytest.mark.parametrize("process", ["qcd", "signal"])
@pytest.mark.parametrize("features", ["dijetgan7", "lhco"])
def test_outliers_are_events_of_the_other_process(process, features):
    data, alone = (load(process=process, features=features, outliers=given) for given in (True, False))
    assert alone.outliers is None
    assert np.array_equal(data.train, alone.train)
    stored = load_stored(DATA_FILE)["signal" if process == "qcd" else "qcd"]
    others = {row.tobytes() for row in features_of(stored, features, tau=False)}
    assert len(data.outliers) == SIZES.test
    assert {row.tobytes() for row in data.outliers} <= others
    assert data.outliers.dtype == data.train.dtype


def test_the_splits_share_no_event_and_repeat():
    data = load()
    rows = np.concatenate([data.train, data.test, data.reference])
    assert len(np.unique(rows, axis=0)) == len(rows) == 12_000
    np.testing.assert_array_equal(data.train, load().train)
    assert (data.train != load(seed=1).train).any()


def test_the_simulator_is_declared_with_its_cost():
    plain, fancy = load().simulator, load(tau=True).simulator
    assert plain.name.startswith("Pythia 8.3")
    assert 1e-4 < plain.seconds_per_sample < fancy.seconds_per_sample < 0.1
    assert load(process="signal").simulator.seconds_per_sample < plain.seconds_per_sample  # fewer fail the cuts


def test_unknown_options_are_refused():
    with pytest.raises(ValueError, match="process must be 'qcd' or 'signal', got 'background'"):
        DijetsConfig(process="background")
    with pytest.raises(ValueError, match="features must be 'dijetgan7' or 'lhco', got 'all'"):
        DijetsConfig(features="all")


def test_the_card_names_licence_source_options_and_script():
    card = json.loads(DATA_FILE.with_name("dijets.npz.json").read_text())
    assert card["licence"].startswith("MIT")
    assert "Pythia 8.3" in card["source"]
    assert {options["pythia"] for options in card["options"].values()} == {"8.317.2"}
    assert (Path(genbench_tables.__file__).parent / card["script"]).is_file()
