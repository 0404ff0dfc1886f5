"""``genbench new``: writes a plugin package that can be installed, checked, run and published as it is."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["new"]


@click.command("new")
@click.argument("kind", type=click.Choice(("model", "dataset", "metric")))
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="The folder to put the package's folder in.  [default: here]",
)
def new(kind: str, name: str, into: Path) -> None:
    """Write a package that provides a model, a dataset or a metric, in a folder NAME of the current one.

    It works as it is: pip install -e NAME, genbench check NAME, pytest.
    """
    from importlib.util import find_spec

    from genbench.errors import UserError
    from genbench.registry.registry import Registry
    from genbench.scaffold import Names, write_package
    from genbench.text import plain

    names = Names(name)
    for entry in Registry.discover().entries(kind):
        if entry.spec.name == names.plugin:
            raise UserError(
                f"a {kind} named {names.plugin!r} exists already ({entry.provenance}); names are unique, choose another"
            )
    if find_spec(names.package) is not None:
        raise UserError(
            f"a package named {names.package} is installed already, and yours would hide it; choose another name"
        )
    written = write_package(kind, name, into)
    for path in written:
        click.echo(f"  {plain(str(path))}")
    flags = {"model": "-m {} -d moons", "dataset": "-m kde -d {}", "metric": "-m kde -d moons --metrics {}"}
    click.echo(f"\nnext:\n  cd {plain(str(into / name))}")
    click.echo("  pip install -e '.[test]'")
    click.echo(f"  genbench check {names.plugin} && pytest")
    click.echo(f"  genbench run {flags[kind].format(names.plugin)} --preset smoke")
