"""Scores of any samples: arrays or files of real and generated rows, no model needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from genbench.config import Setting, fill
from genbench.data import Space, space_of
from genbench.errors import UserError
from genbench.files import Loaded, check_alike, from_array, read_samples
from genbench.protocol import Array, Column, Data, Evidence, RealSide
from genbench.registry import Registry, resolve
from genbench.scoring import Scorer, evaluate

__all__ = ["SPACES", "score_samples"]

SPACES = ("standardised", "raw")


def score_samples(
    real: Any,
    fake: Any,
    train: Any = None,
    reference: Any = None,
    metrics: str = "all",
    space: str = "standardised",
    settings: Iterable[Setting] = (),
    data_options: Mapping[str, Any] | None = None,
    seed: int = 0,
    listener: Callable[[str], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """Return one score a metric of ``fake`` against ``real``, with its floor where ``reference`` is given.

    With ``metrics="all"`` these are the metrics that need nothing but samples. Raises UserError.
    """
    if space not in SPACES:
        raise UserError(f"--space {space}: expected one of {', '.join(SPACES)}")
    given = {"real": real, "fake": fake, "train": train, "reference": reference}
    rows = _read({name: value for name, value in given.items() if value is not None}, data_options or {})
    scorers = _scorers(metrics, settings, rows)
    evidence = _evidence(rows, space, seed)
    floors = None
    if evidence.reference is not None:
        floor = replace(evidence, fake=evidence.reference, fake_raw=rows["reference"].rows)
        floors = {score["metric"]: score for score in evaluate(floor, scorers)}
    return evaluate(evidence, scorers, floors, listener)


def _read(given: dict[str, Any], options: Mapping[str, Any]) -> dict[str, Loaded]:
    """Return the checked rows of files and arrays, all with the columns of the first that is real."""
    loaded = {}
    for name, value in given.items():
        is_file = isinstance(value, (str, Path))
        loaded[f"--{name}"] = read_samples(value, **options) if is_file else from_array(value, name)
    return {name.removeprefix("--"): each for name, each in check_alike(loaded).items()}


@dataclass(frozen=True)
class _Raw:
    """The numbers as they are."""

    columns: tuple[str, ...]
    name: str = "raw"

    def to_scores(self, rows: Array) -> Array:
        return rows.reshape(len(rows), -1).astype(np.float64)


def _evidence(loaded: dict[str, Loaded], space: str, seed: int) -> Evidence:
    real, rows = loaded["real"], {name: each.rows for name, each in loaded.items()}
    known = rows.get("train", real.rows)
    columns = tuple(Column(name) for name in real.columns) if real.kind == "vector" else ()
    mapping: Space | _Raw = _Raw(real.columns)
    if space != "raw":
        mapping = space_of(Data(known, real.rows, real.rows, columns=columns, levels=real.levels))
    mapped = {name: mapping.to_scores(each) for name, each in rows.items()}
    return Evidence(
        RealSide(mapped["real"]),
        mapped["fake"],
        space=mapping.name,
        kind=real.kind,
        columns=mapping.columns,
        train=mapped.get("train"),
        reference=mapped.get("reference"),
        test_raw=real.rows,
        fake_raw=rows["fake"],
        levels=real.levels,
        seed=seed,
    )


def _scorers(metrics: str, settings: Iterable[Setting], rows: Mapping[str, Loaded]) -> list[Scorer]:
    registry = Registry.discover()
    assigned = registry.assign(settings)
    usable = {"samples"} | ({"train"} if "train" in rows else set())
    scorers = []
    for entry, brackets in registry.select("metric", metrics):
        spec = entry.spec
        if metrics == "all" and not set(spec.needs) <= usable:  # type: ignore[union-attr]
            continue
        config = fill(spec, [*assigned.get(("metric", entry.key), []), *brackets])
        scorers.append(Scorer(spec, resolve(entry), config))  # type: ignore[arg-type]
    return scorers
