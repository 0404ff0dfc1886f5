"""The hooks of genbench: one that every plugin of models, datasets, metrics or spaces implements, two for observers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from genbench.spec import Spec

__all__ = ["GROUP", "hookimpl", "hookspec"]

GROUP = "genbench"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def genbench_register() -> Iterable[Spec]:  # type: ignore[empty-body]
    """Return the specs of the models, datasets, metrics and feature spaces that this plugin provides."""


@hookspec
def genbench_cell_finished(record: Mapping[str, Any]) -> None:
    """Observe the record of a cell, just after it was written; errors and return values do not change any result."""


@hookspec
def genbench_session_finished(records: Sequence[Mapping[str, Any]]) -> None:
    """Observe all records of a run, after the last one; errors and return values do not change any result."""
