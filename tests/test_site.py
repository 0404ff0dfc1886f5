"""The site is built without a warning, and has a page for each command, plugin and file that it promises."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

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


@pytest.fixture(scope="module")
def screenshots() -> ModuleType:
    spec = importlib.util.spec_from_file_location("screenshots", ROOT / "docs" / "site" / "screenshots.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["screenshots"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pictures_of_the_report_are_small_and_all_shown(screenshots: ModuleType) -> None:
    page = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
    pictures = {path.name: path for path in (ROOT / "docs" / "pictures").iterdir()}
    assert set(pictures) == {shot.name for shot in screenshots.SHOTS}
    assert [name for name in pictures if f"](pictures/{name})" not in page] == []
    assert sum(path.stat().st_size for path in pictures.values()) < 1_000_000
    for shot in screenshots.SHOTS:
        with Image.open(pictures[shot.name]) as image:
            assert image.size == (shot.width, shot.height - shot.top), shot.name


def test_a_picture_is_cut_and_gets_a_palette(screenshots: ModuleType, tmp_path: Path) -> None:
    pixels = np.zeros((40, 30, 3), np.uint8)
    pixels[10:] = (10, 200, 30)
    Image.fromarray(pixels).save(tmp_path / "taken.png")
    screenshots.compress(tmp_path / "taken.png", tmp_path / "kept.png", top=10)
    with Image.open(tmp_path / "kept.png") as image:
        assert (image.mode, image.size) == ("P", (30, 30))
        assert image.convert("RGB").getpixel((0, 0)) == (10, 200, 30)


def test_the_browser_gets_the_window_the_scheme_and_a_profile_of_its_own(screenshots: ModuleType) -> None:
    shot = screenshots.Shot("x.png", 0, 500, 900, dark=True)
    command = screenshots.command(shot, "chromium", ROOT / "page.html", "/profile", Path("x.png"))
    assert {"--window-size=500,900", "--user-data-dir=/profile", "--screenshot=x.png", *screenshots.DARK} <= set(
        command
    )
    assert command[-1] == (ROOT / "page.html").as_uri()


def test_pages_that_are_missing_are_named(
    screenshots: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screenshots.shutil, "which", lambda name: f"/bin/{name}")
    assert screenshots.main(["nowhere.html"]) == 2
    assert "three pages that exist (a report, one with samples, the site), got: nowhere.html" in capsys.readouterr().out
    monkeypatch.setattr(screenshots.shutil, "which", lambda _: None)
    assert screenshots.main([]) == 2
    assert "no browser on the PATH" in capsys.readouterr().out
