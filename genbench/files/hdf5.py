"""Read HDF5: datasets, groups of columns, compound datasets, and the data frames of pandas.

Datasets that lie in other files (external storage, external links, virtual datasets) are refused, and what PyTables
pickles is never opened.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from genbench.files.arrays import choose_key, decoded, headers_of_fields
from genbench.files.named_arrays import Header, NamedArrays, asks_for_arrays, default_name, is_table, join
from genbench.files.source import Block, FileLayout, Source, Table, explain_read_errors, printable, quote

if TYPE_CHECKING:
    from genbench.protocol import Array

OBJECTS = "holds objects or arrays of varying length"


@dataclass(frozen=True)
class _Content:
    """The datasets of a file by path, the groups in which pandas keeps frames, and the links to other files."""

    datasets: Mapping[str, Any]
    frames: Sequence[str]  # pandas, format fixed
    tables: Sequence[str]  # pandas, format table
    inside: frozenset[str]  # the datasets of those groups
    links: Sequence[str]

    @property
    def names(self) -> list[str]:
        return [name for name in self.datasets if name not in self.inside] + [*self.frames, *self.tables]


def read_hdf5(source: Source, columns: Sequence[str], labels: str | None, max_bytes: int) -> Block | Table:
    """Return one dataset of an HDF5 file, a table of several, or a data frame that pandas wrote.

    The dataset is the one the user names, else ``data``, ``samples``, ``train`` or the only one; ``labels`` may be the
    path of another, or its name in the same group. A table is made of the datasets that ``columns`` names, in the group
    that the user names or in the whole file, or of all there if all are one-dimensional and of one length.
    """
    import h5py

    with explain_read_errors(source, "hdf5"), h5py.File(source.path, "r") as file:
        content = _content(file)
        known = [*content.names, *content.inside]
        key = (source.key or "").strip("/")
        if key and key not in known and not any(name.startswith(f"{key}/") for name in content.names):
            _refuse_links(source, file, key)
            key = choose_key(source, known, known)
        if not key and not known and content.links:
            raise _refused(source, content.links[0], "is a link to another file")
        if key in known:
            return _read_key(source, file, content, key, columns, labels, max_bytes)
        return _read_group(source, file, content, f"{key}/" if key else "", columns, labels, max_bytes)


def _read_group(
    source: Source, file: Any, content: _Content, group: str, columns: Sequence[str], labels: str | None, max_bytes: int
) -> Block | Table:
    """Return what lies in a group, ``events/``, or in the whole file: a table, or one dataset or data frame."""
    below = [name for name in content.names if name.startswith(group)]
    label = _path_of(labels, group, content.names)
    short = [name.removeprefix(group) for name in below if name != label]
    if below and (default_name(short) is None or asks_for_arrays(columns, short)):
        headers = {name.removeprefix(group): _header(content, name) for name in below}
        if columns or is_table(headers):
            if label is not None and label not in below:
                headers[label] = _header(content, label)
            units = {name: _unit_of(content.datasets.get(group + name)) for name in headers}
            arrays = NamedArrays(
                headers, partial(_load_paths, source, group, max_bytes), units, grouped=True,
                layout=FileLayout(key=group.strip("/")),
            )  # fmt: skip
            return join(source, arrays, columns, labels, max_bytes)
    within = replace(source, key=None)
    key = group + choose_key(within, short, [name.removeprefix(group) for name in below], group)
    return _read_key(source, file, content, key, columns, labels, max_bytes)


def _read_key(
    source: Source, file: Any, content: _Content, key: str, columns: Sequence[str], labels: str | None, max_bytes: int
) -> Block | Table:
    """Return what lies at one path."""
    if key in content.frames:
        return _frame(source, file[key], columns, labels, max_bytes)
    node = content.datasets[f"{key}/table" if key in content.tables else key]
    if node.dtype.names is not None:
        return _compound(source, node, columns, labels, max_bytes)
    label = _path_of(labels, key.rpartition("/")[0] + "/", list(content.datasets))
    values = _load(source, node, max_bytes)
    side = None if label is None else _load(source, content.datasets[label], max_bytes, True)
    return Block(values, labels=side, layout=FileLayout(key=key))


def _unit_of(node: Any, names: Sequence[str] = ("unit", "units")) -> str:
    """Return the unit that an attribute of a dataset names, and nothing where none does."""
    found = next((node.attrs[name] for name in names if node is not None and name in node.attrs), "")
    return printable(found.decode(errors="replace") if isinstance(found, bytes) else found)


def _content(file: Any) -> _Content:
    import h5py

    datasets: dict[str, Any] = {}
    links: list[str] = []
    file.visititems(lambda name, node: datasets.update({name: node}) if isinstance(node, h5py.Dataset) else None)
    file.visititems_links(lambda name, link: links.append(name) if isinstance(link, h5py.ExternalLink) else None)
    datasets = {name: datasets[name] for name in _in_order(file, list(datasets))}
    frames = sorted({name.rpartition("/")[0] for name in datasets if name.endswith("/block0_values")})
    tables = sorted(
        group
        for group in {name.rpartition("/")[0] for name in datasets if name.endswith("/table")}
        if "pandas_type" in file[group].attrs and datasets[f"{group}/table"].dtype.names
    )
    inside = frozenset(name for name in datasets if any(name.startswith(f"{g}/") for g in (*frames, *tables)))
    return _Content(datasets, frames, tables, inside, links)


def _in_order(file: Any, names: Sequence[str]) -> list[str]:
    """Return the paths in the order in which their groups list them: that of creation in files that keep it."""
    from pathlib import PurePosixPath

    parts = {name: PurePosixPath(name).parts for name in names}
    parents = {"/".join(each[:i]) for each in parts.values() for i in range(len(each))}
    place = {(parent, child): i for parent in parents for i, child in enumerate(file[parent or "/"])}
    return sorted(
        names, key=lambda name: [place["/".join(parts[name][:i]), part] for i, part in enumerate(parts[name])]
    )


def _path_of(labels: str | None, group: str, names: Sequence[str]) -> str | None:
    """Return the path of the dataset that --labels names, in this group or in the file, None if it names none."""
    if labels is None:
        return None
    name = labels.strip("/")
    return next((path for path in (group.removeprefix("/") + name, name) if path in names), None)


def _header(content: _Content, name: str) -> Header:
    node = content.datasets.get(name)
    if node is None:
        return Header((), "is a data frame: name it alone, after a colon")
    if node.dtype.names is not None:
        return Header(node.shape or (), "holds named fields: name it alone, after a colon")
    return Header(node.shape or (), OBJECTS if node.dtype.hasobject and not _is_text(node.dtype) else "")


def _is_text(dtype: Any) -> bool:
    import h5py

    return h5py.check_string_dtype(dtype) is not None


def _load_paths(source: Source, group: str, max_bytes: int, names: Sequence[str]) -> list[Array]:
    import h5py

    with explain_read_errors(source, "hdf5"), h5py.File(source.path, "r") as file:
        nodes = [file[group + name if group + name in file else name] for name in names]
        return [_load(source, node, max_bytes, text=True) for node in nodes]


def _load(source: Source, node: Any, max_bytes: int, text: bool = False) -> Array:
    """Return a dataset; raises DataError, before loading, for one that is too large or lies in another file."""
    import numpy as np

    _check_own(source, node)
    is_text = text and node.shape is not None and _is_text(node.dtype)
    if node.shape is None or (node.dtype.hasobject and not is_text):
        content = "nothing" if node.shape is None else "text or objects"
        raise source.error(f"{quote(node.name)} holds {content}, expected numbers")
    source.check_size(math.prod(node.shape) * node.dtype.itemsize, max_bytes, f"{quote(node.name)} {node.shape} takes")
    return np.asarray(node.asstr(errors="replace")[()] if is_text else node[()])


def _check_own(source: Source, node: Any) -> None:
    """Raise DataError for a dataset whose numbers lie in another file."""
    if node.is_virtual:
        raise _refused(source, node.name, "is a virtual dataset, made of others")
    if node.external:
        raise _refused(source, node.name, "has external storage, in another file")


def _refused(source: Source, name: str, reason: str) -> Exception:
    return source.error(f"{quote(name)} {reason}: other files are never read; copy the numbers into one file")


def _refuse_links(source: Source, file: Any, key: str) -> None:
    """Raise DataError if a link on the way to ``key`` leads elsewhere."""
    import h5py

    parts = key.split("/")
    for i in range(1, len(parts) + 1):
        path = "/".join(parts[:i])
        link = file.get(path, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise _refused(source, path, "is a link to another file")
        if isinstance(link, h5py.SoftLink):
            raise source.error(f"{quote(path)} is a link to {quote(link.path)}: name that")
        if link is None:
            return


def _compound(source: Source, node: Any, columns: Sequence[str], labels: str | None, max_bytes: int) -> Table:
    """Return the fields of a compound dataset (n,), of which only the requested ones are read."""
    _check_own(source, node)
    if len(node.shape) != 1:
        raise source.error(f"{quote(node.name)} has named fields and the shape {node.shape}, expected one dimension")
    dtype, path = node.dtype, node.name
    if packed := [name for name in dtype.names if name.startswith("values_block_")]:
        raise source.error(
            f"{quote(path)} is in the format 'table' of pandas, with the columns of one type packed into "
            f"{quote(packed[0])} and their names into a pickle; write it with df.to_parquet(path) or "
            'df.to_hdf(path, key="df", format="fixed")'
        )
    headers = headers_of_fields(dtype, len(node))
    layout = FileLayout(key=path.strip("/"), joined=True)
    if path.endswith("/table") and "pandas_type" in node.parent.attrs:
        headers.pop("index", None)
        layout = FileLayout(key=path.removesuffix("/table").strip("/"))
    units = {name: _unit_of(node, (field_unit(i),)) for i, name in enumerate(dtype.names)}
    for name, header in headers.items():
        if dtype[name].hasobject and not _is_text(dtype[name]) and not header.defect:
            headers[name] = Header(header.shape, OBJECTS)

    def load(names: Sequence[str]) -> list[Array]:
        import h5py

        with explain_read_errors(source, "hdf5"), h5py.File(source.path, "r") as file:
            dataset = file[path]
            size = len(dataset) * sum(dtype[name].itemsize for name in names)
            source.check_size(size, max_bytes, f"{len(names)} fields of {quote(path)} take")
            rows = dataset.fields(list(names))[()]
            return [_text_of(rows[name]) for name in names]

    return join(source, NamedArrays(headers, load, units, layout=layout), columns, labels, max_bytes)


def field_unit(index: int) -> str:
    """Return the name of the attribute that has the unit of a field, by the convention of HDF5's tables."""
    return f"FIELD_{index}_UNITS"


