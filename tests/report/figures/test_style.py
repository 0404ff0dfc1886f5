"""Colours, dashes and markers."""

from equivalent_records import scored

from genbench.report.figures.draw import results_by_dataset
from genbench.report.figures.style import line_styles


def test_models_are_told_apart_in_grey_and_to_colour_blind_eyes() -> None:
    (subject,) = results_by_dataset([scored(f"m{i}") for i in range(28)] + [scored("real"), scored("memoriser")])
    shown = list(line_styles(subject.rows).values())
    assert len({(style.colour, str(style.dashes)) for style in shown}) == 30
    assert len({(style.marker, str(style.dashes)) for style in shown[:28]}) == 28
    assert [style.label for style in shown[-2:]] == ["real", "memoriser"]
