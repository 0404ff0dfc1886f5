"""Selections, as ``--models`` takes them: names, globs, exclusions, ``all``, and options in brackets with sweeps.

    vae,gan*,-kde                      names, globs, exclusions; exclusions alone exclude from all
    all,-baseline*                     all but some
    vae[latent=2|8,beta=1]             two choices: latent 2 and latent 8, both with beta 1
    vae[hidden=(64,64)|(128,)]         parentheses keep a tuple together
    genbench-hep:dijets                that of one distribution, if two provide the name

``--sweep vae.latent=2,8`` is a form of sweeps whose characters no shell reads as its own.
The position of an exclusion does not matter.
"""

from __future__ import annotations

import fnmatch
import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from genbench.errors import ConfigError, UnknownName, UserError
from genbench.registry.options import Setting, SweptValues

MAX_SWEEP_POINTS = 10_000  # more is a typing error


@dataclass(frozen=True)
class Choice:
    """A selected plugin, with the options in its brackets as text."""

    name: str
    options: Mapping[str, str]

    @property
    def settings(self) -> list[Setting]:
        """The options as settings, whose origin is the bracket."""
        return [Setting(self.name, k, v, f"{self.name}[{k}={v}]") for k, v in self.options.items()]


def split(text: str, separator: str = ",") -> list[str]:
    """Split at separators outside brackets, without empty parts; raises UserError if brackets do not match."""
    parts, depth, start = [], 0, 0
    for i, character in enumerate(text):
        depth += (character in "[(") - (character in "])")
        if depth < 0:
            break
        if character == separator and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    if depth:
        raise UserError(f"{text}: brackets do not match; expected NAME[OPTION=VALUE,...]")
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def parse_selection(text: str) -> tuple[str, list[dict[str, str]]]:
    """Parse ``vae[latent=2|8,beta=1]`` into a name and one dict of options for each point of the sweep."""
    name, bracket, rest = text.strip().partition("[")
    if not bracket:
        return name.strip(), [{}]
    if not name.strip() or not rest.endswith("]"):
        raise UserError(f"{text}: expected NAME[OPTION=VALUE,...], as vae[latent=2|8,beta=1]")
    values: dict[str, list[str]] = {}
    for part in split(rest[:-1]):
        option, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not option.isidentifier() or not split(value, "|"):
            hint = ""
            if values and not equals:
                last, found = list(values.items())[-1]
                both = [*found, part.strip()]
                hint = f"; several values are separated by |, as '{name}[{last}={'|'.join(both)}]', or without quotes "
                hint += f"--sweep {name}.{last}={','.join(both)}"
            raise UserError(f"{text}: expected OPTION=VALUE, got {part!r}{hint}")
        if option in values:
            raise UserError(f"{text}: {option!r} is given twice; a sweep is {option}=1|2")
        values[option] = split(value, "|")
    count = math.prod(map(len, values.values()))
    if count > MAX_SWEEP_POINTS:
        raise UserError(f"{text}: a sweep of {count} points, at most {MAX_SWEEP_POINTS} are allowed")
    return name.strip(), [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]


def parse_sweep(text: str) -> Setting:
    """Parse the text of ``--sweep``, as ``vae.latent=2,8``: a setting of several values; raises ConfigError."""
    path, equals, values = text.partition("=")
    target, _, option = path.strip().rpartition(".")
    if not (equals and target and option.isidentifier() and split(values)):
        raise ConfigError(f"--sweep {text}: expected NAME.OPTION=VALUE,VALUE, as vae.latent=2,8")
    return Setting(target, option, SweptValues(split(values)), f"--sweep {text}")


def points_of(settings: Iterable[Setting]) -> list[list[Setting]]:
    """Return the settings of each point of their sweeps: of one setting the last counts, as ever."""
    last = {setting.option: setting for setting in settings}
    sweeps = {option: setting.value for option, setting in last.items() if isinstance(setting.value, SweptValues)}
    count = math.prod(map(len, sweeps.values()))
    if count > MAX_SWEEP_POINTS:
        origins = ", ".join(last[option].origin for option in sweeps)
        raise UserError(f"{origins}: a sweep of {count} points, at most {MAX_SWEEP_POINTS} are allowed")
    points = (dict(zip(sweeps, values, strict=True)) for values in itertools.product(*sweeps.values()))
    return [
        [replace(setting, value=point.get(option, setting.value)) for option, setting in last.items()]
        for point in points
    ]


def select(text: str | Iterable[str], names: Mapping[str, str], find: Callable[[str], str]) -> list[Choice]:
    """Return the choices of a selection, in its order and without duplicates.

    ``names`` maps each name that a glob may match to a key; ``all`` selects all keys. ``find`` returns the key of a
    single name or raises UnknownName. Raises UserError if nothing is selected.
    """
    terms = split(text) if isinstance(text, str) else [term for part in text for term in split(part)]
    keys = list(dict.fromkeys(names.values()))
    chosen: list[Choice] = []
    excluded: set[str] = set()
    for term in terms:
        name, points = parse_selection(term.removeprefix("-"))
        found = _match(name, names, keys, find)
        if not term.startswith("-"):
            chosen += [Choice(key, point) for key in found for point in points]
        elif points == [{}]:
            excluded.update(found)
        else:
            raise UserError(f"{term}: an exclusion takes no options")
    if excluded and not chosen:
        chosen = [Choice(key, {}) for key in keys]
    chosen = [choice for choice in chosen if choice.name not in excluded]
    if not chosen:
        selection = text if isinstance(text, str) else ",".join(text)
        raise UserError(f"{selection!r} selects nothing; known: {', '.join(keys) or 'none is installed'}")
    return [choice for i, choice in enumerate(chosen) if choice not in chosen[:i]]


def select_names(text: str, names: Iterable[str], kind: str) -> list[str]:
    """Return the names that a selection chooses, in its order; raises UserError, and UnknownName with this kind."""
    known = {name: name for name in names}

    def find(name: str) -> str:
        if name not in known:
            raise UnknownName(kind, name, known)
        return name

    return [choice.name for choice in select(text, known, find)]


def _match(name: str, names: Mapping[str, str], keys: list[str], find: Callable[[str], str]) -> list[str]:
    if name == "all":
        return keys
    if not any(character in name for character in "*?"):
        return [find(name)]
    found = list(dict.fromkeys(key for known, key in names.items() if fnmatch.fnmatchcase(known, name)))
    if not found:
        raise UserError(f"{name!r} matches nothing; known: {', '.join(keys)}")
    return found
