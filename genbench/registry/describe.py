"""What a plugin declares, in words: its facts, and its options with type, default and the meaning its source gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from typing import Any

from genbench.registry.option_types import plain_value, type_text
from genbench.registry.options import default_of, option_types
from genbench.registry.registry import Entry

__all__ = ["Option", "facts", "option_facts", "options_of"]


@dataclass(frozen=True)
class Option:
    """One option; ``default`` is ``dataclasses.MISSING`` where a value must be given."""

    name: str
    type: str
    default: Any
    meaning: str

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is MISSING


def options_of(config: type | None) -> list[Option]:
    """Return the options of a config class in order.

    The meaning of an option is the comment after its field in the source, else ``metadata["help"]``, else empty.
    """
    if config is None:
        return []
    comments = _comments(config)
    helps = {field.name: str(field.metadata.get("help", "")) for field in dataclasses.fields(config)}
    return [
        Option(name, type_text(annotation), default_of(config, name), comments.get(name) or helps[name])
        for name, annotation in option_types(config).items()
    ]


def _comments(config: type) -> dict[str, str]:
    found: dict[str, str] = {}
    for cls in reversed(config.__mro__[:-1]):  # a field that is declared again takes the meaning given there
        found |= _comments_in(cls)
    return found


def _comments_in(cls: type) -> dict[str, str]:
    import ast
    import inspect
    import io
    import textwrap
    import tokenize

    try:
        source = textwrap.dedent(inspect.getsource(cls))
        tree = ast.parse(source).body[0]
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (OSError, TypeError, SyntaxError, tokenize.TokenError):  # no source: made in a session, or frozen
        return {}
    after = {token.start[0]: token.string.lstrip("# ").strip() for token in tokens if token.type == tokenize.COMMENT}
    found = {}
    for node in getattr(tree, "body", ()):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            found[node.target.id] = " ".join(after[line] for line in lines if after.get(line))
    return found


def facts(entry: Entry) -> dict[str, Any]:
    """Return what is declared of a model, dataset, metric or space and who provides it, as JSON can hold it."""
    spec = entry.spec
    declared = {field.name: getattr(spec, field.name) for field in dataclasses.fields(spec) if field.name != "config"}
    target = spec.target if isinstance(spec.target, str) else getattr(spec.target, "__name__", "")
    declared |= {"name": entry.key, "target": target}
    told = {name: plain_value(Any, dict(v) if isinstance(v, Mapping) else v) for name, v in declared.items()}
    return {"kind": spec.kind, **told, "provenance": entry.provenance.as_dict()}


def option_facts(entry: Entry) -> list[dict[str, Any]]:
    """Return the options of a model, dataset, metric or space, as JSON can hold them."""
    return [
        {
            "name": option.name,
            "type": option.type,
            "default": None if option.required else plain_value(Any, option.default),
            "required": option.required,
            "meaning": option.meaning,
        }
        for option in options_of(entry.spec.config)
    ]
