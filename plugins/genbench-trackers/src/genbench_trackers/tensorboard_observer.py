"""Each cell becomes a run in TensorBoard, in the folder that ``GENBENCH_TENSORBOARD`` names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from genbench.hooks import hookimpl
from genbench.spec import Spec

from genbench_trackers.tracker import Record, Tracker
from genbench_trackers.values import Point, allowed, curves, epoch_seconds, last_step, results

VARIABLE = "GENBENCH_TENSORBOARD"


def export(record: Record, target: str) -> None:
    """Write a cell as an event file: training curves and snapshots by step, scores and timings at the last one."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    started, ended = (epoch_seconds(record[name]) for name in ("started", "ended"))
    final = [Point(name, value, last_step(record), ended - started) for name, value in results(record).items()]
    writer = EventFileWriter(str(folder_of(record, Path(target))))
    try:
        for point in (*curves(record), *final):
            values = Summary(value=[Summary.Value(tag=point.name, simple_value=point.value)])
            writer.add_event(Event(wall_time=started + point.seconds, step=point.step, summary=values))
    finally:
        writer.close()


def folder_of(record: Record, target: Path) -> Path:
    """Return the folder of a cell, by session, dataset, model and seed; keys tell configurations apart."""
    names = (record["session"], record["dataset_label"], record["label"], f"seed-{record['seed']}-{record['key'][:8]}")
    return target.joinpath(*(allowed(str(name).replace("/", "-")).lstrip(".") or "unnamed" for name in names))


TRACKER = Tracker(VARIABLE, "tensorboard", export)


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
