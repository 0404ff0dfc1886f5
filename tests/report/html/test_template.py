"""The filters of the template."""

from synthetic import EVIL

from genbench.report.html.template import breakable, code_spans, template


def test_a_long_name_may_be_broken_behind_its_marks_but_not_before_its_arrow() -> None:
    assert breakable("number_of_children ↓") == "number_<wbr>of_<wbr>children\u00a0↓"
    assert breakable("frechet@pca") == "frechet@<wbr>pca"
    assert breakable("vae[latent=2,beta=1]") == "vae[latent=<wbr>2,<wbr>beta=<wbr>1]"
    assert breakable("kde") == "kde"


def test_names_in_a_sentence_are_code() -> None:
    assert code_spans("Take `kde`: `ddpm` is slower.") == "Take <code>kde</code>: <code>ddpm</code> is slower."
    assert code_spans("a ` alone") == "a ` alone"


def test_text_of_strangers_stays_text() -> None:
    for shown in (breakable(EVIL), code_spans(f"`{EVIL}` {EVIL}")):
        assert not [tag for tag in ("<script", "<img", "</style") if tag in shown]


def test_whatever_is_put_into_a_template_is_escaped() -> None:
    shown = template().environment.from_string("<p>{{ text }}</p>").render(text=EVIL)
    assert shown.startswith("<p>")
    assert not [mark for mark in ('"', "<script", "<img", "</style") if mark in shown]
