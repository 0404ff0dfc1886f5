"""The logs of cells in a report."""

from genbench.record.store import cell_folder
from genbench.report.html.cells import log_of


def test_a_log_is_cut_and_moves_no_cursor(tmp_path) -> None:
    folder = cell_folder(tmp_path, "abc")
    folder.mkdir(parents=True)
    assert log_of(tmp_path, "abc") == ("", False)
    (folder / "log.txt").write_bytes(b"\x1b[31mred\x1b[0m \x1b]0;title\x07\xff\x00 end\r\n")
    assert log_of(tmp_path, "abc") == ("red � end", False)
    (folder / "log.txt").write_text("start " + "x" * 10**6 + " end")
    text, cut = log_of(tmp_path, "abc")
    assert cut
    assert text.endswith(" end")
    assert len(text) <= 4000
