"""What scoring one cell costs: two columns, 10,000 rows, every default metric, with intervals and floors.

Processor seconds of one thread. What is asserted is a ratio within this run: a model whose real side is made already
against one that makes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from threadpoolctl import threadpool_limits

from genbench.plan.cell import REAL
from genbench.plan.plan import Request, make_plan
from genbench.registry.registry import Registry
from genbench.scoring.cell_scores import RealSideCache, score_cell
from genbench.training.cell import fit_cell


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


def cpu(function: Callable[[], Any]) -> tuple[float, Any]:
    """Return the processor seconds of a call, and what came of it."""
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def silent(**_: Any) -> None:
    """Hear of the progress."""


@pytest.mark.slow
def test_a_cell_of_ten_thousand_rows_whose_real_side_is_there(tmp_path: Path, benchmark: Any) -> None:
    request = Request(models="gaussian", datasets="ring", preset="default", seeds=1, device="cpu")
    cells = {cell.model.name: cell for cell in make_plan(request, Registry.discover()).cells}
    for cell in cells.values():
        fit_cell(cell, tmp_path, silent)

    made = RealSideCache(cells[REAL], tmp_path)
    row, scores = cpu(lambda: score_cell(cells[REAL], tmp_path, {}, None, silent, made))  # imports all there is
    floors = {score["label"]: score for score in scores}
    fresh = RealSideCache(cells[REAL], tmp_path)
    cold, alone = cpu(lambda: score_cell(cells["gaussian"], tmp_path, {}, floors, silent, fresh))
    warm, found = cpu(lambda: score_cell(cells["gaussian"], tmp_path, {}, floors, silent, made))
    benchmark.extra_info |= {"floors, s": row, "cold, s": cold, "warm, s": warm, "metrics": len(found)}
    benchmark.pedantic(made.views.add_factories, args=({},), rounds=1)
    print(f"\n{len(found)} metrics of 10,000 x 2: {warm:.2f} s, {cold:.2f} s where the real side is not made yet")
    print(f"({warm / cold:.2f}); the row of real data with its floors {row:.2f} s, once for all models")
    assert [score["value"] for score in found] == [score["value"] for score in alone]
    assert warm < cold
