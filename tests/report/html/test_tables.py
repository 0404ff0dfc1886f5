"""The tables of a report, and how they sort."""

from synthetic import record, score, seeds

from genbench.report.html.tables import leaderboard


def test_columns_sort_by_value_and_what_is_missing_comes_last() -> None:
    records = [*seeds("b", [2e-5, 2e-5]), *seeds("a", [-3e4, -3e4]), *seeds("c", [1e9, 1e9])]
    records += [record("d", i, [score("energy", None, warnings=["no"])]) for i in range(2)]
    records += [record(m, i, [score("coverage", v, better="higher")]) for m, v in (("x", 0.1), ("y", 0.9))
                for i in range(2)]  # fmt: skip
    (board,) = leaderboard(records)
    names = [heading.name for heading in board.headings]
    orders = {
        place.label: {name: field.order for name, field in zip(names, place.fields, strict=True)}
        for _, places in board.groups
        for place in places
    }
    lower = sorted("abcdxy", key=lambda label: orders[label]["energy ↓"])
    assert lower[:3] == ["a", "b", "c"]
    assert [orders["y"]["coverage ↑"] > orders["x"]["coverage ↑"] > orders[label]["coverage ↑"] for label in "abcd"]
    assert [heading.largest_first for heading in board.headings] == [name.endswith("↑") for name in names]
