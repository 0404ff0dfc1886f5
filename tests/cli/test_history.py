"""``genbench history``: every format, and mistakes in one line."""

import json

import pytest
from histories import write

from genbench.cli.main import main


@pytest.fixture
def runs(tmp_path):
    for day in range(1, 8):
        name = f"{'zyxwvut'[day - 1]}-run"  # the order of names is not that of time
        write(tmp_path / "runs" / name, day, [0.1, 0.2] if day < 5 else [0.3, 0.4])
    return tmp_path / "runs"


def test_the_command_prints_every_format(runs, tmp_path, capsys):
    assert main(["history", str(runs)]) == 0
    assert "worse at v-run" in " ".join(capsys.readouterr().out.split())
    assert main(["history", str(runs), "-o", str(tmp_path / "h.md")]) == 0
    assert "| vae x ring" in (tmp_path / "h.md").read_text()
    assert main(["history", str(runs), "-f", "json"]) == 0
    (series,) = json.loads(capsys.readouterr().out)
    assert series["worsened"]
    assert series["changes"][0]["at"] == 4
    assert main(["history", str(runs), "-m", "absent"]) == 2
    assert "energy" not in capsys.readouterr().out
    assert main(["history", str(tmp_path / "nowhere")]) == 2
