"""What a toy generator makes of held-out rows."""

import numpy as np

from genbench.testing.toy_data import CLUSTERS
from genbench.testing.toy_tasks import ERROR, toy_tasks


def test_a_fault_spoils_each_task_and_a_sound_generator_does_all() -> None:
    rows = CLUSTERS.draw(400, np.random.default_rng(0))
    sound = toy_tasks(rows, lambda x: x, CLUSTERS.log_prob, CLUSTERS, [0])
    faulty = toy_tasks(rows, lambda x: x + 0.5, lambda x: CLUSTERS.log_prob(x - 0.5), CLUSTERS, [0])
    error, spoiled = (np.square(each.reconstruction - rows).mean() for each in (sound, faulty))
    assert 0.5 * ERROR**2 < error < 2 * ERROR**2 < spoiled
    assert np.square(sound.denoised - rows).mean() < 0.5 * np.square(sound.noisy - rows).mean()
    for name, (of_rows, of_outliers) in sound.anomaly.items():
        assert np.median(of_outliers) > np.median(of_rows), name
