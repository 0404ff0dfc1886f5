"""The pages of the site that are not files of ``docs/``: those of other folders, and those made of the code itself.

mkdocs calls the functions whose names begin with ``on_``. Links between files of the repository become links between
pages; a link to a file that is no page becomes its name.
"""

from __future__ import annotations

import inspect
import posixpath
import re
from pathlib import Path
from typing import Any

import click
from mkdocs.structure.files import File, Files

from genbench.cli.main import group
from genbench.registry.describe import facts, option_facts
from genbench.registry.registry import Registry, resolve
from genbench.spec import PLUGIN_KINDS

ROOT = Path(__file__).parents[2]
COPIED = {  # page or picture: the file of the repository that it is
    "index.md": "README.md",
    "plugins.md": "plugins/README.md",
    "results.md": "results/reference/tables.md",
    "contributing.md": "CONTRIBUTING.md",
    "security.md": "SECURITY.md",
    "changelog.md": "CHANGELOG.md",
    "samples.png": "results/reference/samples.png",
    "moons.png": "results/zoo/moons.png",
    "digits.png": "results/zoo/digits.png",
}
PUBLIC = (
    "genbench.run", "genbench.load", "genbench.score", "genbench.table.results.Results", "genbench.spec",
    "genbench.protocol", "genbench.data", "genbench.training.helpers.average.Average",
    "genbench.training.helpers.state", "genbench.testing",
)  # fmt: skip
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
BLOCK = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are not files of ``docs/``."""
    for name, path in COPIED.items():
        files.append(File.generated(config, name, content=(ROOT / path).read_bytes()))
    for name, content in (("commands.md", commands()), ("installed.md", installed()), ("python.md", python())):
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, files: Files, **_: Any) -> str:
    """Return the text of a page with its links led to other pages."""
    here = COPIED.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    pages = {path: name for name, path in COPIED.items()}
    pages |= {f"docs/{file.src_uri}": file.src_uri for file in files if file.src_uri not in COPIED}

    def replaced(match: re.Match[str]) -> str:
        picture, text, target = match.groups()
        path, hash_, anchor = target.partition("#")
        if not path or "://" in path or path.startswith("mailto:"):
            return match[0]
        name = pages.get(posixpath.normpath(posixpath.join(posixpath.dirname(here), path)))
        return f"{picture}[{text}]({name}{hash_}{anchor})" if name else text

    parts = BLOCK.split(markdown)  # what is code stays as it is
    return "".join(part if i % 2 else LINK.sub(replaced, part) for i, part in enumerate(parts))


def commands() -> str:
    """Return a section for each command: what it does, its arguments and options."""
    lines = ["# Command line", "", described(group), ""]
    context = click.Context(group, info_name="genbench")
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=f"genbench {name}", parent=None)
        usage = " ".join(command.collect_usage_pieces(inner))
        lines += [f"## {name}", "", f"```text\ngenbench {name} {usage}\n```", "", described(command), ""]
        options = [option.get_help_record(inner) for option in command.params]
        if rows := [record for record in options if record is not None]:
            lines += ["| option | |", "|:--|:--|"]
            lines += [f"| `{cell(option)}` | {cell(text)} |" for option, text in rows]
            lines.append("")
    return "\n".join(lines)


def described(command: click.Command) -> str:
    """Return the help of a command as paragraphs."""
    return inspect.cleandoc(str(command.help or "")).replace("\b\n", "")


def installed() -> str:
    """Return a section for each kind of plugin: the name, summary, options and paper of each one of genbench."""
    registry = Registry.discover()
    lines = ["# Installed plugins", "", "What `genbench list` and `genbench show` say of what genbench brings.", ""]
    for kind in PLUGIN_KINDS:
        lines += [f"## {kind.capitalize()}s", ""]
        for entry in registry.entries(kind):
            fact = facts(entry)
            lines += [f"### {fact['name']}", "", cell(fact["summary"]) + ".", ""]
            if kind == "metric":  # whose docstring has the formula, the interval and the source
                lines += [re.sub(r"`+", "`", inspect.getdoc(resolve(entry)) or ""), ""]
            known = {name: fact.get(name) for name in ("density", "better", "unit", "paper", "licence", "source")}
            lines += [f"- {name}: {cell(value)}" for name, value in known.items() if value and value != "none"] + [""]
            if options := option_facts(entry.spec.config) if hasattr(entry.spec, "config") else []:
                lines += ["| option | type | default | meaning |", "|:--|:--|:--|:--|"]
                keys = ("name", "type", "default", "meaning")
                lines += [f"| {' | '.join(cell(option[key]) for key in keys)} |" for option in options] + [""]
    return "\n".join(lines)


def python() -> str:
    """Return the reference of what Python code may import."""
    return "\n".join(["# Python", "", *(f"::: {name}\n" for name in PUBLIC)])


def cell(value: object) -> str:
    """Return a value as one line of a table or list."""
    text = " ".join(str(value).split())
    return re.sub(r"([|<>*_\[\]])", r"\\\1", text) if value is not None else ""
