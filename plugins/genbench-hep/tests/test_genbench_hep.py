"""Events of Pythia: peaks where particles weigh, the same events for any number of processes, a cache that is kept."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="genbench-hep is not installed: pip install ./plugins/genbench-hep")
genbench_hep = pytest.importorskip("genbench_hep", reason="pip install ./plugins/genbench-hep")

from genbench.budget import Sizes  # noqa: E402
from genbench.errors import ConfigError, DataError  # noqa: E402
from genbench.loading import heard_by  # noqa: E402
from genbench.plan.plan import Request, make_plan  # noqa: E402
from genbench.registry.registry import Registry  # noqa: E402
from genbench.testing import configured  # noqa: E402
from genbench_tables.dijets import EVENT, observables_of  # noqa: E402

from genbench_hep import DijetsConfig, ZmumuConfig, dijets, generate, jets, muons, pythia, zmumu  # noqa: E402

CHUNK = generate.CHUNK


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def cache(home, monkeypatch):
    monkeypatch.setenv("GENBENCH_HEP_CACHE", str(home))
    return home


def made(config, n=CHUNK, processes=1):
    module = dijets if isinstance(config, DijetsConfig) else zmumu
    return generate.generate(module.options_of(config), n, processes).events


# --------------------------------------------------------------------------------------------------------- the physics


@pytest.mark.slow
def test_the_signal_peaks_at_the_masses_of_its_particles():
    found = observables_of(made(DijetsConfig(process="signal"), 2 * CHUNK), "dijetgan7", False)
    for name, mass, width in (("m_heavy", 499.4, 25), ("m_light", 105.1, 12)):
        near = found[name][np.abs(found[name] - mass) < width]
        assert len(near) > 0.4 * len(found[name])
        assert np.median(near) == pytest.approx(mass, abs=width / 5)
    assert np.median(found["m_jj"]) == pytest.approx(3493, abs=25)
    assert np.mean((found["m_jj"] > 3300) & (found["m_jj"] < 3700)) == pytest.approx(0.86, abs=0.05)


@pytest.mark.slow
def test_other_masses_peak_elsewhere():
    config = DijetsConfig(process="signal", mass=4500, mass_heavy=300, mass_light=200, pt_min=1500)
    found = observables_of(made(config), "dijetgan7", False)
    assert np.median(found["m_jj"]) == pytest.approx(4490, rel=0.02)
    for name, mass in (("m_heavy", 300), ("m_light", 205)):
        assert np.median(found[name]) == pytest.approx(mass, rel=0.12)


@pytest.mark.slow
def test_qcd_falls_from_the_cut_and_has_no_peak():
    events = made(DijetsConfig())
    found = observables_of(events, "dijetgan7", False)
    assert np.median(found["m_jj"]) == pytest.approx(2962, rel=0.03)
    assert events[:, 0].min() == pytest.approx(1200, abs=3)
    assert (events[:, 0] >= events[:, 3]).all()
    low, high = np.mean(events[:, 0] < 1300), np.mean((events[:, 0] >= 1300) & (events[:, 0] < 1400))
    assert low > 1.3 * high


def test_the_pair_of_muons_weighs_a_z_boson():
    events = made(ZmumuConfig(), 2 * CHUNK)
    found = zmumu.observables_of(events)
    near = found["m_ll"][np.abs(found["m_ll"] - 91.2) < 5]
    assert len(near) > 0.75 * len(events)
    assert np.median(near) == pytest.approx(91.1, abs=0.3)  # photons take a little away
    assert events[:, [0, 2]].min() >= 20
    assert np.abs(events[:, [1, 3]]).max() <= 2.4
    assert found["delta_phi"].min() >= 0
    assert np.median(found["pt_ll"]) < 25


def test_muons_made_by_hand():
    rest = np.array([[45.6, 0.0, 45.6, 0.0, np.pi]])
    found = {name: values[0] for name, values in zmumu.observables_of(rest).items()}
    assert found["m_ll"] == pytest.approx(91.2, rel=1e-5)
    assert found["pt_ll"] == pytest.approx(0, abs=1e-9)
    assert found["y_ll"] == pytest.approx(0)
    # moving along the beam, with the negative muon in front: its polar angle in the pair's own frame is known
    eta, boost = 0.8, 1.1
    found = zmumu.observables_of(np.array([[30.0, eta + boost, 30.0, -eta + boost, np.pi]]))
    assert found["y_ll"][0] == pytest.approx(boost, abs=1e-4)
    assert found["cos_theta_cs"][0] == pytest.approx(np.tanh(eta), abs=1e-4)
    found = zmumu.observables_of(np.array([[30.0, -eta - boost, 30.0, eta - boost, np.pi]]))
    assert found["cos_theta_cs"][0] == pytest.approx(np.tanh(eta), abs=1e-4)  # forward is where the pair goes


def test_a_tracker_measures_muons_right_on_average():
    select = muons.MuonSelection({"pt_min": 20, "eta_max": 2.4, "level": "smeared"}, np.random.default_rng(0))
    for pt, resolution in ((45.0, 0.011), (500.0, 0.051)):
        found = np.array([select._measured(pt, 0.5, 1.0) for _ in range(4000)])
        np.testing.assert_allclose(found.mean(0), [pt, 0.5, 1.0], rtol=0.005)
        assert found[:, 0].std() / pt == pytest.approx(resolution, rel=0.05)


def test_smeared_events_differ_from_those_of_particles_and_repeat():
    sharp, smeared = (made(ZmumuConfig(level=level)) for level in ("particle", "smeared"))
    assert not np.isin(smeared[:, 0], sharp[:, 0]).any()
    chunk = pythia.chunk(zmumu.options_of(ZmumuConfig(level="smeared")), 0, 50)
    np.testing.assert_array_equal(chunk["events"], smeared[:50])


def test_a_calorimeter_measures_jets_right_on_average():
    rng = np.random.default_rng(0)
    found = np.array([jets.smeared(1000.0, 0.5, 1.0, 100.0, rng) for _ in range(4000)])
    np.testing.assert_allclose(found.mean(0), [1000, 0.5, 1.0, 100], rtol=0.01)
    resolution = np.hypot(jets.PT_STOCHASTIC / np.sqrt(1000), jets.PT_CONSTANT)
    assert found[:, 0].std() / 1000 == pytest.approx(resolution, rel=0.05)


def test_subjettiness_of_particles_made_by_hand():
    pytest.importorskip("fastjet")
    up, aside = [100.0, 0, 0, 100.0], [100 * np.cos(0.4), 100 * np.sin(0.4), 0, 100.0]
    two = np.array([up, aside])
    assert jets.n_subjettiness(two, 1, 1.0) == pytest.approx(0.2)  # each 0.2 from the axis between them
    assert jets.n_subjettiness(two, 2, 1.0) == 0
    assert jets.n_subjettiness(two, 1, 0.5) == pytest.approx(0.4)  # in units of the jet's radius
    soft = np.array([10 * np.cos(0.1), -10 * np.sin(0.1), 0, 10.0])
    three = np.array([up, aside, soft])
    assert 0 < jets.n_subjettiness(three, 2, 1.0) < 0.1 * jets.n_subjettiness(three, 1, 1.0)


@pytest.mark.slow
def test_jets_of_heavy_particles_have_two_prongs():
    pytest.importorskip("fastjet")
    plain, with_tau = (made(DijetsConfig(process="signal", tau=tau)) for tau in (False, True))
    np.testing.assert_array_equal(plain, with_tau[:, :7])  # looking closer changes no event
    assert with_tau.shape[1] == len(EVENT)
    assert np.median(with_tau[:, 7:]) == pytest.approx(0.25, abs=0.05)


# ------------------------------------------------------------------------------------------------ chunks and the cache


def test_any_number_of_processes_gives_the_same_events(cache, monkeypatch, tmp_path):
    one = made(ZmumuConfig(), 2 * CHUNK + 100)
    monkeypatch.setenv("GENBENCH_HEP_CACHE", str(tmp_path))
    two = made(ZmumuConfig(), 2 * CHUNK + 100, processes=2)
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one[:70], made(ZmumuConfig(), 70))
    assert len(np.unique(one, axis=0)) == len(one)  # chunks differ


def test_events_are_generated_once(monkeypatch):
    first = made(ZmumuConfig())
    monkeypatch.setattr(generate, "_generated", lambda options, missing, processes: iter([]) if not missing else 1 / 0)
    np.testing.assert_array_equal(first, made(ZmumuConfig()))


def test_a_damaged_chunk_is_made_again():
    first = made(ZmumuConfig())
    file = generate.cache_folder(zmumu.options_of(ZmumuConfig())) / "00000.npz"
    file.write_bytes(file.read_bytes()[:1000])
    np.testing.assert_array_equal(first, made(ZmumuConfig()))
    assert len(np.load(file, allow_pickle=False)["events"]) == CHUNK


def test_the_cache_is_kept_by_what_changes_an_event_and_by_the_version():
    def folder(**changes):
        return generate.cache_folder(dijets.options_of(DijetsConfig(**changes)))

    plain = folder()
    assert folder(features="lhco") == folder(processes=3) == folder(mass=3000.0) == plain  # QCD knows no W'
    others = [folder(pthat_min=900.0), folder(process="signal"), folder(level="smeared"), folder(radius=0.8)]
    assert len({plain, *others}) == 5
    signal = {"process": "signal"}
    assert folder(**signal, pthat_min=900.0) == folder(**signal) != folder(**signal, mass=3000.0)
    options = dijets.options_of(DijetsConfig())
    assert generate.cache_folder({**options, "pythia": "8.316"}) != plain
    made(ZmumuConfig())
    kept = json.loads((generate.cache_folder(zmumu.options_of(ZmumuConfig())) / "options.json").read_text())
    assert kept["pythia"] == importlib.metadata.version("pythia8mc")


def test_a_cache_that_cannot_be_written_is_reported_with_the_remedy(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GENBENCH_HEP_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"file/zmumu-.*; GENBENCH_HEP_CACHE=FOLDER keeps events elsewhere"):
        made(ZmumuConfig())


def test_progress_is_reported_until_the_end(capsys):
    calls = []
    options = zmumu.options_of(ZmumuConfig(pt_min=21))
    generate.generate(options, CHUNK + 1, 1, lambda done, total: calls.append((done, total)))
    assert calls == [(CHUNK, 2 * CHUNK), (2 * CHUNK, 2 * CHUNK)]
    loaded = []
    with generate.show_progress("events") as show, heard_by(lambda *numbers: loaded.append(numbers)):
        for done in range(0, 1001, 5):
            show(done, 1000)
    lines = capsys.readouterr().err.splitlines()
    assert loaded[-1] == (1000, 1000)  # what the line of a cell shows
    assert len(lines) == 10
    assert lines[-1].startswith("events: 1000 of 1000 events, ")


def test_cuts_that_nothing_passes_are_reported(monkeypatch):
    monkeypatch.setattr(pythia, "MAX_FAILED_EVENTS", 200)
    with pytest.raises(DataError, match=r"0 of 200 events pass the cuts: .* pthat_min should be"):
        pythia.chunk(dijets.options_of(DijetsConfig(pthat_min=50.0)), 0, 10)


# ---------------------------------------------------------------------------------------------------------- as a plugin


@pytest.mark.parametrize("config", [ZmumuConfig(), DijetsConfig(process="signal", features="lhco")])
def test_data_carry_columns_observables_and_the_cost_of_an_event(config):
    module, dataset = (zmumu, zmumu.Zmumu) if isinstance(config, ZmumuConfig) else (dijets, dijets.Dijets)
    data = dataset(config).load(Sizes(300, 100, 100), np.random.default_rng(0))
    rows = np.concatenate([data.train, data.test, data.reference])
    assert rows.dtype == np.float32
    assert len(np.unique(rows, axis=0)) == 500
    assert len(data.columns) == rows.shape[1]
    assert all(len(values) == 100 and np.isfinite(values).all() for values in data.observables(data.test).values())
    assert data.simulator.name == f"Pythia {config.pythia}"
    assert 1e-5 < data.simulator.seconds_per_sample < 1
    assert module.options_of(config)["pythia"] == config.pythia


def test_it_is_found_beside_the_stored_dijets_and_takes_nothing_away():
    registry = Registry.discover(block=())
    assert [row.name for row in registry.plugins if row.distribution == "genbench-hep"] == ["hep"]
    assert registry.find("dataset", "zmumu").provenance.distribution == "genbench-hep"
    assert registry.find("dataset", "dijets").provenance.distribution == "genbench"
    assert registry.find("dataset", "genbench-hep:dijets").provenance.distribution == "genbench-hep"
    assert not [problem for problem in registry.problems if "hep" in problem]


def test_both_dijets_may_be_in_one_run_and_the_version_of_pythia_is_in_the_record():
    registry = Registry.discover(block=())
    plan = make_plan(Request(models="kde", datasets="dijets,genbench-hep:dijets", seeds=1), registry)
    assert len({cell.key for cell in plan.cells}) == len(plan.cells)
    generated = [cell for cell in plan.cells if cell.dataset.entry.provenance.distribution == "genbench-hep"]
    assert {cell.as_dict()["dataset_config"]["pythia"] for cell in generated} == {genbench_hep.pythia_version()}
    assert {cell.dataset.label for cell in plan.cells} == {"dijets", "genbench-hep:dijets"}  # two tables, not one


def test_options_are_checked_before_anything_is_generated():
    spec = next(spec for spec in genbench_hep.genbench_register() if spec.name == "dijets")

    def refused(message, **options):
        with pytest.raises(ConfigError, match=message):
            configured(spec, **options)

    refused("process must be 'qcd' or 'signal'|expected", process="top")
    refused("radius must be in \\[0.2, 1.5\\], got 7", radius=7.0)
    refused("mass_heavy must be in \\[10, ", mass_heavy=2000.0)
    refused("pythia 8.2 is asked for, 8.3.* is installed", pythia="8.2")
    refused("processes must be 0 .* or more, got -1", processes=-1)


def test_without_pythia_the_plugin_says_so_in_one_line_and_dijets_still_run(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    with monkeypatch.context() as without:
        without.setattr(genbench_hep.importlib.metadata, "version", missing)
        with pytest.raises(ImportError, match="Pythia is not installed; try: pip install pythia8mc=="):
            genbench_hep.genbench_register()
    monkeypatch.setattr(genbench_hep, "pythia_version", lambda: missing_pythia())
    registry = Registry.discover(block=())
    row = next(row for row in registry.plugins if row.name == "hep")
    assert row.status == "broken"
    assert "\n" not in row.problem
    assert "pip install pythia8mc==" in row.problem
    assert registry.find("dataset", "dijets").provenance.distribution == "genbench"


def missing_pythia():
    raise ImportError(f"Pythia is not installed; try: pip install {genbench_hep.PYTHIA}")


def test_without_fastjet_tau_says_what_to_install(monkeypatch):
    monkeypatch.setattr(genbench_hep.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"tau needs fastjet; try: pip install 'genbench-hep\[tau\]'"):
        DijetsConfig(tau=True)
    DijetsConfig()


def test_declaring_imports_nothing_heavy():
    code = "import sys, genbench_hep; genbench_hep.genbench_register(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"numpy", "torch", "pythia8mc", "fastjet", "rich", "platformdirs"}


def test_events_can_be_made_ahead_of_a_run():
    def run(*arguments):
        return subprocess.run([sys.executable, "-m", "genbench_hep", *arguments], capture_output=True, text=True)

    done = run("zmumu", "100")
    assert done.returncode == 0, done.stderr
    assert "100 events in " in done.stdout
    for wrong in ((), ("dijets",), ("muons", "10"), ("zmumu", "many"), ("zmumu", "10", "level")):
        failed = run(*wrong)
        assert failed.returncode == 1
        assert failed.stderr.startswith("genbench_hep: ")
        assert len(failed.stderr.splitlines()) == 1
