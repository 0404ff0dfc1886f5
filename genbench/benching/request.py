"""The request for a benchmark: the versions to compare and the quantities to measure, checked before any install."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from genbench.benching.baseline import Baseline, read_baseline
from genbench.benching.checkouts import WORKING_TREE, VersionSource, find_source, find_source_of_run
from genbench.benching.measure import QUICK_EFFORT, Effort
from genbench.registry.selection import select_names

# out of genbench's own quantities; those of a plugin are all measured
QUICK_SELECTION = "start/*,registry,plan,record/*,table,metric/energy,model/vae/*"


@dataclass(frozen=True)
class BenchRequest:
    """The options of a benchmark: a base, ``against``, and a head, which is a git ref, a wheel or the working tree.

    A base is a git ref, a wheel, a run of cells (which names the commit that made it) or a file that ``--save`` wrote.
    ``select`` takes names and globs of quantities, with exclusions. ``quick`` measures fewer of them, each for less
    time. ``pairs`` is the number of values a side at first; a repetition takes at least as many.
    """

    against: str | None = None
    head: str = WORKING_TREE
    project: Path = Path()
    select: str = ""
    quick: bool = False
    pairs: int = Effort.pairs

    @property
    def effort(self) -> Effort:
        """How much is measured."""
        effort = QUICK_EFFORT if self.quick else Effort()
        return replace(effort, pairs=self.pairs, repeat_pairs=max(self.pairs, effort.repeat_pairs))

    def base(self) -> VersionSource | Baseline | None:
        """Return the base to compare with, None where there is none; raises UserError."""
        if self.against is None:
            return None
        path = Path(self.against)
        if path.is_file() and path.suffix == ".json":
            return read_baseline(path)
        if (path / "run.json").is_file():
            return find_source_of_run(path, self.project)
        return find_source(self.against, self.project)

    def head_source(self) -> VersionSource:
        """Return the version to measure; raises UserError."""
        return find_source(self.head, self.project)


def select_quantities(request: BenchRequest, distribution: str, found: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the names of the quantities to measure, out of those ``found`` on each side.

    By default they are those of the distribution, and the start of ``genbench list``, which every plugin affects.
    """
    known = {name: provider for side in reversed(found) for name, provider in side.items()}
    default = [name for name, provider in known.items() if provider == distribution or name == "start/list"]
    if request.select or (request.quick and distribution == "genbench"):
        names = known if request.select else default
        return select_names(request.select or QUICK_SELECTION, names, "tracked quantity")
    return default
