"""Tables in Markdown."""

import re

from tabled import RECORDS

from genbench.report import render
from genbench.report.text import markdown_text


def cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_markdown_is_a_github_table_for_each_dataset():
    text = render(RECORDS, "markdown")
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 2
    for table in tables:
        assert len({len(cells(line)) for line in table}) == 1
    ring = {cells(line)[0]: cells(line)[1:] for line in tables[0]}
    assert ring["wgan_gp"] == ["1", "**1.0 [0.006, 2.0]**"]
    assert ring["vae"] == ["3", "diverged"]
    assert list(ring)[-1] == "*real*"
    assert "### ring" in text
    assert "**bold** no other is significantly better" in text


def test_markdown_shows_foreign_text_as_it_is():
    assert markdown_text("a|b `c` *d* _e_ f_g <h> [i](j) vae[latent=2]") == (
        r"a\|b \`c\` \*d\* \_e\_ f_g \<h\> [i]\(j) vae[latent=2]"
    )
