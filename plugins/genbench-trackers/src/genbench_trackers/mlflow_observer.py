"""Each cell becomes a run in MLflow, where ``MLFLOW_TRACKING_URI`` says which server."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from genbench.hooks import hookimpl
from genbench.spec import Spec

from genbench_trackers.tracker import Record, Tracker
from genbench_trackers.values import curves, epoch_seconds, last_step, options, results, title

VARIABLE = "MLFLOW_TRACKING_URI"
EXPERIMENT = "genbench"  # unless MLFLOW_EXPERIMENT_NAME is set
MAX_METRICS = 1000  # that MLflow takes at a time
MAX_OPTIONS = 100
MAX_CHARACTERS = 500  # of an option or tag
WAITS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}  # MLflow's own: for minutes
STATUSES = {"ok": "FINISHED", "interrupted": "KILLED", "lost": "KILLED"}


def export(record: Record, target: str) -> None:
    """Write a cell as a run of MLflow: options, scores, floors, timings, training curves, status and origin."""
    for name, value in WAITS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    client = MlflowClient(target)
    started, ended = (epoch_seconds(record[name]) for name in ("started", "ended"))
    tags = {"mlflow.runName": title(record)}
    for name in ("key", "session", "status", "reason", "commit"):
        tags[f"genbench.{name}"] = str(record.get(name))[:MAX_CHARACTERS]
    run = client.create_run(_experiment(client), start_time=_milliseconds(started), tags=tags)
    metrics = [
        Metric(point.name, point.value, _milliseconds(started + point.seconds), point.step) for point in curves(record)
    ]
    step, at = last_step(record), _milliseconds(ended)
    metrics += [Metric(name, value, at, step) for name, value in results(record).items()]
    asked = [Param(name, value[:MAX_CHARACTERS]) for name, value in options(record).items()]
    client.log_batch(run.info.run_id, params=asked[:MAX_OPTIONS])
    for first in range(0, len(metrics), MAX_METRICS):
        client.log_batch(run.info.run_id, metrics=metrics[first : first + MAX_METRICS])
    client.set_terminated(run.info.run_id, STATUSES.get(record["status"], "FAILED"), _milliseconds(ended))


def _experiment(client: Any) -> str:
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name))


def _milliseconds(seconds: float) -> int:
    return round(1000 * seconds)


TRACKER = Tracker(VARIABLE, "mlflow", export)


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return nothing: this plugin observes."""
    return []


@hookimpl
def genbench_cell_finished(record: Mapping[str, Any]) -> None:
    """Export the record of a cell."""
    TRACKER.cell_finished(record)


@hookimpl
def genbench_session_finished() -> None:
    """Let the next run of this process try again."""
    TRACKER.session_finished()
