"""Runs and benchmarks made up to be compared."""

import json

import numpy as np
import synthetic

import genbench
from genbench.comparing import Comparison, Verdict
from genbench.plan.cell import PROTOCOL
from genbench.table.results import Results


def run(*records):
    return Results(tuple({"protocol": PROTOCOL, **record} for record in records))


def verdicts(base, head, **options):
    found = genbench.compare(run(*base), run(*head), **options)
    return {(each.subject, each.metric): each for each in found.verdicts}


def runs_of(model="vae", mean=0.1, n=6, seed=0, **fields):
    values = mean * np.exp(np.random.default_rng(seed).normal(0, 0.05, n))
    return synthetic.seeds(model, [float(value) for value in values], **fields)


def benchmark_file(path, seconds, node="host", **facts):
    stats = {"min": seconds, "max": 2 * seconds, "mean": 1.5 * seconds, "rounds": 5}
    one = {"name": "test_plan", "fullname": "tests/perf/test_core.py::test_plan", "stats": stats, "extra_info": facts}
    machine = {"node": node, "system": "Linux", "python_version": "3.11.7", "cpu": {"brand_raw": "x"}}
    content = {
        "machine_info": machine,
        "datetime": "2026-01-01T00:00:00+00:00",
        "benchmarks": [one],
        "version": "5.0.0",
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def example():
    return Comparison(
        (
            Verdict("vae x ring", "energy", "regressed", "worse", base=0.1, head=0.3, head_runs=(0.2, 0.4)),
            Verdict("a|b <b>x</b>", "coverage", "improved", better="higher", base=0.5, head=0.8, unit="share"),
            Verdict("kde x ring", "parameters", "changed", kind="fact", better=None, base=1, head=2),
            Verdict("kde x ring", "status", "unchanged", kind="status", base="3 ok", head="3 ok"),
            Verdict("kde x ring", "energy", "inconclusive", more_runs=4, base=1.0, head=None),
        ),
        "old",
        "new",
        ("a note",),
        {"head": {"created": "2026-01-01T00:00:00+00:00", "machine": {"id": "m", "python": "3.11"}}},
    )
