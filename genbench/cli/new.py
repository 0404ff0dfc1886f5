"""``genbench new``: writes a plugin package that works at once: it can be installed, checked, run and published."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("new")
@click.argument("kind", type=click.Choice(("model", "dataset", "metric", "space", "suite")))
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Parent folder of the package's folder.  [default: the current one]",
)
def new(kind: str, name: str, into: Path) -> None:
    """Write a package that provides a model, a dataset, a metric, a feature space or a suite, in a new folder NAME.

    It works at once: pip install -e NAME, genbench check NAME, pytest.
    """
    from importlib.util import find_spec

    from genbench.errors import UserError
    from genbench.registry.registry import Registry
    from genbench.scaffold import RUN_OPTIONS, Names, write_package
    from genbench.text import plain

    names = Names(name)
    for entry in Registry.discover().entries(kind):
        if entry.spec.name == names.plugin:
            raise UserError(
                f"there is already a {kind} named {names.plugin!r} ({entry.provenance}); choose another name"
            )
    if find_spec(names.package) is not None:
        raise UserError(
            f"a package named {names.package} is already installed, and yours would hide it; choose another name"
        )
    written = write_package(kind, name, into)
    for path in written:
        click.echo(f"  {plain(str(path))}")
    click.echo(f"\nnext:\n  cd {plain(str(into / name))}")
    click.echo("  pip install -e '.[test]'")
    click.echo(f"  genbench check {names.plugin} && pytest")
    click.echo(f"  genbench run {RUN_OPTIONS[kind].format(names.plugin)} --preset smoke")
