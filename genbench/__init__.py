"""Benchmark generative models: which one to use for some data, how good it is, and what it costs.

Importing genbench imports none of its modules: each public name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genbench.api import load, run, score
    from genbench.auditing import audit
    from genbench.comparing import compare
    from genbench.errors import (
        ConfigError,
        DataError,
        GenbenchError,
        Inconclusive,
        PluginError,
        Regression,
        UnknownName,
        UserError,
    )
    from genbench.hooks import hookimpl
    from genbench.spec import DatasetSpec, MetricSpec, ModelSpec, Published, SpaceSpec, SuiteSpec
    from genbench.version import __version__

__all__ = [
    "ConfigError",
    "DataError",
    "DatasetSpec",
    "GenbenchError",
    "Inconclusive",
    "MetricSpec",
    "ModelSpec",
    "PluginError",
    "Published",
    "Regression",
    "SpaceSpec",
    "SuiteSpec",
    "UnknownName",
    "UserError",
    "__version__",
    "audit",
    "compare",
    "hookimpl",
    "load",
    "run",
    "score",
]

MODULES = {
    **dict.fromkeys(("load", "run", "score"), "genbench.api"),
    **dict.fromkeys(("DatasetSpec", "MetricSpec", "ModelSpec", "Published", "SpaceSpec", "SuiteSpec"), "genbench.spec"),
    "audit": "genbench.auditing",
    "compare": "genbench.comparing",
    "hookimpl": "genbench.hooks",
    "__version__": "genbench.version",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'genbench' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(MODULES.get(name, "genbench.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
