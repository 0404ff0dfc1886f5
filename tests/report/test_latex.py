"""Tables in LaTeX."""

import re

from tabled import RECORDS

from genbench.report import render
from genbench.report.latex import _cell, _digits
from genbench.report.numbers import Number
from genbench.report.text import latex_text
from genbench.report.view import ShownCell


def test_latex_is_ready_to_compile():
    text = render(RECORDS, "latex")
    first = text.split(r"\end{table}")[0]
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 2
    assert r"wgan\_gp & 1 & $\mathbf{1.0\ [0.006, 2.0]}$ \\" in first
    assert r"vae & 3 & \multicolumn{1}{l}{diverged} \\" in first
    assert first.index(r"\toprule") < first.index("wgan\\_gp & ") < first.index(r"\midrule" + "\n" + r"\textit{real}")
    for line in text.splitlines():
        if not line.startswith("%"):
            bare = re.sub(r"\\[%&_{}$#\\]", "", line)
            assert bare.count("{") == bare.count("}")
            assert bare.count("$") % 2 == 0
            assert "%" not in bare
            assert not re.search(r"[^\x00-\u024f]", line)


def test_open_ends_and_small_numbers_are_mathematics():
    assert _digits(Number("3164", "919", "∞")) == r"3164\ [919, \infty)"
    assert _digits(Number("1.9", "-1.8", "6.3", -4)) == r"(1.9\ [-1.8, 6.3]) \times 10^{-4}"
    assert _digits(Number("51.2", exponent=3)) == r"51.2 \times 10^{3}"


def test_seeds_that_disagree_are_marked():
    cell = ShownCell(Number("1"), unstable=True, suspect=True)
    assert _cell(cell) == r"$1^{\sim!}$"


def test_latex_escapes_every_special_character():
    assert latex_text(r"\ { } & % $ # _ ~ ^") == (
        r"\textbackslash{} \{ \} \& \% \$ \# \_ \textasciitilde{} \textasciicircum{}"
    )
    assert latex_text("≤ 漢") == r"$\leq$ ?"
