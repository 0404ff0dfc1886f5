"""Read trees of ROOT files, TTree and RNTuple, with uproot: branches of one number or text per event."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any

from genbench.files.arrays import choose_key
from genbench.files.named_arrays import Header, NamedArrays, join
from genbench.files.source import FileLayout, Source, Table, explain_read_errors, load_library

if TYPE_CHECKING:
    from genbench.protocol import Array

TREES = ("TTree", "TNtuple", "TNtupleD", "ROOT::RNTuple")
JAGGED = "holds lists of varying length"
# the types of RNTuple that are one value per row; (n, k) is std::array<type,k>
PLAIN_TYPE = re.compile(r"bool|char|float|double|std::(byte|string|u?int(8|16|32|64)_t)")
ARRAY_TYPE = re.compile(r"std::array<(.+?),\s*(\d+)>")


def read_root(source: Source, columns: Sequence[str], labels: str | None, max_bytes: int) -> Table:
    """Return the branches of the only tree in a ROOT file, or of the one that the user names.

    Branches of a varying number of values per event, and of objects, are left out with a note. Raises DataError if
    uproot is not installed.
    """
    uproot = load_library(source, "uproot", "ROOT", "root")
    with explain_read_errors(source, "root"), source.path.open("rb") as stream:
        file = _open(uproot, stream)
        kinds = file.classnames(recursive=True, cycle=False)
        trees = [name for name, kind in kinds.items() if kind in TREES]
        key = choose_key(source, trees if len(trees) == 1 else [], trees, noun="tree")
        headers = _headers(uproot, file[key])

    def load(names: Sequence[str]) -> list[Array]:
        with explain_read_errors(source, "root"), source.path.open("rb") as stream:
            tree = _open(uproot, stream)[key]
            return [_load(tree[name]) for name in names]

    return join(source, NamedArrays(headers, load, layout=FileLayout(key=key)), columns, labels, max_bytes)


def _open(uproot: Any, stream: IO[bytes]) -> Any:
    """Open a file by its stream: of a path uproot would take a colon, or a scheme as in ``https:``, for its own."""
    return uproot.open(stream)


def _headers(uproot: Any, tree: Any) -> dict[str, Header]:
    n = int(tree.num_entries)
    if not hasattr(tree, "branches"):  # an RNTuple
        return {str(name): _header_of_type(str(tree[name].typename), n) for name in tree.keys(recursive=False)}
    leaves = [branch for branch in tree.itervalues(recursive=True) if not branch.branches]
    names = [branch.name for branch in leaves]
    keys = [b.name if names.count(b.name) == 1 else tree_path(b) for b in leaves]
    return {key: _header(uproot, branch, n) for key, branch in zip(keys, leaves, strict=True)}


def tree_path(branch: Any) -> str:
    """Return the names of a branch and of those that hold it, ``muon/pt``."""
    parent = branch.parent
    return f"{tree_path(parent)}/{branch.name}" if hasattr(parent, "interpretation") else str(branch.name)


def _header(uproot: Any, branch: Any, n: int) -> Header:
    kind = branch.interpretation
    if isinstance(kind, uproot.AsStrings):
        return Header((n,))
    if type(kind) is not uproot.AsDtype:
        return Header((n,), JAGGED if isinstance(kind, uproot.AsJagged) else "holds objects")
    if kind.to_dtype.names is not None:
        return Header((n,), "holds several leaves")
    return Header((n, *kind.to_dtype.shape))


def _header_of_type(typename: str, n: int) -> Header:
    if PLAIN_TYPE.fullmatch(typename):
        return Header((n,))
    if (parts := ARRAY_TYPE.fullmatch(typename)) and PLAIN_TYPE.fullmatch(parts[1]):
        return Header((n, int(parts[2])))
    return Header((n,), JAGGED if typename.startswith("std::vector") else f"is of the type {typename}")


def _load(branch: Any) -> Array:
    import numpy as np

    values = branch.array(library="np") if hasattr(branch, "interpretation") else branch.array()
    if not isinstance(values, np.ndarray):  # an awkward array of an RNTuple
        plain = values.to_list() if "string" in str(values.type) else values.to_numpy()
        values = np.array(plain, dtype=object) if isinstance(plain, list) else np.asarray(plain)
    found: Array = values.astype(values.dtype.newbyteorder("="), copy=False)
    return found
