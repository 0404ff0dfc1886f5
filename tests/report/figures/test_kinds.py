"""The kinds of figures: listed without what draws them."""

import subprocess
import sys

import pytest

from genbench.report.figures.kinds import FIGURES


@pytest.mark.parametrize("name", FIGURES)
def test_each_kind_names_a_function_that_is_there(name: str) -> None:
    assert FIGURES[name].function.__module__ == f"genbench.report.figures.{FIGURES[name].target.partition(':')[0]}"


def test_the_names_are_listed_without_what_draws_them() -> None:
    code = "import sys; from genbench.cli.main import main; main(['plot', '--list']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "equivalent  " in done.stdout
    assert not {"matplotlib", "pandas", "scipy.stats", "torch"} & set(done.stdout.splitlines()[-1].split())
