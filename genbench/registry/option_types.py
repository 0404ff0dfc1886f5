"""Convert the value of an option to the annotated type of its field, and show types and values as text.

Annotations are int, float, bool, str, None, Literal, unions and tuples.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import types
import typing
from collections.abc import Callable
from typing import Any, Literal, Union

from genbench.errors import ConfigError, suggestion

TRUE_WORDS, FALSE_WORDS = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class _MismatchError(Exception):
    pass


def convert(annotation: Any, value: Any, origin: str) -> Any:
    """Return a value in the annotated type: text is parsed, other values are checked.

    Raises ConfigError, whose message begins with ``origin``: where and how the user gave the value. NaN is rejected,
    because range checks that are written as comparisons do not catch it.
    """
    try:
        return _convert(annotation, value)
    except _MismatchError:
        choices = [choice for choice in _choices(annotation) if isinstance(choice, str)]
        hint = suggestion(value, choices) if isinstance(value, str) else ""
        raise ConfigError(f"{origin}: expected {type_text(annotation)}, got {value!r}{hint}") from None


def _choices(annotation: Any) -> list[Any]:
    members = typing.get_args(annotation)
    return list(members) if typing.get_origin(annotation) is Literal else [c for m in members for c in _choices(m)]


def _convert(annotation: Any, value: Any) -> Any:
    origin, members = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (Union, types.UnionType):
        return _convert_union(members, value)
    if origin is Literal:
        return _convert_choice(members, value)
    if origin is tuple or annotation is tuple:
        return _convert_tuple(members or (str, ...), value)
    if annotation in READERS:
        return READERS[annotation](value)
    if annotation is Any:
        return value
    raise _MismatchError


def _convert_choice(choices: tuple[Any, ...], value: Any) -> Any:
    for choice in choices:
        if value == str(choice) or (value == choice and type(value) is type(choice)):
            return choice
    raise _MismatchError


def _convert_union(members: tuple[Any, ...], value: Any) -> Any:
    for member in sorted(members, key=lambda m: m is str):  # any text is a valid str: that is tried last
        try:
            return _convert(member, value)
        except _MismatchError:
            continue
    raise _MismatchError


def _convert_tuple(members: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if isinstance(value, str):
        text = value.strip()
        if text[:1] + text[-1:] in ("()", "[]"):
            text = text[1:-1]
        text = text.strip(" ,")
        value = [part.strip() for part in text.split(",")] if text else []
    if not isinstance(value, (list, tuple)):
        raise _MismatchError
    if members[-1] is Ellipsis:
        members = members[:1] * len(value)
    if len(members) != len(value):
        raise _MismatchError
    return tuple(_convert(member, part) for member, part in zip(members, value, strict=True))


def _bool(value: Any) -> bool:
    text = value.lower() if isinstance(value, str) else ""
    if not isinstance(value, bool) and text not in TRUE_WORDS + FALSE_WORDS:
        raise _MismatchError
    return value is True or text in TRUE_WORDS


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise _MismatchError
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise _MismatchError from None
    if math.isnan(number):
        raise _MismatchError
    return number


def _int(value: Any) -> int:
    number = _float(value)
    if not number.is_integer():
        raise _MismatchError
    try:
        return int(value)  # exact beyond 2^53, unlike a float
    except ValueError:
        return int(number)  # text such as 1e4


def _str(value: Any) -> str:
    if not isinstance(value, str):
        raise _MismatchError
    return value


def _none(value: Any) -> None:
    if value is not None and not (isinstance(value, str) and value.lower() in ("none", "null")):
        raise _MismatchError


READERS: dict[Any, Callable[[Any], Any]] = {bool: _bool, int: _int, float: _float, str: _str, type(None): _none}


def type_text(annotation: Any) -> str:
    """Return an annotation as text for users: ``int``, ``float | none``, ``'ddim' | 'ancestral'``, ``int, ...``."""
    origin, members = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is type(None):
        return "none"
    if origin in (Union, types.UnionType):
        return " | ".join(type_text(member) for member in members)
    if origin is Literal:
        return " | ".join(repr(choice) for choice in members)
    if origin is tuple:
        return ", ".join("..." if member is Ellipsis else type_text(member) for member in members)
    return str(getattr(annotation, "__name__", annotation))


def plain_value(annotation: Any, value: Any) -> Any:
    """Return an option's value as a value of JSON: 4 becomes 4.0 for a float, a tuple a list, infinity the text inf."""
    with contextlib.suppress(_MismatchError):  # values of other types are shown as they are
        value = _convert(annotation, value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, (list, tuple)):
        return [plain_value(Any, part) for part in value]
    if isinstance(value, dict):
        return {str(key): plain_value(Any, part) for key, part in value.items()}
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)
