"""The options of plugins: configs are made from defaults < file < --set < brackets, with errors that name the path."""

from __future__ import annotations

import dataclasses
import os
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass
from typing import Any

from genbench.errors import ConfigError, PluginError, UserError, suggestion
from genbench.registry.option_types import convert, plain_value
from genbench.spec import Spec

MAX_CONFIG_BYTES = 1_000_000  # a larger file is not a --config file


@dataclass(frozen=True)
class Setting:
    """The value of an option as the user gave it; ``origin`` repeats how and where, and begins every error about it.

    ``target`` is a plugin's name, optionally after ``model:``, ``dataset:``, ``metric:``, ``space:`` or the name of a
    distribution and a colon. ``value`` is text from the command line, or a value from a TOML file or Python.
    """

    target: str
    option: str
    value: Any
    origin: str


class SweptValues(tuple[Any, ...]):
    """The value of a setting that stands for several: each is a choice of its own."""

    __slots__ = ()


# ------------------------------------------------------------------------------------------------------------- settings


def parse_set(text: str) -> Setting:
    """Parse the text of ``--set``, as ``vae.beta=4``; raises ConfigError."""
    path, equals, value = text.partition("=")
    target, _, option = path.strip().rpartition(".")
    if not (equals and target and option.isidentifier()):
        raise ConfigError(f"--set {text}: expected NAME.OPTION=VALUE, as vae.beta=4")
    return Setting(target, option, value.strip(), f"--set {text}")


def load_toml(path: str | os.PathLike[str], known: Iterable[str]) -> tuple[dict[str, Any], list[Setting]]:
    """Return the table [run] of a ``--config`` file, and its tables [set.NAME] as settings.

    ``known`` are the options of the command, which [run] may hold; in the returned names ``-`` becomes ``_``. Raises
    UserError, which names the file, the table and the key.
    """
    where = f"--config {os.fspath(path)}"
    document = _parse_toml(where, path)
    _check_keys(where, "table", document, ("run", "set"))
    run = {name.replace("-", "_"): value for name, value in _table(where, "run", document.get("run", {})).items()}
    _check_keys(f"{where}: [run]", "option", run, {name.replace("-", "_") for name in known})
    settings = []
    for target, table in _table(where, "set", document.get("set", {})).items():
        for option, value in _table(where, f"set.{target}", table).items():
            settings.append(Setting(target, option, value, f"{where}: [set.{target}] {option} = {value!r}"))
    return run, settings


