"""The pictures of a report."""

import re

import numpy as np
import pytest
from pages import page_of

from genbench.report.html.pictures import _shorten_path, svg_data_uri


def test_pictures_know_the_scheme_of_the_page() -> None:
    from matplotlib.figure import Figure

    from genbench.report.figures.style import TEXT_COLOUR

    figure = Figure(figsize=(2, 1))
    figure.text(0.5, 0.5, "0.123456", color=TEXT_COLOUR)
    source, width, height = svg_data_uri(figure)
    assert (width, height) == (268, 134)
    assert source.startswith("data:image/svg+xml,%3Csvg")
    assert not set(source) & set("\"'<>&\n")
    assert "prefers-color-scheme:dark" in source
    assert "0.123456" in source, "numbers that are read are not rounded"


def test_paths_are_shortened_to_the_same_lines() -> None:
    straight = "M 10.04 20 \nL 13.26 24.2 \nL 1 1 \nz\nM 5 5 \nz\nM 6 6 \nL 7 6.06 \n"
    assert _shorten_path(straight) == "M10 20l3.3 4.2 -12.3 -23.2zM5 5zM6 6l1 0.1"
    curved = "M 1 2 \nC 3 4 5 6 7 8 \n"
    assert _shorten_path(curved) == curved


def test_samples_of_a_real_run_stand_beside_its_data(real_run) -> None:
    page = page_of(real_run / "run", plugin_files=[real_run / "dots.py"])
    alts = [attrs["alt"] for attrs in page.of("img")]
    assert any(alt.startswith("Samples, dots") for alt in alts)
    assert any(alt.startswith("Marginals, dots") for alt in alts)
    assert "good[rate=0.5]" in page.text
    assert "no samples to show" not in page.text
    assert "could not be drawn" not in page.text


def test_a_dataset_whose_plugin_is_gone_is_a_line_not_a_crash(real_run) -> None:
    page = page_of(real_run / "run")
    assert re.search(r"dots: no samples to show: .*not installed", page.text)
    assert any(attrs["alt"].startswith("Training, dots") for attrs in page.of("img"))


@pytest.mark.parametrize("content", [b"", b"no zip", None])
def test_samples_that_cannot_be_read_cost_only_their_picture(real_run, content, tmp_path) -> None:
    import shutil

    run = tmp_path / "run"
    shutil.copytree(real_run / "run", run)
    for file in run.glob("cells/*/*/samples.npz"):
        if content is None:
            np.savez(file, samples=np.zeros((3, 7)))
        else:
            file.write_bytes(content)
    page = page_of(run, plugin_files=[real_run / "dots.py"])
    assert re.search("cannot be read|have shape|damaged", page.text)
