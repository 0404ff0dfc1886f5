"""The suites of stored runs: their published values as rows of tables, and what is said of a suite beside a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from genbench.record.score import finite_or_none
from genbench.record.store import Record

Suite = Mapping[str, Any]  # as run.json holds it

NORMAL_QUANTILE = 1.96  # of half a 95 % interval


def suites_of(run_info: Mapping[str, Any]) -> tuple[Suite, ...]:
    """Return the suites that the sessions of a run ran, each once; ``run_info`` is its ``run.json``."""
    sessions = [run_info, *(s for s in run_info.get("sessions") or () if isinstance(s, Mapping))]
    found = [suite for s in sessions if isinstance(suite := s.get("suite"), Mapping)]
    return tuple({json.dumps(suite, sort_keys=True, default=str): suite for suite in found}.values())


def suites_with(suites: Iterable[Suite], records: Sequence[Record]) -> tuple[Suite, ...]:
    """Return the suites that have the dataset of these records."""
    labels = {str(record.get("dataset_label") or record["dataset"]) for record in records}
    return tuple(suite for suite in suites if labels & set(map(str, suite.get("datasets") or ())))


def published_records(suites: Iterable[Suite], records: Sequence[Record]) -> list[Record]:
    """Return the published values of suites as records beside those of one dataset: one for each model and source.

    Such a record has no cell: its field ``published`` holds the names of the suite and of the source.
    """
    of_dataset = {name: records[0].get(name) for name in ("dataset", "dataset_label", "dataset_config", "data_kind")}
    names = {records[0]["dataset"], records[0].get("dataset_label")}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for suite, value in _values(suites):
        if value.get("dataset") and value["dataset"] not in names:
            continue
        model, source = str(value.get("model")), str(value.get("source"))
        repeats = sum(other == model for other, _ in found if (model, source) not in found)
        record = found.setdefault(
            (model, source),
            {
                **of_dataset,
                "key": f"{suite.get('name')}: {model}, {source}",
                "model": model,
                "label": f"{model} (published{f' {repeats + 1}' if repeats else ''})",
                "published": {"suite": str(suite.get("name")), "source": source},
                "status": "ok",
                "scores": [],
            },
        )
        record["scores"].append(_score(value))
    return list(found.values())


def _values(suites: Iterable[Suite]) -> Iterator[tuple[Suite, Mapping[str, Any]]]:
    for suite in suites:
        for value in suite.get("published") or ():
            if isinstance(value, Mapping) and finite_or_none(value.get("value")) is not None:
                yield suite, value


def _score(value: Mapping[str, Any]) -> dict[str, Any]:
    number, error = float(value["value"]), finite_or_none(value.get("error"))
    half = None if error is None else NORMAL_QUANTILE * error
    return {
        "metric": str(value.get("metric")).partition("@")[0],
        "label": str(value.get("metric")),
        "value": number,
        "low": None if half is None else number - half,
        "high": None if half is None else number + half,
        **{name: value.get(name) for name in ("unit", "better", "best")},
        "ranked": value.get("ranked", True),
    }


def metrics_of(suites: Iterable[Suite]) -> list[str]:
    """Return the names of the columns that suites ask for."""
    return [str(name) for suite in suites for name in suite.get("metrics") or ()]


def suite_names(suites: Iterable[Suite]) -> list[str]:
    """Return the name of each suite, and whether it was scaled down."""
    return [f"suite {s.get('name')}{', scaled down' if s.get('scaled') else ''}" for s in suites]


def suite_notes(suites: Iterable[Suite]) -> list[str]:
    """Return a line if a suite was scaled down, and one for each reason why parts of it were not run."""
    lines = []
    for suite in suites:
        name = f"suite {suite.get('name')}"
        if suite.get("scaled"):
            lines.append(f"{name}: scaled down by --preset smoke: these are not the numbers of its protocol")
        terms: dict[str, list[str]] = {}
        for part in suite.get("missing") or ():
            if isinstance(part, Mapping):
                absent = str(part.get("reason")).endswith("is installed")
                reason = f"no such {part.get('kind')} is installed" if absent else str(part.get("reason"))
                terms.setdefault(reason, []).append(str(part.get("term")))
        lines += [f"{name}, skipped: {', '.join(names)}: {reason}" for reason, names in terms.items()]
    return lines
