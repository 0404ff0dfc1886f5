"""Take the pictures of ``docs/pictures/``: of a report, of another one with samples, and of this site, by Chromium.

genbench report results/reference -o build/reference.html
genbench run -m made,nsf,ddpm,gan -d magic --preset smoke --seeds 2 --out build/magic
genbench report build/magic -o build/magic.html
mkdocs build
python docs/site/screenshots.py build/reference.html build/magic.html build/site/index.html

The report of any run will do; the second one shows figures of samples, which a repository of records does not have.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parents[1] / "pictures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
DARK = ("--force-dark-mode", "--blink-settings=preferredColorScheme=0")
TIMEOUT_S = 300
COLOURS = 200  # of a palette: a third of the bytes of full colour, and text stays sharp


@dataclass(frozen=True)
class Shot:
    """A picture: its file, which of the pages it shows, the size of the window in pixels, and how much is cut off."""

    name: str
    page: int
    width: int
    height: int
    top: int = 0  # pixels cut off above
    dark: bool = False


SHOTS = (
    Shot("report.png", 0, 1400, 1620),
    Shot("report_narrow.png", 1, 500, 1000, dark=True),
    Shot("marginals.png", 1, 1400, 1990, top=900),
    Shot("nearest.png", 1, 1400, 4540, top=3190),
    Shot("site.png", 2, 1400, 900),
)


def command(shot: Shot, browser: str, page: Path, profile: str, to: Path) -> list[str]:
    """Return the command with which the browser takes a picture of a page."""
    looks = DARK if shot.dark else ()
    window = f"--window-size={shot.width},{shot.height}"
    return [browser, *OPTIONS, *looks, f"--user-data-dir={profile}", window, f"--screenshot={to}", page.as_uri()]


def take(shot: Shot, browser: str, page: Path, folder: Path) -> Path:
    """Take a picture of a page, and return its file, a PNG with a palette."""
    to = folder / shot.name
    with tempfile.TemporaryDirectory() as profile:
        taken = Path(profile) / "taken.png"
        subprocess.run(command(shot, browser, page, profile, taken), check=True, capture_output=True, timeout=TIMEOUT_S)
        compress(taken, to, shot.top)
    return to


def compress(taken: Path, to: Path, top: int = 0) -> None:
    """Write a picture, without the pixels above ``top``, as a PNG with a palette."""
    with Image.open(taken) as image:
        kept = image.convert("RGB").crop((0, top, image.width, image.height))
        kept.quantize(COLOURS, dither=Image.Dither.NONE).save(to, optimize=True)


def main(arguments: Sequence[str]) -> int:
    """Take all pictures of the pages that are named."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print(f"no browser on the PATH: expected one of {', '.join(BROWSERS)}; apt-get install chromium")
        return 2
    pages = [Path(each).resolve() for each in arguments]
    if len(pages) != 3 or not all(page.is_file() for page in pages):
        print(f"name three pages that exist (a report, one with samples, the site), got: {' '.join(arguments)}")
        return 2
    FOLDER.mkdir(exist_ok=True)
    for shot in SHOTS:
        print(take(shot, browser, pages[shot.page], FOLDER))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
