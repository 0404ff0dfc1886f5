"""The gate is itself tested: how often the same code is called worse, and whether planted faults are caught."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sessions
from scipy import stats

import genbench
from genbench.comparing import Pair, decide_quality, decide_speed
from genbench.plan.plan import Request, make_plan
from genbench.record.score import column_of
from genbench.record.store import read_records
from genbench.registry.registry import Registry
from genbench.session.options import RunOptions
from genbench.session.session import Session
from genbench.table.results import Results

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
RUNS = 100
ALPHA = 0.01  # what the gate promises


def most(rate: float, trials: int) -> int:
    """Return how many alarms of that rate are still credible (99.9 %)."""
    return int(stats.binom.ppf(0.999, trials, rate))


# ------------------------------------------------------------------------------------------------------- false alarms


@pytest.fixture(scope="module")
def measured() -> dict[tuple[str, str], list[dict]]:
    """Every score of every model of the reference run, over its three seeds."""
    found: dict[tuple[str, str], list[dict]] = {}
    for record in read_records(REFERENCE):
        for score in record["scores"]:
            if score["value"] is not None and record["model"] in ("vae", "gan"):
                found.setdefault((f"{record['label']} x {record['dataset']}", column_of(score)), []).append(score)
    return found


def draw(measured, rng: np.random.Generator, seeds: int, same: bool, heavy: bool) -> list[Pair]:
    """Return a comparison of the same code with itself: both sides from one law with the measured mean and spread."""
    pairs = []
    for (subject, metric), scores in measured.items():
        values = np.array([score["value"] for score in scores])
        noise = rng.standard_t(4, (2, seeds)) if heavy else rng.normal(size=(2, seeds))
        base, head = values.mean() + values.std(ddof=1) * noise
        first = scores[0]
        heads = dict(enumerate(head) if same else enumerate(head, start=1000))
        pairs.append(Pair(subject, metric, dict(enumerate(base)), heads, first["better"], first["unit"],
                          first["floor"], first["floor_sd"]))  # fmt: skip
    return pairs


@pytest.mark.parametrize(("seeds", "same", "heavy"), [(3, True, False), (5, False, False), (10, True, True)])
def test_the_same_code_is_called_worse_no_more_often_than_promised(measured, seeds, same, heavy):
    rng = np.random.default_rng([seeds, same])
    alarms = 0
    for _ in range(RUNS):
        verdicts = {each.verdict for each in decide_quality(draw(measured, rng, seeds, same, heavy), alpha=ALPHA)}
        alarms += "regressed" in verdicts
    assert alarms <= most(ALPHA, RUNS)


def test_without_the_correction_for_many_the_same_code_would_be_called_worse(measured):
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(20):
        alone = [decide_quality([pair], floors=0, share=0)[0] for pair in draw(measured, rng, 5, False, False)]
        alarms += any(each.verdict == "regressed" for each in alone)
    assert alarms > most(ALPHA, 20)  # so that the test above can fail


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("spread", [0.015, 0.05, 0.15])
def test_the_same_code_is_called_slower_no_more_often_than_promised(spread, paired):
    rng = np.random.default_rng(1)
    times = np.exp(rng.normal(0.0, spread, (RUNS, 2, 5)))
    verdicts = [decide_speed(list(base), list(head), paired=paired).verdict for base, head in times]
    assert verdicts.count("regressed") <= most(ALPHA, RUNS)


def test_many_times_together_are_called_slower_no_more_often_than_promised():
    rng = np.random.default_rng(5)
    alarms = 0
    for _ in range(RUNS):
        times = np.exp(rng.normal(0.0, 0.15, (30, 2, 5)))  # thirty timings of a busy machine
        verdicts = {decide_speed(list(base), list(head), alpha=ALPHA / 30).verdict for base, head in times}
        alarms += "regressed" in verdicts
    assert alarms <= most(ALPHA, RUNS)


def test_a_drift_of_the_machine_is_no_slowdown_where_sides_were_timed_in_turn():
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(RUNS):
        drift = np.linspace(1.0, 2.0, 10)  # it becomes twice as slow while base and head run in turn, A B B A
        times = drift * np.exp(rng.normal(0.0, 0.015, 10))
        sides = np.array([0, 1, 1, 0, 0, 1, 1, 0, 0, 1])
        base, head = (list(times[sides == side]) for side in (0, 1))
        alarms += decide_speed(base, head, paired=True).verdict == "regressed"
    assert alarms <= most(ALPHA, RUNS)


# ------------------------------------------------------------------------------------------------------ planted faults


@pytest.mark.parametrize("paired", [False, True])
def test_a_slowdown_of_15_percent_is_caught_with_the_noise_of_a_tuned_process(paired):
    rng = np.random.default_rng(3)
    times = np.exp(rng.normal(0.0, 0.015, (RUNS, 2, 5))) * [[[1.0], [1.15]]]
    verdicts = [decide_speed(list(base), list(head), paired=paired).verdict for base, head in times]
    assert verdicts.count("regressed") >= 95
    among_many = [decide_speed(list(base), list(head), paired=paired, alpha=ALPHA / 30).verdict for base, head in times]
    assert among_many.count("regressed") >= 80


def test_a_speedup_of_15_percent_is_seen_too():
    rng = np.random.default_rng(4)
    times = np.exp(rng.normal(0.0, 0.015, (RUNS, 2, 5))) * [[[1.15], [1.0]]]
    assert sum(decide_speed(list(base), list(head)).verdict == "improved" for base, head in times) >= 95


VAE = '''
from torch import nn

class TinyVAE:
    """A Gaussian VAE of one hidden layer (Kingma & Welling 2014, arXiv:1312.6114)."""

    def fit(self, data, run):
        d = data.shape[0]
        self.encoder = nn.Sequential(nn.Linear(d, 32), nn.ReLU(), nn.Linear(32, 4)).to(run.device)
        self.decoder = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, d)).to(run.device)
        optimiser = torch.optim.Adam([*self.encoder.parameters(), *self.decoder.parameters()], lr=3e-3)
        for x in run.batches(data.train, 64):
            mean, log_sd = self.encoder(x).chunk(2, 1)
            z = mean + log_sd.exp() * torch.randn_like(mean)
            misfit = (x - self.decoder(z)).square().sum(1) / (2 * 0.3**2)
            kl = (mean.square() + (2 * log_sd).exp() - 1 - 2 * log_sd).sum(1) / 2
            loss = (misfit SIGN 1.0 * kl).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            run.log(loss=loss)

    @torch.no_grad()
    def sample(self, n):
        means = self.decoder(torch.randn(n, 2))
        return means + 0.3 * torch.randn_like(means)

@hookimpl
def genbench_register():
    return [ModelSpec("tinyvae", TinyVAE, None, "a variational autoencoder", steps=300)]
'''


def trained(folder: Path, vae: str, first_seed: int, seeds: int = 5) -> Results:
    """Train a plugin's file for real on a ring and return the results."""
    folder.mkdir()
    plugin = sessions.write_plugin(folder / "tiny.py", vae)
    registry = Registry.discover((plugin,))
    request = Request(
        "tinyvae,-gaussian,-memoriser", "ring", "energy,sliced_w2,coverage", "smoke", seeds, first_seed, "300steps",
        "cpu", (), plugin_files=(plugin,),
    )  # fmt: skip
    session = Session(
        sessions.with_held_out(make_plan(request, registry), 1000), registry, RunOptions(folder / "run", jobs=2)
    )
    return Results(tuple(session.run()))


@pytest.mark.slow
def test_a_vae_with_the_wrong_sign_of_its_kl_is_caught_and_the_sound_one_passes(tmp_path):
    sound = trained(tmp_path / "sound", VAE.replace("SIGN", "+"), 0)
    again = trained(tmp_path / "again", VAE.replace("SIGN", "+"), 5)
    faulty = trained(tmp_path / "faulty", VAE.replace("SIGN", "-"), 5)

    innocent = genbench.compare(sound, again)
    assert not innocent.of("regressed"), innocent.of("regressed")

    guilty = genbench.compare(sound, faulty)
    caught = {each.metric for each in guilty.of("regressed") if each.subject == "tinyvae x ring"}
    assert caught & {"energy", "sliced_w2", "coverage"} or "status" in caught
    assert guilty.exit_code() == 4
    assert not [each for each in guilty.of("regressed") if each.subject.startswith("real")]
