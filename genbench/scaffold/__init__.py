"""Write a plugin package that works at once, from templates, for ``genbench new``."""

from __future__ import annotations

import builtins
import datetime
import json
import keyword
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from genbench.errors import UserError
from genbench.spec import NAME
from genbench.version import __version__

__all__ = ["KINDS", "RUN_OPTIONS", "Names", "write_package"]

RUN_OPTIONS = {  # of genbench run, by which a plugin of each kind is first tried
    "model": "-m {} -d moons",
    "dataset": "-m kde -d {}",
    "metric": "-m kde -d moons --metrics {}",
    "space": "-m kde -d moons --metrics frechet@{}",
    "suite": "--suite {}",
}
KINDS = tuple(RUN_OPTIONS)
TEMPLATE_NAMES = {  # names that the templates import or define
    *("Array", "Column", "Data", "Evidence", "Score", "Sizes", "Tensor"),
    *("Coupling", "Mapping", "Published", "TYPE_CHECKING", "ks_2samp", "math", "nn", "np", "torch"),
}
RESERVED_NAMES = {*keyword.kwlist, *dir(builtins), *TEMPLATE_NAMES}  # a class or function of such a name would not work


@dataclass(frozen=True)
class Names:
    """The name of a new plugin, and the names of its package, distribution, class and function."""

    name: str

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or not self.words:
            raise UserError(f"{self.name!r} is not a plugin name: it must match {NAME.pattern} and contain a letter")

    @property
    def words(self) -> list[str]:
        """Its runs of letters and digits; empty if there is no letter."""
        words = re.findall(r"[A-Za-z0-9]+", self.name.removeprefix("genbench-").removeprefix("genbench_"))
        return words if any(c.isalpha() for word in words for c in word) else []

    @property
    def plugin(self) -> str:
        """The name for ``-m``, ``-d``, ``--metrics`` or ``--suite``, without the prefix ``genbench-``."""
        return self.name.removeprefix("genbench-").removeprefix("genbench_")

    @property
    def package(self) -> str:
        """The name of the module, an identifier."""
        return "genbench_" + "_".join(word.lower() for word in self.words)

    @property
    def distribution(self) -> str:
        """The name for pip."""
        return self.package.replace("_", "-")

    @property
    def cls(self) -> str:
        """The name of the class."""
        joined = "".join(word[0].upper() + word[1:] for word in self.words)
        return joined if joined[0].isalpha() and joined not in RESERVED_NAMES else f"The{joined}"

    @property
    def function(self) -> str:
        """The name of the function of a metric, and of the entry point."""
        joined = "_".join(word.lower() for word in self.words)
        return joined if joined[0].isalpha() and joined not in RESERVED_NAMES else f"the_{joined}"


def write_package(kind: str, name: str, folder: Path) -> list[Path]:
    """Write a package that provides one ``kind`` into ``folder / name``, and return its files.

    Raises UserError if the name is invalid or reserved, or if the folder exists and is not empty.
    """
    names = Names(name)
    if names.plugin == "all" or (kind, names.plugin) == ("model", "real"):
        meaning = "selects everything" if names.plugin == "all" else "is the row of fresh real data"
        raise UserError(f"{names.plugin!r} cannot be the name of a {kind}: it {meaning}; choose another")
    target = folder / name
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(
            f"{target}: exists already and is not empty; choose another name, or another folder with --into"
        )
    values = _template_values(kind, names)
    texts = {
        path_in_package: _render(text, values)
        for part in ("common", kind)
        for path_in_package, text in _templates(part)
    }
    written = []
    try:
        for path_in_package, text in sorted(texts.items()):
            path = target / path_in_package.replace("PACKAGE", names.package)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise UserError(f"{target}: cannot be written ({error.strerror}); choose another folder with --into") from None
    return written


def _template_values(kind: str, names: Names) -> Mapping[str, str]:
    author = _author()
    major, minor = (int(part) for part in __version__.split(".")[:2])
    next_version = f"{major}.{minor + 1}" if major == 0 else f"{major + 1}.0"
    return {
        "kind": kind,
        "name": names.plugin,
        "package": names.package,
        "distribution": names.distribution,
        "cls": names.cls,
        "function": names.function,
        "requirement": f"genbench>={major}.{minor},<{next_version}",
        "run_options": RUN_OPTIONS[kind].format(names.plugin),
        "title": "feature space" if kind == "space" else kind,
        "author": author,
        "author_text": json.dumps(author, ensure_ascii=False),  # a basic string of TOML is one of JSON
        "year": str(datetime.datetime.now(datetime.UTC).year),
    }


def _author() -> str:
    """Return the name that git has for the user, or the authors of the package where it has none."""
    program = shutil.which("git")
    if program is None:
        return "The authors"
    done = subprocess.run([program, "config", "user.name"], capture_output=True, text=True, check=False)  # noqa: S603 (git)
    return "".join(c for c in done.stdout.strip() if c.isprintable()) or "The authors"


def _render(text: str, values: Mapping[str, str]) -> str:
    import jinja2

    # << >>, because Python and workflows have braces of their own
    environment = jinja2.Environment(
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (the output is Python and TOML, not HTML)
    )
    return environment.from_string(text).render(values)


def _templates(part: str) -> Iterator[tuple[str, str]]:
    """Yield the path in the package and the text of each template."""
    root = Path(__file__).parent / "templates" / part
    for path in root.rglob("*.jinja"):
        name = path.relative_to(root).as_posix()
        yield name.removesuffix(".jinja").replace("DOT", "."), path.read_text(encoding="utf-8")
