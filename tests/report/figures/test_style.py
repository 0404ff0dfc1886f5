"""Colours, dashes and markers."""

from equivalent_records import scored

from genbench.registry.registry import Registry
from genbench.report.figures.draw import results_by_dataset
from genbench.report.figures.style import MAX_LOOKS, line_styles, looks_of, percent

PEERS = ("sklearn_gmm", "sklearn_kde", "zuko_maf", "zuko_nsf", "torchcfm", "normflows_nsf", "pythae_vae")


def test_models_are_told_apart_in_grey_and_to_colour_blind_eyes() -> None:
    (subject,) = results_by_dataset([scored(f"m{i}") for i in range(MAX_LOOKS)] + [scored("real"), scored("memoriser")])
    found = line_styles(subject.rows)
    shown = [found[f"m{i}"] for i in range(MAX_LOOKS)]
    assert len({(style.colour, str(style.dashes)) for style in found.values()}) == MAX_LOOKS + 2
    assert len({(style.marker, str(style.dashes)) for style in shown}) == MAX_LOOKS
    assert len({(style.marker, style.colour) for style in shown}) == MAX_LOOKS
    assert [style.label for style in list(found.values())[-2:]] == ["real", "memoriser"]


def test_a_model_has_the_same_look_whatever_stands_beside_it() -> None:
    specs = [entry.spec for entry in Registry.discover().entries("model")]
    names = [*{*(spec.name for spec in specs if spec.name not in ("gaussian", "memoriser")), *PEERS}]
    looks = looks_of(names)
    assert len(set(looks.values())) == len(names), "those of genbench have looks of their own"
    assert {name: looks_of([name])[name] for name in names} == looks
    some = looks_of(["vae", "a model of my own", "vae[latent=2]"])
    assert some["vae"] == looks["vae"]
    assert some["a model of my own"] == looks_of(["a model of my own"])["a model of my own"]


def test_of_two_labels_with_one_look_the_later_takes_the_next() -> None:
    alone = {f"m{i}": looks_of([f"m{i}"])[f"m{i}"] for i in range(MAX_LOOKS)}
    first, second = next((a, b) for a in alone for b in alone if a < b and alone[a] == alone[b])
    together = looks_of([second, first])
    assert together == {first: alone[first], second: (alone[second] + 1) % MAX_LOOKS}
    assert len(set(looks_of([f"m{i}" for i in range(2 * MAX_LOOKS)]).values())) == MAX_LOOKS


def test_a_percentage_has_two_digits_and_no_power_of_ten() -> None:
    assert [percent(share) for share in (1, 0.999, 0.256, 0.0003, 0)] == ["100", "100", "26", "0.03", "0"]
