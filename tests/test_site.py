"""The site is built without a warning, and has a page for each command, plugin and file that it promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from genbench.cli.main import COMMANDS
from genbench.registry.registry import Registry

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(r": ([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(set(listed)) == len(listed)
    assert [path.name for path in (ROOT / "docs").glob("*.md") if path.name not in listed] == []


@pytest.mark.slow
def test_every_command_and_plugin_has_its_section(site: Path) -> None:
    commands = (site / "commands" / "index.html").read_text(encoding="utf-8")
    assert all(f'id="{name}"' in commands for name in COMMANDS)
    installed = (site / "installed" / "index.html").read_text(encoding="utf-8")
    registry = Registry.discover()
    names = [e.spec.name for kind in ("model", "dataset", "metric") for e in registry.entries(kind)]
    assert [name for name in names if f">{name}<a" not in installed] == []


@pytest.mark.slow
def test_links_between_files_of_the_repository_are_links_between_pages(site: Path) -> None:
    start = (site / "index.html").read_text(encoding="utf-8")
    assert 'href="reading_tables/"' in start
    assert 'href="plugins/"' in start
    assert 'src="samples.png"' in start
    assert (site / "samples.png").stat().st_size > 10_000
    assert ".md)" not in start


@pytest.mark.slow
def test_no_page_asks_another_machine_for_anything(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert 'src="http' not in text, page
        assert "fonts.googleapis" not in text, page
