"""The pytest plugin: ``pytest --genbench NAME`` runs the checks, with or without an author's own tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--genbench`` and ``--genbench-plugin``."""
    group = parser.getgroup("genbench", "conformance of genbench plugins")
    group.addoption(
        "--genbench", action="append", default=[], metavar="NAME", help="check the plugin of this name; may be repeated"
    )
    group.addoption(
        "--genbench-plugin", action="append", default=[], metavar="FILE", help="load a plugin of one Python file, too"
    )


class Item(pytest.Item):
    """One check of one spec."""

    def __init__(self, *, run: Any, **fields: Any) -> None:
        super().__init__(**fields)
        self.run = run

    def runtest(self) -> None:
        """Run the check."""
        self.run()

    def reportinfo(self) -> tuple[Any, None, str]:
        """Return the name to show in the report."""
        return self.path, None, f"genbench: {self.name}"


class Checks(pytest.Collector):
    """The checks of all names given by ``--genbench``."""

    def collect(self) -> Iterator[Item]:
        """Yield one test per check; raises UsageError where a name is unknown."""
        from genbench.errors import GenbenchError
        from genbench.testing.interface import check_functions, subjects

        for name in self.config.getoption("genbench"):
            try:
                tests = check_functions(subjects(name, self.config.getoption("genbench_plugin")), {})
            except GenbenchError as error:
                raise pytest.UsageError(f"--genbench {name}: {error}") from None
            for label, test in tests:
                yield Item.from_parent(self, name=label, run=test)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the checks before the collected tests, early enough for ``-k`` to select among them."""
    if config.getoption("genbench"):
        collector = Checks.from_parent(session, name="genbench")
        items[:0] = list(collector.collect())
