"""What is asked of a benchmark, checked before anything is installed: the sides, and what of them is tracked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from genbench.benching.baseline import Stored, read_stored
from genbench.benching.checkouts import TREE, Source, find_run, find_source
from genbench.benching.measure import QUICK, Effort
from genbench.errors import UnknownName
from genbench.registry.selection import select

__all__ = ["QUICK_SELECTION", "BenchRequest", "chosen"]

# of genbench's own quantities; those of a plugin are all measured
QUICK_SELECTION = "start/*,registry,plan,record/*,table,metric/energy,model/vae/*"


@dataclass(frozen=True)
class BenchRequest:
    """What is compared: a base, ``against``, and a head, which is a git ref, a wheel or the working tree.

    A base is a git ref, a wheel, a run of cells (the commit that made it) or a file that ``save`` wrote.

    ``select`` takes names and globs of quantities, with exclusions. ``quick`` takes less of everything. ``pairs`` are
    the values a side at first, and at least as many where something is measured again.
    """

    against: str | None = None
    head: str = TREE
    project: Path = Path()
    select: str = ""
    quick: bool = False
    pairs: int = Effort.pairs

    @property
    def effort(self) -> Effort:
        """How much is measured."""
        effort = QUICK if self.quick else Effort()
        return replace(effort, pairs=self.pairs, again=max(self.pairs, effort.again))

    def base(self) -> Source | Stored | None:
        """Return what is compared with, None where nothing is; raises UserError."""
        if self.against is None:
            return None
        path = Path(self.against)
        if path.is_file() and path.suffix == ".json":
            return read_stored(path)
        if (path / "run.json").is_file():
            return find_run(path, self.project)
        return find_source(self.against, self.project)

    def head_source(self) -> Source:
        """Return what is measured; raises UserError."""
        return find_source(self.head, self.project)


def chosen(request: BenchRequest, distribution: str, found: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the names of the quantities that are measured, out of those ``found`` on each side.

    By default they are those of the distribution, and the start of ``genbench list``, which every plugin slows down.
    """
    known = {name: provider for side in reversed(found) for name, provider in side.items()}
    default = [name for name, provider in known.items() if provider == distribution or name == "start/list"]
    if request.select or (request.quick and distribution == "genbench"):
        text = request.select or QUICK_SELECTION
        names = {name: name for name in (known if request.select else default)}
        return [choice.name for choice in select(text, names, lambda name: _known(name, names))]
    return default


def _known(name: str, names: Mapping[str, str]) -> str:
    if name not in names:
        raise UnknownName("tracked quantity", name, names)
    return name
