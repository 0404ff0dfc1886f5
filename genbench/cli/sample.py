"""``genbench sample RUN MODEL``: more samples of a trained model, in a file. Imports what it needs when run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from genbench.cli.options import json_option, plugin_option
from genbench.errors import UserError

if TYPE_CHECKING:
    from genbench.files import FileSchema
    from genbench.protocol import Array
    from genbench.training.trained import TrainedModel


@click.command(short_help="more samples of a trained model")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("model", metavar="MODEL")
@click.option("-n", "--samples", "n", metavar="N", type=int, default=1000, show_default=True, help="Number of samples.")
@click.option(
    "-o",
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path),
    required=True,
    help="File to write; its suffix is the format, without one that of your data: csv, parquet, npy, h5, fits, root, "
    "...",
)
@click.option("-d", "--dataset", metavar="NAME", help="Dataset that it was trained on, where there are several.")
@click.option("--model-seed", metavar="N", type=int, help="Seed that it was trained with.  [default: the best]")
@click.option("--seed", metavar="N", type=int, default=0, show_default=True, help="Seed of the samples.")
@click.option(
    "--given",
    metavar="NAME=VALUE,..",
    multiple=True,
    help="Conditions to draw all samples given: energy=50,theta=0.3 or label=7.  [default: those of held-out rows]",
)
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
@plugin_option
@json_option
def sample(run: Path, model: str, **options: Any) -> None:  # fmt: skip
    """Draw samples of a MODEL of a RUN, and write them with the columns, types, units and format of its data.

    The model is restored from the run, or else trained again from its seed. MODEL is a name or label as in the tables,
    vae or 'vae[latent=8]'. Samples are drawn and written in blocks, so that any number fits in memory.
    """
    from genbench.cli.output import print_json

    if options["out"].exists() and not options["overwrite"]:
        raise UserError(f"{options['out']}: is there already; --overwrite replaces it")
    start = time.perf_counter()
    trained = _open(run, model, options)
    values = _values(options["given"])
    conditions = (
        trained.values(options["n"], values) if values else trained.conditions_of_data(options["n"], options["seed"])
    )
    notes = list(trained.notes)
    opened = time.perf_counter()
    path = _write(trained, conditions, options, notes)
    end = time.perf_counter()
    facts = {
        "file": str(path), "model": trained.cell.model.label, "dataset": trained.cell.dataset.label,
        "model_seed": trained.cell.seed, "seed": options["seed"], "samples": options["n"], "given": dict(values),
        "seconds": end - start, "samples_per_s": options["n"] / (end - opened), "notes": notes,
    }  # fmt: skip
    if options["as_json"]:
        print_json(facts)
        return
    for note in notes:
        click.echo(f"note: {note}", err=True)
    click.echo(
        f"{options['n']} samples of {facts['model']} on {facts['dataset']}, trained with seed {facts['model_seed']}: "
        f"{quote(str(path))}"
    )


def _open(run: Path, model: str, options: dict[str, Any]) -> TrainedModel:
    from genbench.api import load, set_library_environment

    set_library_environment()
    return load(run).model(model, options["dataset"], options["model_seed"], plugins=options["plugins"])


def _values(texts: tuple[str, ...]) -> dict[str, str]:
    """Return values by name of ``energy=50,theta=0.3``; raises UserError for anything else."""
    found: dict[str, str] = {}
    for part in (part.strip() for text in texts for part in text.split(",")):
        name, equals, value = part.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise UserError(f"--given {part!r}: expected NAME=VALUE, as energy=50")
        if name.strip() in found:
            raise UserError(f"--given: {name.strip()!r} is named twice")
        found[name.strip()] = value.strip()
    return found


def _write(trained: TrainedModel, conditions: Array | None, options: dict[str, Any], notes: list[str]) -> Path:
    import numpy as np

    from genbench.files import write

    schema = _schema(trained, notes)
    joint = conditions is not None and not schema.shape

    def blocks() -> Iterator[Array]:
        for rows, given in trained.blocks(options["n"], conditions, options["seed"]):
            yield np.concatenate([rows, given], axis=1) if joint and given is not None else rows

    if conditions is not None and schema.shape and not options["given"]:
        notes.append("images have no place for their conditions: name them with --given")
    return write(options["out"], schema, blocks(), overwrite=options["overwrite"], notes=notes)


def _schema(trained: TrainedModel, notes: list[str]) -> FileSchema:
    """Return how samples are written: as the user's file is, else with the names and kinds of the dataset's columns."""
    from genbench.errors import DataError
    from genbench.files import FileConfig, file_schema, schema_of_columns, schema_of_images

    config = trained.cell.dataset.config
    if isinstance(config, FileConfig):
        try:
            return file_schema(config, notes)
        except DataError as error:
            notes.append(f"types and format are not those of your file: {error}")
    if len(trained.data_shape) == 1:
        return schema_of_columns((*trained.columns, *trained.conditions))
    return schema_of_images(trained.data_shape, trained.levels)
