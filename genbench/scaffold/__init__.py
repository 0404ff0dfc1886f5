"""``genbench new``: writes a plugin package that works at once, from templates of real files."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from genbench.errors import UserError
from genbench.spec import NAME
from genbench.version import __version__

__all__ = ["KINDS", "Names", "write_package"]

KINDS = ("model", "dataset", "metric")
IMPORTED = {
    *("Array", "Column", "Data", "Evidence", "Score", "Sizes", "Tensor"),
    *("Coupling", "ks_2samp", "math", "nn", "np", "torch"),
}
TAKEN = {*keyword.kwlist, *dir(builtins), *IMPORTED}  # what a class or function of this name would break or hide


@dataclass(frozen=True)
class Names:
    """What a new plugin is called: its name, and what follows from it."""

    name: str

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or not self.words:
            raise UserError(f"{self.name!r} is no name of a plugin: it must match {NAME.pattern}, with a letter in it")

    @property
    def words(self) -> list[str]:
        """Its letters and digits, cut at everything else; empty where there is no letter."""
        words = re.findall(r"[A-Za-z0-9]+", self.name.removeprefix("genbench-").removeprefix("genbench_"))
        return words if any(c.isalpha() for word in words for c in word) else []

    @property
    def plugin(self) -> str:
        """The name as it is typed after ``-m``, ``-d`` or ``--metrics``: without the prefix of a distribution."""
        return self.name.removeprefix("genbench-").removeprefix("genbench_")

    @property
    def package(self) -> str:
        """The module: an identifier."""
        return "genbench_" + "_".join(word.lower() for word in self.words)

    @property
    def distribution(self) -> str:
        """What pip calls it."""
        return self.package.replace("_", "-")

    @property
    def cls(self) -> str:
        """The class."""
        joined = "".join(word[0].upper() + word[1:] for word in self.words)
        return joined if joined[0].isalpha() and joined not in TAKEN else f"The{joined}"

    @property
    def function(self) -> str:
        """The function of a metric, and of its test."""
        joined = "_".join(word.lower() for word in self.words)
        return joined if joined[0].isalpha() and joined not in TAKEN else f"the_{joined}"


def write_package(kind: str, name: str, folder: Path) -> list[Path]:
    """Write a package that provides one ``kind`` into ``folder / name``, and return its files.

    Raises UserError where the name is none or stands for something else, or the folder holds something already.
    """
    names = Names(name)
    if names.plugin == "all" or (kind, names.plugin) == ("model", "real"):
        meaning = "selects everything" if names.plugin == "all" else "is the row of fresh real data"
        raise UserError(f"{names.plugin!r} is no name of a {kind}: it {meaning}; choose another")
    target = folder / name
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(
            f"{target}: exists already and is not empty; choose another name, or another folder with --into"
        )
    known = _known(kind, names)
    texts = {where: _rendered(text, known) for part in ("common", kind) for where, text in _templates(part)}
    written = []
    try:
        for where, text in sorted(texts.items()):
            path = target / where.replace("PACKAGE", names.package)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise UserError(f"{target}: cannot be written ({error.strerror}); choose another folder with --into") from None
    return written


def _known(kind: str, names: Names) -> Mapping[str, str]:
    major, minor = (int(part) for part in __version__.split(".")[:2])
    following = f"{major}.{minor + 1}" if major == 0 else f"{major + 1}.0"
    return {
        "kind": kind,
        "name": names.plugin,
        "package": names.package,
        "distribution": names.distribution,
        "cls": names.cls,
        "function": names.function,
        "requirement": f"genbench>={major}.{minor},<{following}",
        "flag": {"model": "-m", "dataset": "-d", "metric": "--metrics"}[kind],
    }


def _rendered(text: str, known: Mapping[str, str]) -> str:
    import jinja2

    # << >>, for braces stand in Python and in workflows already
    environment = jinja2.Environment(
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (Python and TOML, no HTML)
    )
    return environment.from_string(text).render(known)


def _templates(part: str) -> Iterator[tuple[str, str]]:
    """Yield the path in the package, and the text, of each template."""
    root = files("genbench.scaffold") / "templates" / part

    def below(folder: Traversable, where: str) -> Iterator[tuple[str, str]]:
        for entry in folder.iterdir():
            path = f"{where}{entry.name}"
            if entry.is_dir():
                yield from below(entry, f"{path}/")
            elif entry.name.endswith(".jinja"):
                yield path.removesuffix(".jinja").replace("DOT", "."), entry.read_text(encoding="utf-8")

    yield from below(root, "")
