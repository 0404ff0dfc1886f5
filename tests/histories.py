"""Runs of one model over time."""

import synthetic

from genbench.comparing.history import change_points
from genbench.record.run_directory import write_run
from genbench.record.store import write_record


def at(values, **options):
    return [index for index, _ in change_points(values, **options)]


def write(path, day, values, **fields):
    path.mkdir(parents=True)
    records = synthetic.seeds("vae", values, **fields)
    write_run(path, {"created": f"2026-01-{day:02d}T00:00:00+00:00", "cells": [each["key"] for each in records]})
    for each in records:
        write_record(path, each)
