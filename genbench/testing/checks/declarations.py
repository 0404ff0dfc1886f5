"""Checks of declarations: light to import, complete, and consistent with the code that they name."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
import subprocess
import sys

from genbench.errors import ConfigError
from genbench.registry.describe import option_facts
from genbench.registry.options import Setting, canonical_options, fill, option_types
from genbench.testing.check import Failed, Skipped, Subject, check, expect
from genbench.testing.process_state import expect_generators_unused, expect_process_unchanged

KINDS_WITH_OPTIONS = ("model", "dataset", "metric", "space")
HEAVY_LIBRARIES = ("torch", "numpy", "scipy", "pandas", "sklearn", "matplotlib")
PRINT_IMPORTS = """
import sys
import genbench.registry.registry, genbench.plan.presets
before = set(sys.modules)
import importlib
importlib.import_module(sys.argv[1])
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


@check(
    *KINDS_WITH_OPTIONS,
    "suite",
    remedy="move what needs them into the module of the spec's target, which is imported only to run",
)
def declared_lightly(subject: Subject) -> None:
    """Declaring the plugin imports no torch, numpy or other heavy library."""
    if subject.entry.provenance.path in {str(path.resolve()) for path in subject.files}:
        raise Skipped("a plugin of one file has its declaration and its code in one place")
    module = subject.entry.provenance.module
    done = subprocess.run([sys.executable, "-c", PRINT_IMPORTS, module], capture_output=True, text=True, timeout=120)
    expect(done.returncode == 0, f"importing {module} failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    heavy = sorted(set(done.stdout.split()) & set(HEAVY_LIBRARIES))
    expect(not heavy, f"importing {module} imports {', '.join(heavy)}: every start of genbench waits for that")


@check(
    *KINDS_WITH_OPTIONS, remedy="write a comment after each field: what it is, its unit, and what special values mean"
)
def options_are_explained(subject: Subject) -> None:
    """Each option has an explanation, which genbench show prints."""
    if subject.spec.config is None:
        raise Skipped("it has no options")
    unexplained = [option["name"] for option in option_facts(subject.spec.config) if not option["meaning"]]
    expect(not unexplained, f"these options have no explanation: {', '.join(unexplained)}")


@check(
    *KINDS_WITH_OPTIONS,
    remedy="make the config a frozen dataclass of plain values: numbers, text, bool, tuples of them",
)
def config_survives_a_round_trip(subject: Subject) -> None:
    """A config is immutable, and can be restored from the values in a record."""
    if subject.config is None:
        raise Skipped("it has no options")
    config = subject.config
    again = type(config)(**{name: getattr(config, name) for name in option_types(type(config))})
    expect(canonical_options(again) == canonical_options(config), "a config built from its own values is different")
    name = next(iter(option_types(type(config))), None)
    try:
        if name is not None:
            setattr(config, name, getattr(config, name))
    except dataclasses.FrozenInstanceError:
        return
    expect(name is None, f"{type(config).__name__} can be changed, as it is not frozen")


@check(*KINDS_WITH_OPTIONS, remedy="refuse it in __post_init__ with ValueError: 'beta must be in [0.0, inf), got inf'")
def impossible_options_are_refused(subject: Subject) -> None:
    """An infinite value of an option is refused before anything runs, with an error that names the option."""
    if subject.spec.config is None:
        raise Skipped("it has no options")
    numbers = [name for name, hint in option_types(subject.spec.config).items() if hint is float]
    if not numbers:
        raise Skipped("no option is a float")
    for name, value in itertools.product(numbers, (math.inf, -math.inf)):
        try:
            fill(subject.spec, [Setting(subject.spec.name, name, value, "it")])
        except ConfigError as error:
            expect(
                re.search(rf"\b{name}\b", str(error)), f"{name}={value} is refused by '{error}', which does not name it"
            )
        else:
            raise Failed(f"{name}={value} is accepted")


@check("model", "dataset", "space", remedy="only store the config in __init__, and do the work in fit or load")
def constructor_is_inert(subject: Subject) -> None:
    """The constructor draws no random numbers and does not change the state of the process."""
    subject.build()  # the first call imports the module
    with expect_process_unchanged("the constructor"), expect_generators_unused("the constructor"):
        subject.build()


@check("model", "dataset", "space", remedy="add the method, or take the capability out of the spec")
def methods_are_there(subject: Subject) -> None:
    """The methods that its kind and its declared capabilities require exist."""
    spec = subject.spec
    methods = {"dataset": ["load"], "space": ["fit", "transform"], "model": ["fit", "sample"]}
    required = [*methods[spec.kind], *getattr(spec, "capabilities", ())]
    if spec.kind == "model" and spec.density_of(subject.config) != "none":
        required.append("log_prob")
    built = subject.build()
    missing = [name for name in required if not callable(getattr(built, name, None))]
    expect(not missing, f"it has no method {', '.join(missing)}")
