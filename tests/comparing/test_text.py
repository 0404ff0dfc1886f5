"""A comparison as text: the worst first, foreign text as it is, many rows counted."""

from dataclasses import replace

from comparisons import example

from genbench.comparing import Comparison, render


def test_markdown_says_the_worst_first_and_shows_foreign_text_as_it_is():
    text = render(example(), "markdown")
    assert text.splitlines()[0].startswith("### Regressed: vae x ring, energy")
    assert "<b>" not in text.replace("<details>", "").replace("<summary>", "").replace("\\<b\\>", "")
    assert r"a\|b" in text
    assert "<details><summary>1 inconclusive" in text


def test_many_rows_are_counted_unless_all_are_asked_for():
    many = Comparison(tuple(replace(example().verdicts[0], subject=f"cell {i}") for i in range(50)))
    short, full = (render(many, "rich", full=full) for full in (False, True))
    assert "30 more regressed" in short
    assert "cell 49" not in short
    assert "cell 49" in full