def _parse_toml(where: str, path: str | os.PathLike[str]) -> dict[str, Any]:
    import tomllib

    try:
        with open(path, "rb") as file:  # noqa: PTH123 (pathlib costs more to import than this saves)
            raw = file.read(MAX_CONFIG_BYTES + 1)
        if len(raw) > MAX_CONFIG_BYTES:
            raise UserError(f"{where}: larger than {MAX_CONFIG_BYTES} bytes: too large for a configuration")
        return tomllib.loads(raw.decode())
    except OSError as error:
        raise UserError(f"{where}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: not UTF-8 at byte {error.start}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UserError(f"{where}: not valid TOML: {error}") from None


def _table(where: str, name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UserError(f"{where}: [{name}]: expected a table, got {value!r}")
    return value


def _check_keys(where: str, what: str, given: Iterable[str], known: Iterable[str]) -> None:
    known = sorted(known)
    for name in given:
        if name not in known:
            raise UserError(f"{where}: no {what} {name!r}{suggestion(name, known) or '; known: ' + ', '.join(known)}")


# -------------------------------------------------------------------------------------------------------------- configs


def fill(spec: Spec, settings: Iterable[Setting] = ()) -> Any:
    """Return the config of a spec, made from its defaults and the settings; None if the spec has no options.

    Of several settings of one option, the last is taken. Raises ConfigError for an unknown option, a wrong type, a
    missing value, or a value that the config class rejects with ValueError; PluginError if the class rejects its own
    defaults or fails otherwise.
    """
    given = {setting.option: setting for setting in settings}
    types = option_types(spec.config)
    for setting in given.values():
        if setting.option not in types:
            raise ConfigError(f"{setting.origin}: {unknown_option_message(spec, setting.option)}")
    if spec.config is None:
        return None
    values = {name: convert(types[name], setting.value, setting.origin) for name, setting in given.items()}
    missing = [name for name in types if name not in values and default_of(spec.config, name) is MISSING]
    if missing:
        raise ConfigError(f"{spec.kind} {spec.name!r} needs {missing[0]!r}; try: --set {spec.name}.{missing[0]}=...")
    try:
        return spec.config(**values)
    except Exception as error:
        if given and isinstance(error, ValueError):
            raise ConfigError(f"{_origins(given, str(error))}: {error}") from None
        what = f"{type(error).__name__}: {error}"
        raise PluginError(f"{spec.kind} {spec.name!r}: {spec.config.__qualname__} cannot be made: {what}") from error


def unknown_option_message(spec: Spec, option: str) -> str:
    """Return the message that a plugin has no such option, with a close match or all that it has."""
    known = list(option_types(spec.config))
    if not known:
        return f"{spec.kind} {spec.name!r} has no options"
    hint = suggestion(option, known) or f"; it has: {', '.join(known)}"
    return f"{spec.kind} {spec.name!r} has no option {option!r}{hint}"


def _origins(given: Mapping[str, Setting], message: str) -> str:
    """Return the origins of the settings whose options an error message names, or of all."""
    named = [s.origin for name, s in given.items() if re.search(rf"\b{re.escape(name)}\b", message)]
    return ", ".join(dict.fromkeys(named or [setting.origin for setting in given.values()]))


def option_types(config: type | None) -> dict[str, Any]:
    """Return the options of a config class in the order of its fields, each with its annotation."""
    if config is None:
        return {}
    try:
        hints = typing.get_type_hints(config)
    except Exception as error:
        raise PluginError(f"{config.__module__}.{config.__qualname__}: its annotations: {error}") from error
    return {field.name: hints[field.name] for field in dataclasses.fields(config) if field.init}


def default_of(config: type, option: str) -> Any:
    """Return the default of an option, ``dataclasses.MISSING`` if a value is required."""
    field = next(field for field in dataclasses.fields(config) if field.name == option)
    return field.default if field.default_factory is MISSING else field.default_factory()


# ------------------------------------------------------------------------------------------- options of configs as JSON


def canonical_options(config: Any) -> dict[str, Any]:
    """Return the options of a config as values of JSON: equal configs give equal dicts, as beta=4 and beta=4.0 do."""
    if config is None:
        return {}
    return {name: plain_value(hint, getattr(config, name)) for name, hint in option_types(type(config)).items()}


def essential_options(config: Any, contents: Callable[[str], str] | None = None) -> dict[str, Any]:
    """Return the canonical options that may change a result: all but fields with ``metadata={"essential": False}``.

    If ``contents`` is given, the path in a field with ``metadata={"contents": True}`` becomes ``contents(path)``, so
    that it identifies the data and not their place.
    """
    fields = {} if config is None else {field.name: field.metadata for field in dataclasses.fields(config)}
    options = {name: value for name, value in canonical_options(config).items() if fields[name].get("essential", True)}
    if contents is None:
        return options
    paths = [name for name, value in options.items() if value and fields[name].get("contents")]
    return {**options, **{name: contents(options[name]) for name in paths}}


def label(name: str, config: Any) -> str:
    """Return a name with the essential options that differ from their defaults: ``vae[beta=4]``.

    Fields with ``metadata={"shown": False}`` are left out.
    """
    if config is None:
        return name
    types, shown = option_types(type(config)), []
    hidden = {field.name for field in dataclasses.fields(config) if not field.metadata.get("shown", True)}
    for option, value in essential_options(config).items():
        if option in hidden:
            continue
        default = default_of(type(config), option)
        if default is MISSING or value != plain_value(types[option], default):
            shown.append(f"{option}={_text(value)}")
    return f"{name}[{','.join(shown)}]" if shown else name


def _text(value: Any) -> str:
    if isinstance(value, list):
        return f"({','.join(_text(part) for part in value)})"
    return f"{value:.12g}" if isinstance(value, float) else str(value)
