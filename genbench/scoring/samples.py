"""Score any samples: arrays or files of real and generated rows, without a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from genbench.errors import UserError
from genbench.files import FileConfig, UserData, align_columns, describe_columns, hold, read_samples, reconcile
from genbench.files.source import Source
from genbench.protocol import Array, Column, Data, Evidence, RealSide
from genbench.registry.component import applies, choose_metrics
from genbench.registry.options import Setting
from genbench.registry.registry import Registry
from genbench.registry.selection import parse_selection, split
from genbench.scoring.evaluation import evaluate
from genbench.scoring.feature_spaces import Views
from genbench.scoring.floors import floors_of
from genbench.scoring.scorer import scorer_of, space_factories
from genbench.training.standardise import transform_of
from genbench.training.weights import draw, notes_on

# options on columns, which are not needed to read them, and that on floats beside integer images
OF_COLUMNS = ("log", "periodic", "kinds", "units", "pixel_range")


def score_samples(
    given: Mapping[str, Any],
    metrics: str = "all",
    space: str = "standardised",
    settings: Iterable[Setting] = (),
    data_options: Mapping[str, Any] | None = None,
    seed: int = 0,
    listener: Callable[[str], None] = lambda _: None,
    plugins: Iterable[str | Path] = (),
) -> list[dict[str, Any]]:
    """Return the score of each metric of ``fake`` against ``real``, with its floor.

    ``given`` holds ``real`` and ``fake``, perhaps ``train`` and ``reference``: arrays or paths, None where there is
    none. The floor is the score of ``reference``, or of random halves of the real rows without one. ``all`` and globs
    select only metrics whose needs the files meet. ``space`` applies to metrics that name none. Raises UserError.
    """
    for name in ("real", "fake"):
        if given.get(name) is None:
            raise UserError(
                f"{name} is None: expected an array (n, d) or (n, channels, height, width), or a file's path"
            )
    if seed < 0:
        raise UserError(f"--seed {seed}: expected at least 0")
    registry = Registry.discover([Path(path) for path in plugins])
    if parse_selection(space)[0] not in registry.spaces:
        raise UserError(f"--space {space}: expected one of {', '.join(registry.spaces)}")
    chosen = choose_metrics(metrics, registry, registry.assign(settings), "" if space == "standardised" else space)
    loaded, columns = _read({name: value for name, value in given.items() if value is not None}, data_options or {})
    rows, notes_on_weights = _draw_by_weight(loaded, columns, seed)
    evidence, fresh, notes = _evidence(rows, columns, seed)
    has, named = _has(evidence), {parse_selection(term.partition("@")[0])[0] for term in split(metrics)}
    chosen = [m for m in chosen if m.entry.key in named or applies(m, evidence.kind, has)] or chosen
    scorers = [scorer_of(metric) for metric in chosen]
    views = Views(space_factories(chosen))
    floors = floors_of(evidence, fresh, scorers, views)
    notes = (*notes, *notes_on_weights)
    return [_add_notes(score, notes) for score in evaluate(evidence, scorers, floors, listener, views)]


def _read(given: dict[str, Any], options: Mapping[str, Any]) -> tuple[dict[str, UserData], tuple[Column, ...]]:
    """Return the checked rows of files and objects, and the columns of the real rows, which all have.

    The scale of pixels is that of the real rows, too.
    """
    loaded: dict[str, UserData] = {}
    columns: dict[str, tuple[Column, ...]] = {}
    config = FileConfig("", **options)
    of_rows = {name: value for name, value in options.items() if name not in OF_COLUMNS}
    for name in sorted(given, key=lambda name: name != "real"):  # whose columns the others have
        value = given[name]
        is_file = isinstance(value, (str, Path))
        found = read_samples(value if is_file else hold(value, name), generated=name == "fake", **of_rows)
        if name != "real":
            found = _named_like(found, loaded["--real"])
            config = replace(config, kinds=tuple(kind for kind in config.kinds if not kind.endswith("=integer")))
        loaded[f"--{name}"], columns[name] = describe_columns(found, Source(Path(found.label)), config)
    aligned = align_columns(reconcile(loaded, options.get("pixel_range", "")))
    files = {name.removeprefix("--"): each for name, each in aligned.items()}
    levels = files["real"].categories
    return files, tuple(replace(column, levels=levels.get(column.name, ())) for column in columns["real"])


def _named_like(found: UserData, real: UserData) -> UserData:
    """Return data without names of columns with those of the real rows, if they have as many."""
    fits = not found.named and found.kind == "vector" and len(found.columns) == len(real.columns)
    return replace(found, columns=real.columns) if fits else found


def _draw_by_weight(
    loaded: dict[str, UserData], columns: tuple[Column, ...], seed: int
) -> tuple[dict[str, UserData], tuple[str, ...]]:
    """Return the rows of each file drawn by weight where it has weights, so that each counts once, and notes on it."""
    if not any(each.beside for each in loaded.values()):
        return loaded, ()
    real, found, drawn = loaded["real"], dict(loaded), {}
    rng = np.random.default_rng([seed, *b"weights"])
    mapping = transform_of(Data(real.rows, real.rows, real.rows, columns=columns, levels=real.levels))
    for name, each in loaded.items():
        if "--weights" not in each.beside:
            continue
        weights = next(iter(each.beside["--weights"].values()))
        drawn[name] = draw(name, mapping.to_scores(each.rows), weights, rng)
        index = drawn[name].index
        labels = None if each.labels is None else each.labels[index]
        found[name] = replace(each, rows=each.rows[index], labels=labels, beside={})
    return found, tuple(notes_on(drawn))


def _has(evidence: Evidence) -> dict[str, bool]:
    of_models = ("density", "truth", "modes", "observables", "simulator", "timing", "conditions", "reconstruction")
    absent = dict.fromkeys((*of_models, "outliers"), False)
    return {**absent, "train": evidence.train is not None, "labels": evidence.labels_test is not None}


def _evidence(
    loaded: dict[str, UserData], columns: tuple[Column, ...], seed: int
) -> tuple[Evidence, Evidence | None, tuple[str, ...]]:
    """Return the evidence, the same with the reference in place of samples, and notes on the rows."""
    real, rows = loaded["real"], {name: each.rows for name, each in loaded.items()}
    known = rows.get("train", real.rows)
    mapping = transform_of(Data(known, real.rows, real.rows, columns=columns, levels=real.levels))
    mapped = {name: mapping.to_scores(each) for name, each in rows.items()}
    labels = _encode_labels(loaded)
    evidence = Evidence(
        RealSide(mapped["real"]),
        mapped["fake"],
        space=mapping.name,
        kind=real.kind,
        columns=mapping.columns,
        train=mapped.get("train"),
        reference=mapped.get("reference"),
        test_raw=real.rows,
        fake_raw=rows["fake"],
        train_raw=rows.get("train"),
        raw_columns=columns,
        levels=real.levels,
        labels_train=labels.get("train"),
        labels_test=labels.get("real"),
        labels_fake=labels.get("fake"),
        seed=seed,
    )
    fresh = None
    if "reference" in mapped:
        fresh = replace(
            evidence,
            fake=mapped["reference"],
            fake_raw=rows["reference"],
            labels_fake=labels.get("reference") if "fake" in labels else None,
        )
    # a model gave rows to drop, or no weights
    dropped = [f"--fake: {note}" for note in loaded["fake"].notes if note.startswith(("dropped", "it has no"))]
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
