"""Evidence in other feature spaces: each space is fitted once on training rows, its real side transformed once."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from genbench.errors import GenbenchError, PluginError, describe
from genbench.protocol import Array, Evidence, FeatureSpace, RealSide
from genbench.scoring.thinning import Thinning


class IdentitySpace:
    """A space that returns its rows unchanged: the core's standardised, pixel and raw spaces."""

    def fit(self, train: Array, labels: Array | None, rng: np.random.Generator) -> None:
        """Do nothing."""

    def transform(self, rows: Array) -> Array:
        """Return the rows as (n, d) float64."""
        return np.asarray(rows).reshape(len(rows), -1).astype(np.float64)


@dataclass(frozen=True)
class SpaceFactory:
    """How a space is made: ``build`` returns it, not fitted; ``identity`` distinguishes it from any other space."""

    build: Callable[[], FeatureSpace]
    needs: tuple[str, ...] = ()
    identity: str = ""


class Views:
    """Evidence in each space; a space is fitted once, on the training rows of the first evidence it is needed for.

    Features of real rows are cached on the real side, so that all metrics and models scored against it share them.
    ``cache`` is a folder for fitted spaces, under a hash of the space, the rows and the seed. ``max_rows`` are those of
    either side that metrics of pairs of rows get, None for all.
    """

    def __init__(
        self, factories: Mapping[str, SpaceFactory], cache: Path | None = None, max_rows: int | None = None
    ) -> None:
        self.thinning = Thinning(max_rows)
        self.seconds: dict[str, float] = {}  # to fit each space, or to load it
        self._factories = factories
        self._cache = cache
        self._fitted: dict[str, FeatureSpace | str] = {}
        self._views: dict[tuple[str, int], tuple[Evidence, Evidence]] = {}

    def add_factories(self, factories: Mapping[str, SpaceFactory]) -> None:
        """Add spaces; those that are there stay as they are."""
        self._factories = {**factories, **self._factories}

    def view(self, evidence: Evidence, name: str, *, train: bool = False) -> Evidence:
        """Return the evidence in a space, with the training rows where a metric needs them.

        Raises PluginError where the space cannot be made.
        """
        if name == "raw":
            return _raw_evidence(evidence)
        space = self._space(evidence, name)
        key = (name, id(evidence))
        if key not in self._views:
            real = evidence.real.once(("space", name), lambda: RealSide(_features(space, evidence, evidence.real.rows)))
            fake = _features(space, evidence, evidence.fake)
            view = replace(evidence, real=real, fake=fake, space=name, columns=(), train=None, features=space)
            self._views[key] = evidence, replace(view, reference=None)  # kept alive, so that its id is not reused
        view, rows = self._views[key][1], evidence.train
        if not train or rows is None:
            return view
        return replace(view, train=view.real.once("train", lambda: _features(space, evidence, rows)))

    def _space(self, evidence: Evidence, name: str) -> FeatureSpace:
        if name not in self._fitted:
            start = time.perf_counter()
            try:
                self._fitted[name] = self._fit(evidence, name)
            except KeyboardInterrupt:
                raise
            except GenbenchError as error:  # reported by every metric in this space; not tried again
                self._fitted[name] = str(error)
            except BaseException as error:
                traceback.print_exc()
                self._fitted[name] = describe(error)
            self.seconds[name] = time.perf_counter() - start
        space = self._fitted[name]
        if isinstance(space, str):
            raise PluginError(f"space {name!r}: {space}")
        return space

    def _fit(self, evidence: Evidence, name: str) -> FeatureSpace:
        if name not in self._factories:
            raise PluginError("has no factory")
        factory = self._factories[name]
        rows, labels = evidence.train, evidence.labels_train
        if rows is None:
            rows, labels = evidence.real.rows, evidence.labels_test
        if "labels" in factory.needs and labels is None:
            raise PluginError("needs labels of the training rows")
        space = factory.build()
        if self._cache is None or not hasattr(space, "state"):
            space.fit(_in_shape(evidence, rows), labels, evidence.rng(f"space {name}"))
            return space
        file = self._cache / f"{_digest(factory.identity or name, evidence.seed, rows, labels)}.npz"
        if not _load_state(space, file):
            space.fit(_in_shape(evidence, rows), labels, evidence.rng(f"space {name}"))
            _save_state(file, space.state())
        return space


def _raw_evidence(evidence: Evidence) -> Evidence:
    test, fake, train = evidence.test_raw, evidence.fake_raw, evidence.train_raw
    if test is None or fake is None:
        raise PluginError("the rows in the data's own units are not available")
    raw = IdentitySpace().transform
    real = evidence.real.once("raw", lambda: RealSide(raw(test)))
    names = tuple(column.name for column in evidence.raw_columns) or evidence.columns
    columns = names if len(names) == real.rows.shape[1] else ()
    return replace(
        evidence, real=real, fake=raw(fake), train=None if train is None else raw(train), reference=None,
        space="raw", columns=columns, condition_scores=0,
    )  # fmt: skip


def _in_shape(evidence: Evidence, rows: Array) -> Array:
    """Return rows of the scoring space in the shape that a feature space expects: images as images, no conditions."""
    if evidence.kind != "image":
        return rows
    if evidence.test_raw is None:
        raise PluginError("the shape of the images is not known")
    shape = evidence.test_raw.shape[1:]
    return rows[:, : math.prod(shape)].reshape(len(rows), *shape)


def _features(space: FeatureSpace, evidence: Evidence, rows: Array) -> Array:
    """Return the features (n, features) of rows of the scoring space; the conditions of images follow them."""
    in_shape = _in_shape(evidence, rows)
    given = rows[:, math.prod(in_shape.shape[1:]) :]
    found = np.asarray(space.transform(in_shape), dtype=np.float64)
    if found.ndim != 2 or len(found) != len(rows) or not found.shape[1]:
        raise PluginError(f"transform gave shape {found.shape} for {len(rows)} rows, expected ({len(rows)}, features)")
    if not np.isfinite(found).all():
        raise PluginError(f"{int((~np.isfinite(found)).any(1).sum())} of {len(rows)} rows have features not finite")
    return np.concatenate([found, given], axis=1) if given.shape[1] else found


def _digest(identity: str, seed: int, *arrays: Array | None) -> str:
    digest = hashlib.sha256(f"{identity}\0{seed}".encode())
    for rows in arrays:
        if rows is not None:
            digest.update(f"\0{rows.dtype.str}{rows.shape}".encode())
            digest.update(np.ascontiguousarray(rows).data)
    return digest.hexdigest()[:24]


def _load_state(space: Any, file: Path) -> bool:
    """Restore a fitted space, and return whether the file could be read."""
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as state:
            space.restore(dict(state))
    except Exception:
        return False
    return True


def _save_state(file: Path, state: Mapping[str, Array]) -> None:
    """Write the state of a fitted space, in full or not at all; a full disk is ignored, the space is fitted again."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            np.savez(stream, **state)  # type: ignore[arg-type]
        temporary.replace(file)
