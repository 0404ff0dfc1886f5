"""Score any samples: arrays or files of real and generated rows, without a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from genbench.errors import UserError
from genbench.files import (
    FileConfig,
    UserData,
    align_columns,
    config_of_columns,
    describe_columns,
    hold,
    read_samples,
    reconcile,
    without_conditions,
)
from genbench.files.expressions import observables_of
from genbench.files.source import Source
from genbench.protocol import Array, Column, Data, Evidence, RealSide
from genbench.registry.component import applies, choose_metrics
from genbench.registry.options import Setting
from genbench.registry.registry import Registry
from genbench.registry.selection import parse_selection, split
from genbench.scoring.evaluation import evaluate
from genbench.scoring.expected_time import expected_time
from genbench.scoring.feature_spaces import Views
from genbench.scoring.floors import floors_of
from genbench.scoring.scorer import scorer_of, space_factories
from genbench.scoring.thinning import MAX_PAIR_ROWS
from genbench.training.conditions import condition_space, joint_scores
from genbench.training.standardise import transform_of
from genbench.training.weights import draw, notes_on

# options on columns, which are not needed to read them, and that on floats beside integer images
MIN_PAIR_ROWS = 100  # for an interval of every metric
OF_COLUMNS = ("observables", "log", "periodic", "kinds", "units", "pixel_range")


def score_samples(
    given: Mapping[str, Any],
    metrics: str = "all",
    space: str = "standardised",
    settings: Iterable[Setting] = (),
    data_options: Mapping[str, Any] | None = None,
    seed: int = 0,
    listener: Callable[[str], None] = lambda _: None,
    plugins: Iterable[str | Path] = (),
    max_rows: int | None = MAX_PAIR_ROWS,
) -> list[dict[str, Any]]:
    """Return the score of each metric of ``fake`` against ``real``, with its floor.

    ``given`` holds ``real`` and ``fake``, perhaps ``train`` and ``reference``: arrays or paths, None where there is
    none. The floor is the score of ``reference``, or of random halves of the real rows without one. ``all`` and globs
    select only metrics whose needs the files meet. ``space`` applies to metrics that name none. ``max_rows`` are those
    of either side that metrics of pairs of rows get, None for all. ``listener`` is called with the label of
    each metric before it begins, and first, of many rows, with the time that is expected. Raises UserError.
    """
    for name in ("real", "fake"):
        if given.get(name) is None:
            raise UserError(
                f"{name} is None: expected an array (n, d) or (n, channels, height, width), or a file's path"
            )
    if seed < 0:
        raise UserError(f"--seed {seed}: expected at least 0")
    if max_rows is not None and max_rows < MIN_PAIR_ROWS:
        raise UserError(f"--max-rows {max_rows}: expected at least {MIN_PAIR_ROWS}, or all")
    registry = Registry.discover([Path(path) for path in plugins])
    if parse_selection(space)[0] not in registry.spaces:
        raise UserError(f"--space {space}: expected one of {', '.join(registry.spaces)}")
    chosen = choose_metrics(metrics, registry, registry.assign(settings), "" if space == "standardised" else space)
    loaded = _read({name: value for name, value in given.items() if value is not None}, data_options or {})
    rows, notes_on_weights = _draw_by_weight(loaded, seed)
    evidence, fresh, notes = _evidence(rows, seed)
    has, named = _has(evidence), {parse_selection(term.partition("@")[0])[0] for term in split(metrics)}
    chosen = [m for m in chosen if m.entry.key in named or applies(m, evidence.kind, has)] or chosen
    scorers = [scorer_of(metric) for metric in chosen]
    views = Views(space_factories(chosen), max_rows=max_rows)
    if line := expected_time(evidence, scorers, Views(space_factories(chosen)), max_rows):
        listener(line)
    floors = floors_of(evidence, fresh, scorers, views)
    notes = (*notes, *notes_on_weights)
    return [_add_notes(score, notes) for score in evaluate(evidence, scorers, floors, listener, views)]


@dataclass(frozen=True)
class _Loaded:
    """The files and objects by their names (``real``, ``fake``, ...), and the columns of the real rows, which all have.

    ``given`` are tables of the conditions of their rows, of ``given_columns``; empty where there are none.
    ``observables`` computes those of rows.
    """

    files: dict[str, UserData]
    columns: tuple[Column, ...]
    given: dict[str, UserData]
    given_columns: tuple[Column, ...]
    observables: Callable[[Array], dict[str, Array]] | None = None

    def data(self, known: str) -> Data:
        """Return the real rows as data whose training rows are those of the file ``known``."""
        train, real = self.files[known], self.files["real"]
        conditions = None
        if self.given:
            held_out = self.given["real"].rows
            conditions = {"train": self.given[known].rows, "test": held_out, "reference": held_out}
        return Data(
            train.rows, real.rows, real.rows, columns=self.columns, levels=real.levels, conditions=conditions,
            condition_columns=self.given_columns,
        )  # fmt: skip


def _read(given: dict[str, Any], options: Mapping[str, Any]) -> _Loaded:
    """Return the checked rows of files and objects; the scale of pixels is that of the real rows."""
    loaded: dict[str, UserData] = {}
    tables: dict[str, UserData] = {}
    columns: dict[str, tuple[Column, ...]] = {}
    columns_given: dict[str, tuple[Column, ...]] = {}
    config = FileConfig("", **options)
    of_rows = {name: value for name, value in options.items() if name not in OF_COLUMNS}
    for name in sorted(given, key=lambda name: name != "real"):  # whose columns the others have
        value = given[name]
        is_file = isinstance(value, (str, Path))
        found = read_samples(value if is_file else hold(value, name), generated=name == "fake", **of_rows)
        found, table = without_conditions(found)
        if name != "real":
            found = _named_like(found, loaded["--real"])
            config = replace(config, kinds=tuple(kind for kind in config.kinds if not kind.endswith("=integer")))
        source, apart = Source(Path(found.label)), () if table is None else table.columns
        rest = config_of_columns(config, apart, named=False)
        loaded[f"--{name}"], columns[name] = describe_columns(found, source, rest)
        if table is not None:
            table = table if name == "real" else _named_like(table, tables["--real"])
            own = config_of_columns(config, apart, named=True)
            tables[f"--{name}"], columns_given[name] = describe_columns(table, source, own)
    files = _by_name(align_columns(reconcile(loaded, options.get("pixel_range", ""))))
    conditions = _by_name(align_columns(tables)) if tables else {}
    return _Loaded(
        files,
        _with_levels(columns["real"], files["real"]),
        conditions,
        _with_levels(columns_given["real"], conditions["real"]) if conditions else (),
        observables_of(config.observables, files["real"]),
    )


def _by_name(files: Mapping[str, UserData]) -> dict[str, UserData]:
    return {name.removeprefix("--"): each for name, each in files.items()}


def _with_levels(columns: tuple[Column, ...], real: UserData) -> tuple[Column, ...]:
    """Return columns with the levels of their categories, which are those of all files."""
    return tuple(replace(column, levels=real.categories.get(column.name, ())) for column in columns)


def _named_like(found: UserData, real: UserData) -> UserData:
    """Return data without names of columns with those of the real rows, if they have as many."""
    fits = not found.named and found.kind == "vector" and len(found.columns) == len(real.columns)
    return replace(found, columns=real.columns) if fits else found


def _draw_by_weight(loaded: _Loaded, seed: int) -> tuple[_Loaded, tuple[str, ...]]:
    """Return the rows of each file drawn by weight where it has weights, so that each counts once, and notes on it."""
    if not any(each.beside for each in loaded.files.values()):
        return loaded, ()
    found, given, drawn = dict(loaded.files), dict(loaded.given), {}
    rng = np.random.default_rng([seed, *b"weights"])
    mapping = transform_of(loaded.data("real"))
    for name, each in loaded.files.items():
        if "--weights" not in each.beside:
            continue
        weights = next(iter(each.beside["--weights"].values()))
        drawn[name] = draw(name, mapping.to_scores(each.rows), weights, rng)
        index = drawn[name].index
        labels = None if each.labels is None else each.labels[index]
        found[name] = replace(each, rows=each.rows[index], labels=labels, beside={})
        if name in given:
            given[name] = replace(given[name], rows=given[name].rows[index])
    return replace(loaded, files=found, given=given), tuple(notes_on(drawn))


def _has(evidence: Evidence) -> dict[str, bool]:
    of_models = ("density", "truth", "modes", "simulator", "timing", "reconstruction", "outliers")
    found: dict[str, object] = {"train": evidence.train, "labels": evidence.labels_test}
    found |= {"conditions": evidence.conditions_test, "observables": evidence.observables_test}
    return {**dict.fromkeys(of_models, False), **{name: each is not None for name, each in found.items()}}


def _evidence(loaded: _Loaded, seed: int) -> tuple[Evidence, Evidence | None, tuple[str, ...]]:
    """Return the evidence, the same with the reference in place of samples, and notes on the rows."""
    real, rows = loaded.files["real"], {name: each.rows for name, each in loaded.files.items()}
    given = {name: each.rows for name, each in loaded.given.items()}
    data = loaded.data("train" if "train" in rows else "real")
    mapping, conditions, to_scores = transform_of(data), condition_space(data), joint_scores(data)
    mapped = {name: to_scores(each, given.get(name)) for name, each in rows.items()}
    columns_given = () if conditions is None else conditions.score_columns
    labels, observables = _encode_labels(loaded.files), loaded.observables
    evidence = Evidence(
        RealSide(mapped["real"]),
        mapped["fake"],
        space=mapping.name,
        kind=real.kind,
        columns=(*mapping.columns, *columns_given),
        train=mapped.get("train"),
        reference=mapped.get("reference"),
        test_raw=real.rows,
        fake_raw=rows["fake"],
        train_raw=rows.get("train"),
        raw_columns=loaded.columns,
        levels=real.levels,
        labels_train=labels.get("train"),
        labels_test=labels.get("real"),
        labels_fake=labels.get("fake"),
        conditions_train=given.get("train"),
        conditions_test=given.get("real"),
        conditions_fake=given.get("fake"),
        condition_columns=loaded.given_columns,
        condition_scores=len(columns_given),
        observables_test=observables and observables(rows["real"]),
        observables_fake=observables and observables(rows["fake"]),
        seed=seed,
    )
    fresh = None
    if "reference" in mapped:
        fresh = replace(
            evidence,
            fake=mapped["reference"],
            fake_raw=rows["reference"],
            labels_fake=labels.get("reference") if "fake" in labels else None,
            conditions_fake=given.get("reference"),
            observables_fake=observables and observables(rows["reference"]),
        )
    # a model gave rows to drop, or no weights
    dropped = [f"--fake: {note}" for note in loaded.files["fake"].notes if note.startswith(("dropped", "it has no"))]
    return evidence, fresh, (*mapping.notes, *dropped)


def _encode_labels(loaded: Mapping[str, UserData]) -> dict[str, Array]:
    """Return the labels of each file as integers; the same label has the same number in all files."""
    given = {name: each.labels for name, each in loaded.items() if each.labels is not None}
    if not given:
        return {}
    codes = np.unique(np.concatenate([labels.astype(str) for labels in given.values()]), return_inverse=True)[1]
    ends = np.cumsum([len(labels) for labels in given.values()])[:-1]
    return dict(zip(given, np.split(codes.astype(np.int64), ends), strict=True))


def _add_notes(score: dict[str, Any], notes: tuple[str, ...]) -> dict[str, Any]:
    return score | {"warnings": [*score["warnings"], *notes]}