def _text_of(values: Array) -> Array:
    """Return text that HDF5 keeps as bytes as str."""
    import numpy as np

    if values.dtype.kind != "O":
        return decoded(values)
    return np.array([v.decode(errors="replace") if isinstance(v, bytes) else v for v in values], dtype=object)


def _frame(source: Source, group: Any, columns: Sequence[str], labels: str | None, max_bytes: int) -> Table:
    """Return the columns of a data frame in the format fixed, in which pandas has one block for each type."""
    homes: dict[str, tuple[str, int]] = {}  # column -> its block, and its place in it
    headers: dict[str, Header] = {}
    for i in range(len(group)):
        if f"block{i}_values" not in group:
            break
        if f"block{i}_items" not in group:
            raise source.error(
                f"{quote(group.name)} is a data frame with columns of several levels; write it as parquet"
            )
        values = group[f"block{i}_values"]  # (n, columns of this type); text is one pickle
        pickled = "is text that pandas pickled, which is never opened" if values.dtype.hasobject else ""
        for j, item in enumerate(_load(source, group[f"block{i}_items"], max_bytes, text=True)):
            name = item.decode(errors="replace") if isinstance(item, bytes) else str(item)
            homes[name] = (f"{group.name}/block{i}_values", j)
            headers[name] = Header(values.shape[:1], pickled)

    def load(names: Sequence[str]) -> list[Array]:
        import h5py

        with explain_read_errors(source, "hdf5"), h5py.File(source.path, "r") as file:
            blocks = {path: _block(source, file[path], max_bytes) for path in {homes[name][0] for name in names}}
            return [blocks[path][:, j] for path, j in map(homes.__getitem__, names)]

    layout = FileLayout(key=group.name.strip("/"))
    return join(source, NamedArrays(headers, load, layout=layout), columns, labels, max_bytes)


def _block(source: Source, node: Any, max_bytes: int) -> Array:
    """Return a block of a data frame, dates as such: pandas stores them as integers and their type beside them."""
    values = _load(source, node, max_bytes)
    kind = node.attrs.get("value_type", "") if values.dtype.kind == "i" else ""
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    return values.view("M8[ns]") if kind.startswith("datetime64") else values
