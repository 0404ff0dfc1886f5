"""The evidence in other feature spaces: each is fitted once on the training rows, and its real side made once."""

from __future__ import annotations

import contextlib
import hashlib
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

__all__ = ["Maker", "Unchanged", "Views"]


class Unchanged:
    """The core's own spaces: rows as they come, standardised, as pixels, or in their own units."""

    def fit(self, train: Array, labels: Array | None, rng: np.random.Generator) -> None:
        """Learn nothing."""

    def transform(self, rows: Array) -> Array:
        """Return (n, d) float64: the numbers as they are."""
        return np.asarray(rows).reshape(len(rows), -1).astype(np.float64)


@dataclass(frozen=True)
class Maker:
    """How a space is made: ``build`` gives the object, not fitted; ``identity`` tells this space from any other."""

    build: Callable[[], FeatureSpace]
    needs: tuple[str, ...] = ()
    identity: str = ""


class Views:
    """Evidence as it looks in each space; a space is fitted once, on the training rows of the first that asks.

    What is made of a real side is kept there, so that all metrics and models scored against it share it. ``cache`` is a
    folder that keeps what was fitted, under a hash of the space, the rows and the seed.
    """

    def __init__(self, makers: Mapping[str, Maker], cache: Path | None = None) -> None:
        self.seconds: dict[str, float] = {}  # what it took to fit each space, or to find it
        self._makers = makers
        self._cache = cache
        self._fitted: dict[str, FeatureSpace | str] = {}
        self._seen: dict[tuple[str, int], tuple[Evidence, Evidence]] = {}

    def offer(self, makers: Mapping[str, Maker]) -> None:
        """Make more spaces known; one that was fitted stays as it is."""
        self._makers = {**makers, **self._makers}

    def view(self, evidence: Evidence, name: str, *, train: bool = False) -> Evidence:
        """Return the evidence in a space, with the training rows where a metric needs them.

        Raises PluginError where the space cannot be made.
        """
        if name == "raw":
            return _in_own_units(evidence)
        space = self._space(evidence, name)
        key = (name, id(evidence))
        if key not in self._seen:
            real = evidence.real.once(
                ("space", name), lambda: RealSide(_features(space, _shaped(evidence, evidence.real.rows)))
            )
            fake = _features(space, _shaped(evidence, evidence.fake))
            seen = replace(evidence, real=real, fake=fake, space=name, columns=(), train=None, features=space)
            self._seen[key] = evidence, replace(seen, reference=None)  # the first keeps its id from being given away
        seen, rows = self._seen[key][1], evidence.train
        if not train or rows is None:
            return seen
        return replace(seen, train=seen.real.once("train", lambda: _features(space, _shaped(evidence, rows))))

    def _space(self, evidence: Evidence, name: str) -> FeatureSpace:
        if name not in self._fitted:
            start = time.perf_counter()
            try:
                self._fitted[name] = self._fit(evidence, name)
            except KeyboardInterrupt:
                raise
            except GenbenchError as error:  # told by every metric that asks for it, tried once
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
        if name not in self._makers:
            raise PluginError("was not made ready")
        maker = self._makers[name]
        rows, labels = evidence.train, evidence.labels_train
        if rows is None:
            rows, labels = evidence.real.rows, evidence.labels_test
        if "labels" in maker.needs and labels is None:
            raise PluginError("needs labels of the training rows")
        space = maker.build()
        if self._cache is None or not hasattr(space, "state"):
            space.fit(_shaped(evidence, rows), labels, evidence.rng(f"space {name}"))
            return space
        file = self._cache / f"{_digest(maker.identity or name, evidence.seed, rows, labels)}.npz"
        if not _restored(space, file):
            space.fit(_shaped(evidence, rows), labels, evidence.rng(f"space {name}"))
            _keep(file, space.state())
        return space


def _in_own_units(evidence: Evidence) -> Evidence:
    test, fake, train = evidence.test_raw, evidence.fake_raw, evidence.train_raw
    if test is None or fake is None:
        raise PluginError("the rows in their own units are not at hand")
    raw = Unchanged().transform
    real = evidence.real.once("raw", lambda: RealSide(raw(test)))
    columns = evidence.columns if len(evidence.columns) == real.rows.shape[1] else ()
    return replace(
        evidence, real=real, fake=raw(fake), train=None if train is None else raw(train), reference=None,
        space="raw", columns=columns,
    )  # fmt: skip


def _shaped(evidence: Evidence, rows: Array) -> Array:
    """Return rows of the scoring space as a feature space gets them: images in their shape."""
    if evidence.kind != "image":
        return rows
    if evidence.test_raw is None:
        raise PluginError("the shape of the images is not known")
    return rows.reshape(len(rows), *evidence.test_raw.shape[1:])


def _features(space: FeatureSpace, rows: Array) -> Array:
    found = np.asarray(space.transform(rows), dtype=np.float64)
    if found.ndim != 2 or len(found) != len(rows) or not found.shape[1]:
        raise PluginError(f"transform gave shape {found.shape} for {len(rows)} rows, expected ({len(rows)}, features)")
    if not np.isfinite(found).all():
        raise PluginError(f"{int((~np.isfinite(found)).any(1).sum())} of {len(rows)} rows have features not finite")
    return found


def _digest(identity: str, seed: int, *arrays: Array | None) -> str:
    digest = hashlib.sha256(f"{identity}\0{seed}".encode())
    for rows in arrays:
        if rows is not None:
            digest.update(f"\0{rows.dtype.str}{rows.shape}".encode())
            digest.update(np.ascontiguousarray(rows).data)
    return digest.hexdigest()[:24]


def _restored(space: Any, file: Path) -> bool:
    """Take back what was fitted before; a file that cannot be read is no better than none."""
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
            space.restore(dict(kept))
    except Exception:
        return False
    return True


def _keep(file: Path, state: Mapping[str, Array]) -> None:
    """Write it so that the file is whole or not there; a full disk only costs time."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            np.savez(stream, **state)  # type: ignore[arg-type]
        temporary.replace(file)
