"""The state of a cell in a session."""

from __future__ import annotations

from tiny_cells import Truth, cell_of

from genbench.session.cell_state import CellState


def test_a_cell_begins_planned_and_knows_nothing() -> None:
    state = CellState(cell_of(Truth))
    assert (state.phase, state.earlier, state.fit, state.spent, state.started, state.record) == (
        "planned", None, {}, 0.0, None, None,
    )  # fmt: skip


def test_what_is_known_of_one_cell_is_not_known_of_another() -> None:
    one, other = CellState(cell_of(Truth)), CellState(cell_of(Truth, seed=1))
    one.fit["timings"] = {"fit_s": 1.0}
    assert other.fit == {}
