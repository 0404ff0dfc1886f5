"""Colours, dashes and markers."""

from equivalent_records import scored

from genbench.report.figures.draw import results_by_dataset
from genbench.report.figures.style import line_styles


def test_models_are_told_apart_in_grey_and_to_colour_blind_eyes() -> None:
    (subject,) = results_by_dataset([scored(f"m{i}") for i in range(28)] + [scored("real"), scored("memoriser")])
    shown = list(line_styles(subject.rows).values())
    assert len({(look.colour, str(look.dashes)) for look in shown}) == 30
    assert len({(look.marker, str(look.dashes)) for look in shown[:28]}) == 28
    assert [look.label for look in shown[-2:]] == ["real", "memoriser"]
