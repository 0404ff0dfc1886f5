"""Text of strangers, cleaned."""

from genbench.report.text import clean


def test_clean_text_is_one_short_printable_line():
    assert clean("a\tb\r\nc\x1b[31m\u202e\u200bd") == "a b c[31md"
    assert len(clean("x" * 1000)) == 300
