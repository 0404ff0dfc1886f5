"""Records of two datasets, to be shown."""

from synthetic import record, seeds

RECORDS = [
    *seeds("wgan_gp", [1.0, 1.4, 0.6]),
    *seeds("gan", [9.0, 9.1, 9.2]),
    *seeds("real", [0.1, 0.2, 0.3]),
    record("vae", 0, status="diverged", phase="fit", reason="=HYPERLINK(1) | 50% & {x} \\ _y_ <b>"),
    *seeds("m", [1.0], dataset="moons"),
]
