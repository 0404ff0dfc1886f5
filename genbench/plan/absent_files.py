"""Files and folders that the options of a plan name: refused when planned where they are not there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from genbench.errors import UserError
from genbench.plan.plan import Plan
from genbench.registry.component import Component


def check_files(plan: Plan) -> None:
    """Raise UserError where a file or folder that an option names is not there, with what to do about it.

    These are the fields of configs with ``metadata={"contents": True}``. A suite is run without what is missing.
    """
    if plan.suite is not None:
        return
    components = {(c.spec.kind, c.label): c for cell in plan.cells for c in (cell.dataset, cell.model)}
    for component in components.values():
        for option, path in _paths(component):
            if not path.expanduser().exists():
                kind, name = component.spec.kind, component.entry.key
                remedy = f"--set {name}.{option}=PATH says where it is, -{name} leaves the {kind} out"
                raise UserError(f"{kind} {component.label}: there is no file or folder {path}; {remedy}")


def _paths(component: Component) -> Iterator[tuple[str, Path]]:
    if component.config is None or component.entry.provenance.distribution == "file":  # opened when it was named
        return
    for field in fields(component.config):
        if field.metadata.get("contents") and (value := getattr(component.config, field.name)):
            yield field.name, Path(str(value))
