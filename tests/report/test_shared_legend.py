"""The legend of several tables stands once."""

from synthetic import record, score, seeds

from genbench.report import render, views_of
from genbench.report.shared_legend import legend_once
from genbench.report.view import view_of
from genbench.table.summary import summarise


def test_the_last_table_explains_what_all_show():
    records = [*seeds("a", [1.0, 2.0]), *seeds("real", [0.1, 0.2]), *seeds("a", [1.0, 2.0], dataset="moons")]
    text = render(records)
    for line in ("lower is better", "95 % interval of the mean over 2 seeds", "distance of the whole distributions"):
        assert text.count(line) == 1
        assert text.index(line) > text.index("moons  ")
    assert "real: fresh real rows" in text[text.index("moons  ") :], "explained though it is in the first only"


def test_what_concerns_one_table_stays_with_it():
    ring = [*seeds("a", [1.0, 2.0, 3.0]), *seeds("b", [1.0, 2.0, 3.0])]
    scores = [[score("energy", 1.0), score("coverage", 0.5)]] * 2
    moons = [record(m, s, scores[s], dataset="moons") for m in "ab" for s in range(2)]
    first, second = views_of([*ring, *moons])
    assert [line for line in first.legend if line.startswith("rank:")] != []
    assert any("over 3 seeds" in line for line in first.legend), "the other table says 2 seeds"
    assert any("over 2 seeds" in line for line in second.legend)
    assert not any("is better" in line and line[0] in "↓↑" for line in first.legend)


def test_one_table_keeps_its_legend():
    views = [view_of(each) for each in summarise(seeds("a", [1.0, 2.0]))]
    assert legend_once(views) == views
