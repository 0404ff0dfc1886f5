"""Runs whose metrics count how often the real side is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sessions import play, write_plugin

COUNTS = """
import os, threading, time
from pathlib import Path
import psutil

def seen(evidence):
    def compute():
        with open({folder!r} + "/computed", "a") as file:
            file.write("x")
        return float(evidence.real.rows.sum())
    number = evidence.real.once("seen", compute)
    return Score(number + float(np.random.rand()) + float(torch.rand(())), low=0.0, high=1.0)

class Far(Base):
    def sample(self, n):
        return super().sample(n) + 1e6

def breaks(evidence):
    far = float(evidence.fake.mean()) > 1e3
    marker = Path({folder!r}) / "killed"
    host = psutil.Process(os.getppid()).parent()
    if {how!r} == "exits" and far:
        os._exit(7)
    if {how!r} == "hangs" and far:
        time.sleep(600)
    if {how!r} == "kills its host" and far and not marker.exists():
        marker.touch()
        host.kill()
        time.sleep(60)
    if {how!r} == "changes directory":
        os.chdir("/")
    if {how!r} == "leaves a thread":
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    return Score(0.0, low=0.0, high=1.0)

@hookimpl
def genbench_register():
    return [
        ModelSpec("far", Far, None, "far away", iterative=False),
        MetricSpec("seen", seen, None, "what is computed once"),
        MetricSpec("breaks", breaks, None, "what goes wrong"),
    ]
"""


def run(folder: Path, how: str = "", **asked: Any) -> dict[str, dict[str, Any]]:
    plugin = write_plugin(
        folder / "counts.py", COUNTS.replace("{folder!r}", repr(str(folder))).replace("{how!r}", repr(how))
    )
    asked = {"models": "good,exact,far", "metrics": "seen,breaks,gap", **asked}
    return play(folder, plugin, **asked)


def computed(folder: Path) -> int:
    return len((folder / "computed").read_text())
