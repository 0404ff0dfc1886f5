"""Tables in LaTeX."""

import re

from synthetic import record, score, seeds
from tabled import RECORDS

from genbench.report import render
from genbench.report.latex import _cell, _digits
from genbench.report.numbers import Number
from genbench.report.text import latex_text
from genbench.report.view import ShownCell


def is_balanced(text):
    for line in text.splitlines():
        if not line.startswith("%"):
            bare = re.sub(r"\\[%&_{}$#\\]", "", line)
            assert bare.count("{") == bare.count("}")
            assert bare.count("$") % 2 == 0
            assert "%" not in bare
            assert not re.search(r"[^\x00-\u024f]", line)
    return text.count(r"\begin{table}") == text.count(r"\end{table}") == 1


def test_latex_is_ready_to_compile():
    text = render([each for each in RECORDS if each["dataset"] == "ring"], "latex")
    assert is_balanced(text)
    assert r"wgan\_gp & 1 & $\mathbf{1.0\ [0.006, 2.0]}$ \\" in text
    assert r"vae & 3 & \multicolumn{1}{l}{diverged} \\" in text
    assert text.index(r"\toprule") < text.index("wgan\\_gp & ") < text.index(r"\midrule" + "\n" + r"\textit{real}")


def test_several_datasets_are_one_table_of_models_by_datasets():
    text = render([*RECORDS, *seeds("gan", [2.0, 2.1], dataset="moons")], "latex")
    assert is_balanced(text)
    assert "energy (lower is better) of models on ring and moons; means over seeds with 95 \\% intervals" in text
    assert r" & ring & moons \\" in text
    assert re.search(r"^gan & \$9\.10\\ \[.*\$ & \$2\.0\\ \[.*\$ \\\\$", text, re.MULTILINE)
    assert r"vae & diverged &  \\" in text
    assert r"m &  & $1$ \\" in text
    assert len(re.search(r"\\caption\{(.*)\}", text)[1]) < 200


def test_columns_that_are_asked_for_are_groups_of_datasets():
    several = [
        record("a", 0, [score("energy", 1.0, low=0.9, high=1.1), score("c2st", 0.6)], dataset=dataset)
        for dataset in ("ring", "moons", "grid")
    ]
    text = render(several, "latex", metrics=["c2st", "energy"])
    assert is_balanced(text)
    assert r"\multicolumn{3}{c}{c2st $\downarrow$} & \multicolumn{3}{c}{energy $\downarrow$} \\" in text
    assert r"\cmidrule(lr){2-4}\cmidrule(lr){5-7}" in text
    assert r"a & $0.6$ & $0.6$ & $0.6$ & $1$ & $1$ & $1$ \\" in text, "six columns have no room for intervals"


def test_datasets_without_a_common_column_have_a_table_each():
    text = render([record("a", 0, [score("kl", 1.0)]), record("a", 0, [score("w1", 1.0)], dataset="moons")], "latex")
    assert text.count(r"\begin{table}") == 2


def test_only_the_marks_that_are_shown_are_explained():
    bound = [record("vae", 0, [score("nll", 1.0)], density="bound")]
    assert r"{\footnotesize $\leq$ a bound: the true value is at most this.}" in render(bound, "latex")
    assert "footnotesize" not in render(seeds("a", [1.0, 2.0]), "latex")


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
