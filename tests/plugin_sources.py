"""Sources of plugins made up for tests, and how they are found again."""

from __future__ import annotations

from genbench.registry.discovery import PluginRow
from genbench.registry.registry import Registry

GOOD = """
from dataclasses import dataclass
from genbench.hooks import hookimpl
from genbench.spec import DatasetSpec, MetricSpec, ModelSpec

@dataclass(frozen=True)
class Config:
    size: int = 3  # how large

@hookimpl
def genbench_register():
    return [
        ModelSpec("{name}", "{module}_heavy:Model", Config, "a model"),
        DatasetSpec("{name}", "{module}_heavy:Data", None, "a dataset"),
        MetricSpec("{name}_score", "{module}_heavy:score", None, "a metric"),
    ]
"""


def good(name: str, module: str) -> str:
    return GOOD.format(name=name, module=module)


def row_of(registry: Registry, name: str) -> PluginRow:
    [row] = [row for row in registry.plugins if row.name == name]
    return row
