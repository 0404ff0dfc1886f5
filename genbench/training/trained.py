"""A trained model in use: restored from the file that a run kept, or trained again from its seed, and sampled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genbench.errors import Invalid, UserError, suggestion
from genbench.plan.recorded import RecordedCell
from genbench.protocol import Array, Column
from genbench.registry.component import build
from genbench.spec import ModelSpec
from genbench.training.conditions import ConditionSpace
from genbench.training.device import Device
from genbench.training.fit import train
from genbench.training.hidden_rows import without_held_out
from genbench.training.likelihood import density_of, log_prob_of
from genbench.training.load import load
from genbench.training.model_file import columns_of, read_model
from genbench.training.sampling import SAMPLES_PER_BLOCK, check_draw, check_units
from genbench.training.seeding import seed_generators, stream
from genbench.training.setup import setup_of
from genbench.training.standardise import Transform, transform_of

ROWS_OF_PERIODS = 2_000  # drawn to see how many periods a model's samples span
Values = Mapping[str, Any]  # conditions by name: a number, the name of a level, or one of these for each sample


@dataclass(frozen=True)
class TrainedModel:
    """A model of a run that draws any number of samples, in the units of its data.

    ``columns`` are those of a table, ``conditions`` those that samples are drawn given; ``notes`` say where it comes
    from. Samples of one ``seed`` are equal for equal versions of genbench and torch on the same kind of processor.
    """

    cell: RecordedCell
    model: Any
    transform: Transform
    space: ConditionSpace | None
    columns: tuple[Column, ...]
    levels: int | None
    device: Device
    notes: tuple[str, ...] = ()

    @property
    def data_shape(self) -> tuple[int, ...]:
        """Shape of one sample in the data's units."""
        return self.transform.shape if self.transform.name == "pixels" else (len(self.columns),)

    @property
    def conditions(self) -> tuple[Column, ...]:
        """The columns that samples are drawn given."""
        return () if self.space is None else self.space.columns

    def sample(self, n: int, given: Values | None = None, seed: int = 0) -> Array:
        """Return n samples (n, *shape) in the units of the data.

        ``given`` maps the name of each condition to one value for all samples, or to n values; a category's value is
        the name of its level. Raises UserError where conditions are missing or unknown, Invalid for unusable samples.
        """
        return np.concatenate([rows for rows, _ in self.blocks(n, self.values(n, given), seed)])

    def log_prob(self, rows: Array, given: Values | None = None, seed: int = 0) -> Array:
        """Return the log-density (n,) in nats of rows (n, *shape) in the units of the data, given conditions as above.

        It is exact, a bound or an estimate, as tables say of the model; integer images and columns are evaluated at
        noise of one level, drawn by ``seed``. Raises UserError for a model without likelihood and rows of another
        shape, Invalid for values that are nan or infinite.
        """
        rows, kind, spec = np.asarray(rows), self.cell.density, self.cell.model.spec
        if kind == "none":
            raise UserError(f"{self.cell.model.label} has no likelihood")
        if rows.shape[1:] != self.data_shape or len(rows) == 0:
            raise UserError(f"rows of shape {rows.shape}: expected (n, {', '.join(map(str, self.data_shape))}), n > 0")
        assert isinstance(spec, ModelSpec)
        values, discrete = self.values(len(rows), given), spec.support == "discrete" and self.levels is not None
        conditions = None if values is None or self.space is None else self.space.to_model(values)
        noise, found = np.random.Generator(np.random.PCG64(stream(seed, "density"))), list[Array]()
        with seed_generators(stream(seed, "density")), torch.no_grad():
            density = density_of(self.model, self.transform, self.device, self._drawn(values), kind)
            while (done := sum(map(len, found))) < len(rows):
                part = None if conditions is None else conditions[done:]
                found.append(log_prob_of(density, rows[done:], self.transform, noise, part, discrete=discrete))
        return np.concatenate(found)

    def _drawn(self, values: Array | None) -> Array:
        """Return samples in the model's space, given conditions (n, k), that show how far periods reach."""
        if not np.isfinite(getattr(self.transform, "period", np.nan)).any():
            return np.empty(0)
        given = None if values is None else values[np.arange(ROWS_OF_PERIODS) % len(values)]
        drawn: Array = self.model.sample(ROWS_OF_PERIODS, *self._given(given)).cpu().numpy()
        return drawn

    def blocks(self, n: int, conditions: Array | None = None, seed: int = 0) -> Iterator[tuple[Array, Array | None]]:
        """Yield n samples in blocks of bounded memory, with the conditions (b, k) of each block in the data's units."""
        shape = self.transform.shape
        if n < 1:
            raise UserError(f"{n} samples: expected at least 1")
        for number, start in enumerate(range(0, n, SAMPLES_PER_BLOCK)):
            size = min(SAMPLES_PER_BLOCK, n - start)
            part = None if conditions is None else conditions[start : start + size]
            with seed_generators(stream(seed, "sample", number)), torch.no_grad():
                drawn = self.model.sample(size, *self._given(part))
            rows = self.transform.from_model(check_draw(drawn, shape, size, self.device).cpu().numpy())
            check_units(rows, self.transform)
            yield rows, part

    def _given(self, conditions: Array | None) -> tuple[torch.Tensor, ...]:
        if conditions is None or self.space is None:
            return ()
        return (torch.from_numpy(self.space.to_model(conditions)).to(self.device.torch),)

    def values(self, n: int, given: Values | None) -> Array | None:
        """Return conditions (n, k) in the data's units of values by name, None of a model without conditions."""
        given, columns = dict(given or {}), self.conditions
        names = [column.name for column in columns]
        for name in given:
            if name not in names:
                hint = suggestion(name, names) or (f"; there are: {', '.join(names)}" if names else "")
                raise UserError(f"{self.cell.model.label} is not drawn given {name!r}{hint}")
        if missing := [name for name in names if name not in given]:
            raise UserError(f"{self.cell.model.label} draws samples given {', '.join(names)}: {missing[0]} is missing")
        if not columns:
            return None
        return np.stack([_condition(given[column.name], column, n) for column in columns], axis=1)

    def conditions_of_data(self, n: int, seed: int = 0) -> Array | None:
        """Return conditions (n, k) drawn from those of the held-out rows; loads the dataset."""
        if self.space is None:
            return None
        found = load(self.cell).conditions
        assert found is not None
        rng = np.random.Generator(np.random.PCG64(stream(seed, "conditions")))
        values = found["reference"]
        return values[rng.integers(len(values), size=n)]


