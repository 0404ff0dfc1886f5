"""Descriptions of plugins: what a spec declares, and its options with type, default and meaning."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import MISSING
from typing import Any

from genbench.registry.option_types import plain_value, type_text
from genbench.registry.options import default_of, option_types
from genbench.registry.registry import Entry


def option_facts(config: type | None) -> list[dict[str, Any]]:
    """Return the options of a config class as values of JSON, in the order of its fields.

    The meaning of an option is the comment after its field in the source, else ``metadata["help"]``, else empty.
    """
    if config is None:
        return []
    comments = _comments(config)
    helps = {field.name: str(field.metadata.get("help", "")) for field in dataclasses.fields(config)}
    found = []
    for name, annotation in option_types(config).items():
        default = default_of(config, name)
        found.append(
            {
                "name": name,
                "type": type_text(annotation),
                "default": None if default is MISSING else plain_value(Any, default),
                "required": default is MISSING,
                "meaning": comments.get(name) or helps[name],
            }
        )
    return found


def _comments(config: type) -> dict[str, str]:
    found: dict[str, str] = {}
    for cls in reversed(config.__mro__[:-1]):  # the comment of a subclass replaces that of its base
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
    except (OSError, TypeError, SyntaxError, tokenize.TokenError):  # the source is not available
        return {}
    comments = {token.start[0]: token.string.lstrip("# ").strip() for token in tokens if token.type == tokenize.COMMENT}
    found = {}
    for node in getattr(tree, "body", ()):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            found[node.target.id] = " ".join(comments[line] for line in lines if comments.get(line))
    return found


def facts(entry: Entry) -> dict[str, Any]:
    """Return what the spec of an entry declares, and who provides it, as values of JSON."""
    spec = entry.spec
    declared = {field.name: getattr(spec, field.name) for field in dataclasses.fields(spec) if field.name != "config"}
    target = spec.target if isinstance(spec.target, str) else getattr(spec.target, "__name__", "")
    declared |= {"name": entry.key, **({"target": target} if target else {})}
    values = {name: plain_value(Any, dict(v) if isinstance(v, Mapping) else v) for name, v in declared.items()}
    provenance = dataclasses.asdict(entry.provenance)
    del provenance["path"]  # it belongs to this machine
    return {"kind": spec.kind, **values, "provenance": provenance}
