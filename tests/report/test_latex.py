"""Tables in LaTeX."""

import re

from tabled import RECORDS

from genbench.report import render
from genbench.report.text import latex_text


def test_latex_is_ready_to_compile():
    text = render(RECORDS, "latex")
    first = text.split(r"\end{table}")[0]
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 2
    assert r"wgan\_gp & 1 & $\mathbf{1.00 \pm 0.23}$ \\" in first
    assert r"vae & 3 & \multicolumn{1}{l}{diverged} \\" in first
    assert first.index(r"\toprule") < first.index("wgan") < first.index(r"\midrule" + "\n" + r"\textit{real}")
    for line in text.splitlines():
        if not line.startswith("%"):
            bare = re.sub(r"\\[%&_{}$#\\]", "", line)
            assert bare.count("{") == bare.count("}")
            assert bare.count("$") % 2 == 0
            assert "%" not in bare
            assert not re.search(r"[^\x00-\u024f]", line)


def test_latex_escapes_every_special_character():
    assert latex_text(r"\ { } & % $ # _ ~ ^") == (
        r"\textbackslash{} \{ \} \& \% \$ \# \_ \textasciitilde{} \textasciicircum{}"
    )
    assert latex_text("≤ 漢") == r"$\leq$ ?"
