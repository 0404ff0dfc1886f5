"""The command line that reproduces one cell, made from its record."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from genbench.budget import RecipeShare
from genbench.plan.device_names import kind_of
from genbench.plan.presets import PRESETS
from genbench.record.store import Record
from genbench.report.text import printable

BASELINES = ("gaussian", "memoriser")
FILE_OPTIONS = ("columns", "labels", "log", "periodic", "na", "encoding")


def command_of(record: Record, about: Mapping[str, Any]) -> str:
    """Return the ``genbench run`` command of one cell; ``about`` is the ``run.json`` of its run.

    With the same versions it runs the same cell, with the same key. The row ``real`` is part of every run.
    """
    words = ["genbench", "run", *_arguments(record, mapping(about.get("request")))]
    return " ".join(shlex.quote(printable(word)) for word in words)


def _arguments(record: Record, request: Mapping[str, Any]) -> Iterator[str]:
    if request.get("suite"):
        yield from _suite(record, request)
        return
    model = BASELINES[0] if record["model"] == "real" else str(record.get("label") or record["model"])
    others = [name for name in BASELINES if name != model]
    yield from ("-m", ",".join([model, *(f"-{name}" for name in others)]))
    yield from _data(record)
    metrics = str(request.get("metrics") or "all")
    yield from ("--metrics", metrics) if metrics != "all" else ()
    yield from _sizes(record, request)
    yield from ("--first-seed", str(record.get("seed") or 0), "--seeds", "1")
    budget = str(mapping(record.get("identity")).get("budget") or record.get("budget") or "none")
    if budget != "none" and RecipeShare.parse(budget) is None:  # which the preset gives
        yield from ("--budget", budget)
    yield from _device(record)
    for setting in request.get("settings") or ():
        target = re.match(r"([\w.+@-]+)\.\w+=", str(setting))
        if target and target[1] in {str(score["metric"]) for score in record.get("scores") or ()}:
            yield from ("--set", str(setting))
    yield from _plugins(record)
    yield from ("--out", f"replay-{record['key'][:8]}")


def _device(record: Record) -> Iterator[str]:
    yield from ("--device", kind_of(record.get("device")) or "cpu")
    if record.get("precision"):
        yield from ("--precision", str(record["precision"]))


def _data(record: Record) -> Iterator[str]:
    """Yield the arguments for the dataset: its name with options, or the user's file."""
    source, config = mapping(mapping(record.get("provenance")).get("dataset")), mapping(record.get("dataset_config"))
    if source.get("module") != "genbench.files":
        yield from ("-d", str(record.get("dataset_label") or record["dataset"]))
        return
    yield from ("--data", str(config.get("path")))
    for name in FILE_OPTIONS:
        value = config.get(name)
        if value and value != "refuse":
            yield from (f"--{name}", ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value))


def _suite(record: Record, request: Mapping[str, Any]) -> Iterator[str]:
    """Yield the arguments for one seed of a suite, which is run whole, with the model of the cell added to it."""
    yield from ("--suite", str(request["suite"]), "--preset", str(request.get("preset") or "default"))
    if record["model"] != "real":
        yield from ("-m", str(record.get("label") or record["model"]))
    yield from ("--first-seed", str(record.get("seed") or 0), "--seeds", "1")
    yield from _device(record)
    yield from _plugins(record)
    yield from ("--out", f"replay-{record['key'][:8]}")


def _sizes(record: Record, request: Mapping[str, Any]) -> Iterator[str]:
    """Yield a preset with the sizes of the cell, that of the run if it has them or if none does, and training rows."""
    sizes = mapping(mapping(record.get("identity")).get("sizes"))
    held_out = {name: n for name, n in sizes.items() if name != "train"}
    matching = [name for name, preset in PRESETS.items() if held_out.items() <= asdict(preset.sizes).items()]
    matching = [name for name in matching if asdict(PRESETS[name].sizes) == sizes] or matching
    requested = str(request.get("preset") or "default")
    preset = requested if requested in matching or not matching else matching[0]
    yield from ("--preset", preset)
    if matching and sizes and sizes.get("train") != PRESETS[preset].sizes.train:
        yield from ("--train-rows", str(sizes.get("train")))


def _plugins(record: Record) -> Iterator[str]:
    """Yield the one-file plugins, without their folders, which records do not hold."""
    provenance = mapping(record.get("provenance"))
    names = [str(source.get("plugin")) for source in (provenance, mapping(provenance.get("dataset")))
             if str(source.get("module")).startswith("genbench_file_")]  # fmt: skip
    for name in dict.fromkeys(names):
        yield from ("--plugin", f"{name}.py")


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a part of a record, empty if another program wrote something else there."""
    return value if isinstance(value, Mapping) else {}