def _condition(values: Any, column: Column, n: int) -> Array:
    """Return one condition as numbers (n,)."""
    several = np.asarray(values).reshape(-1)
    if len(several) not in (1, n):
        raise UserError(f"condition {column.name!r}: {len(several)} values for {n} samples; give one, or {n}")
    if column.kind == "category":
        numbers = np.array([_code(value, column) for value in several.tolist()])
    else:
        try:
            numbers = several.astype(np.float64)
        except ValueError:
            raise UserError(f"condition {column.name!r}: expected a number, got {str(several[0])!r:.60}") from None
    if not np.isfinite(numbers).all() or (column.log and (numbers <= 0).any()):
        raise UserError(f"condition {column.name!r}: expected {'positive' if column.log else 'finite'} numbers")
    return np.broadcast_to(numbers, (n,)).astype(np.float64)


def _code(value: Any, column: Column) -> int:
    name = f"{value:g}" if isinstance(value, float) else str(value)
    if name not in column.levels:
        hint = suggestion(name, column.levels) or f"; there are: {', '.join(column.levels[:20])}"
        raise UserError(f"condition {column.name!r} has no level {name!r}{hint}")
    return column.levels.index(name)


def open_model(run: Path, cell: RecordedCell) -> TrainedModel:
    """Return the trained model of a cell of a run, restored from its file, or else trained again from its seed.

    Raises Invalid where the file is damaged, and whatever the model raises.
    """
    assert isinstance(cell.model.spec, ModelSpec)
    changed = cell.has_changed
    try:
        kept = read_model(run, cell)
    except FileNotFoundError:
        return _trained_again(cell, changed=changed)
    model = build(cell.model)
    try:
        model.restore(kept.state)
    except Exception as error:
        raise Invalid(
            f"{cell.model.label} cannot be restored from its state: {type(error).__name__}: {error}"
        ) from None
    notes = [f"restored as trained by genbench {kept.versions.get('genbench')}, torch {kept.versions.get('torch')}"]
    if changed:
        notes.append("a plugin or torch has changed since it was trained: its samples may differ")
    return TrainedModel(
        cell, model, kept.transform, kept.conditions, kept.columns, kept.levels, Device("cpu"), tuple(notes)
    )


def _trained_again(cell: RecordedCell, *, changed: bool) -> TrainedModel:
    """Return the model of a cell, trained as it was, from the same seed on the same rows, without those held out."""
    assert isinstance(cell.model.spec, ModelSpec)
    data = load(cell)
    transform = transform_of(data, codes=cell.model.spec.categories)
    data = without_held_out(data)  # nothing else refers to the rows
    setup = setup_of(cell, data, transform, lambda **_: None)
    fitted = train(setup)
    notes = ["trained again from its seed: the run has not kept this model"]
    if changed:
        notes.append("a plugin or torch has changed since the run: it may be another model")
    return TrainedModel(
        cell, fitted.model, transform, setup.conditions, columns_of(data), data.levels, setup.device, tuple(notes)
    )
