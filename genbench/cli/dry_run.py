"""What ``genbench run --dry-run`` prints: the cells, what will be modelled of the user's data, and the time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import click

MAX_NAMES = 12


def print_plan(plan: Any, jobs: int, *, as_json: bool) -> None:
    """Print the cells that would run, the user's data, combinations that are skipped and why, and the time."""
    from genbench.cli.output import print_json, print_table
    from genbench.text import duration

    labels = dict.fromkeys(cell.dataset.label for cell in plan.cells)
    data = dict(zip(labels, plan.data, strict=False))  # the user's own come first
    seconds = plan.seconds(jobs)
    if as_json:
        cells = [
            {**cell.as_dict(), **_length(cell, data), "metrics": [metric.label for metric in cell.metrics]}
            for cell in plan.cells
        ]
        skipped = [skip.as_dict() for skip in plan.skips]
        print_json({"cells": cells, "skipped": skipped, "jobs": jobs, "seconds": seconds, "data": data,
                    "guessed": _guessed(plan)})  # fmt: skip
        return
    several = len({cell.sizes.train for cell in plan.cells}) > 1
    rows: dict[tuple[str, ...], list[int]] = {}
    for cell in plan.cells:
        density = "none" if _has_categories(data.get(cell.dataset.label, {})) else cell.density
        train = (str(cell.sizes.train),) if several else ()
        budget = _length(cell, data).get("budget", cell.budget)
        rows.setdefault((cell.dataset.label, cell.model.label, *train, budget, density), []).append(cell.seed)
    print_table(("dataset", "model", *["training rows"][:several], "budget", "likelihood", "seeds"),
                [(*row, len(seeds)) for row, seeds in sorted(rows.items(), key=lambda item: item[0][0])])  # fmt: skip
    for label, described in data.items():
        _print_data(label, described)
    for skip in plan.skips:
        click.echo(f"skip  {skip}")
    if guessed := _guessed(plan):
        click.echo(f"a guess, as no record shows what they cost: {', '.join(guessed)}")
    click.echo(f"{len(plan.cells)} cells, about {duration(seconds)} on an idle machine with {jobs} at a time")


def _guessed(plan: Any) -> list[str]:
    """Return the labels of the models whose costs are not known."""
    return list(dict.fromkeys(cell.model.label for cell in plan.cells if plan.cost_of(cell).guess))


def _length(cell: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the user's data say of the budget of a cell whose recipe depends on them."""
    described = data.get(cell.dataset.label)
    if described is None:
        return {}
    found: dict[str, Any] = cell.length(
        min(cell.sizes.train, described["splits"]["train"]), math.prod(described["shape"])
    )
    return found


def _has_categories(data: Mapping[str, Any]) -> bool:
    """Return whether any column is a category of several levels, with which data have no likelihood."""
    kinds = [str(column["kind"]) for column in data.get("columns", ())]
    return any(kind.startswith("category") for kind in kinds)


def _print_data(label: str, data: Mapping[str, Any]) -> None:
    """Print the rows, splits and columns of a user's data, and what is left out of them."""
    from genbench.cli.output import print_table
    from genbench.text import plain

    splits = ", ".join(f"{n} {name}" for name, n in data["splits"].items())
    table = len(data["shape"]) == 1
    what = f"{data['rows']} rows" if table else f"{data['rows']} images {' x '.join(map(str, data['shape']))}"
    what += "" if table else ", real-valued" if data["levels"] is None else f", {data['levels']} levels"
    if table:
        print_table(
            ("column", "kind", "unit", "lowest", "highest"),
            list(map(_cells, data["columns"])),
            f"{label}, as it is modelled",
        )
    else:
        click.echo(plain(f"{label}, as it is modelled"))
    if data["conditions"]:
        print_table(
            ("condition", "kind", "unit", "lowest", "highest"),
            list(map(_cells, data["conditions"])),
            "given which rows are learned and drawn",
        )
    click.echo(f"{what}: {splits}")
    if data["dropped"]:
        click.echo(f"dropped  {data['dropped']} rows")
    by_reason: dict[str, list[str]] = {}
    for name, reason in data["left_out"].items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        shown = ", ".join(names[:MAX_NAMES]) + (f", ... ({len(names)} in all)" if len(names) > MAX_NAMES else "")
        click.echo(plain(f"left out, {reason}: {shown}"))
    click.echo()


def _cells(column: Mapping[str, Any]) -> tuple[str, ...]:
    ends = ["" if column[end] is None else f"{column[end]:.6g}" for end in ("low", "high")]
    return (column["column"], column["kind"], column["unit"], *ends)
