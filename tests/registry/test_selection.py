"""Names, globs, exclusions, ``all``, options in brackets, sweeps."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench.errors import ConfigError, UnknownName, UserError
from genbench.registry.options import Setting, SweptValues
from genbench.registry.selection import parse_selection, parse_sweep, points_of, select, split

KEYS = ("vae", "gan", "wgan_gp", "kde", "there:gan2")
NAMES = {key: key for key in KEYS} | {f"here:{key}": key for key in KEYS[:4]}


def find(name: str) -> str:
    if name not in NAMES:
        raise UnknownName("model", name, KEYS)
    return NAMES[name]


def chosen(text: str) -> list[str]:
    return [choice.name for choice in select(text, NAMES, find)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("all", list(KEYS)),
        ("vae", ["vae"]),
        ("kde, vae ,", ["kde", "vae"]),
        ("vae,vae", ["vae"]),
        ("vae,gan*,-kde", ["vae", "gan"]),
        ("*gan*,-wgan*", ["gan", "there:gan2"]),
        ("-kde", ["vae", "gan", "wgan_gp", "there:gan2"]),
        ("all,-*gan*", ["vae", "kde"]),
        ("-gan,vae,gan", ["vae"]),
        ("here:*", ["vae", "gan", "wgan_gp", "kde"]),
        ("here:vae", ["vae"]),
        ("there:gan2", ["there:gan2"]),
        ("?de", ["kde"]),
    ],
)
def test_selections(text: str, names: list[str]) -> None:
    assert chosen(text) == names


def test_a_sweep_is_the_product_of_its_values() -> None:
    name, points = parse_selection("vae[latent=2|8, beta=1|4]")
    assert name == "vae"
    assert points == [
        {"latent": "2", "beta": "1"},
        {"latent": "2", "beta": "4"},
        {"latent": "8", "beta": "1"},
        {"latent": "8", "beta": "4"},
    ]


def test_tuples_go_through_a_sweep_in_one_piece() -> None:
    assert parse_selection("vae[hidden=(64,64)|(128,)]")[1] == [{"hidden": "(64,64)"}, {"hidden": "(128,)"}]


def test_the_origin_of_an_option_in_brackets_is_the_bracket() -> None:
    [choice] = select("vae[beta=4]", NAMES, find)
    [setting] = choice.settings
    assert (setting.target, setting.option, setting.value, setting.origin) == ("vae", "beta", "4", "vae[beta=4]")


def test_one_model_may_be_chosen_with_several_options() -> None:
    choices = select("vae,vae[beta=4],vae[beta=4]", NAMES, find)
    assert [dict(choice.options) for choice in choices] == [{}, {"beta": "4"}]


def test_parts_of_a_repeated_option_are_joined() -> None:
    assert [choice.name for choice in select(["vae", "gan,-vae"], NAMES, find)] == ["gan"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vea", "no model named 'vea', did you mean 'vae'?"),
        ("-vea", "no model named 'vea'"),
        ("zz*", "'zz*' matches nothing"),
        ("", "selects nothing"),
        (" , ,", "selects nothing"),
        ("vae,-vae", "selects nothing"),
        ("vae[", "brackets do not match"),
        ("vae]", "brackets do not match"),
        ("vae[beta=4]]", "brackets do not match"),
        ("vae[beta=(4]", "brackets do not match"),
        ("vae[beta]", "expected OPTION=VALUE"),
        ("vae[beta=]", "expected OPTION=VALUE"),
        ("vae[latent=2,8]", "several values are separated by |, as 'vae[latent=2|8]'"),
        ("vae[beta=1]x", "expected NAME[OPTION=VALUE"),
        ("[beta=1]", "expected NAME[OPTION=VALUE"),
        ("vae[beta=1,beta=2]", "'beta' is given twice"),
        ("-vae[beta=1]", "an exclusion takes no options"),
        ("vae[" + ",".join(f"o{i}=1|2" for i in range(40)) + "]", "a sweep of"),
    ],
)
def test_a_wrong_selection_says_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        chosen(text)
    assert message in str(caught.value)


@given(st.text(alphabet="vaegn*?-[]()=|, :2\x1b"))
def test_no_text_raises_anything_but_an_error_of_ours(text: str) -> None:
    with contextlib.suppress(UserError):
        assert set(chosen(text)) <= set(KEYS)


@given(st.lists(st.text(alphabet="abc=", min_size=1)))
def test_splitting_undoes_joining(parts: list[str]) -> None:
    assert split(",".join(parts)) == parts


def test_a_sweep_without_brackets_is_a_setting_of_several_values() -> None:
    setting = parse_sweep("vae.hidden=(64,64),(128,)")
    assert (setting.target, setting.option, setting.value) == ("vae", "hidden", ("(64,64)", "(128,)"))
    assert isinstance(setting.value, SweptValues)
    for text in ("vae.latent", "vae.latent=", "latent=2,8", "vae.la tent=2"):
        with pytest.raises(ConfigError, match=r"expected NAME.OPTION=VALUE,VALUE, as vae.latent=2,8"):
            parse_sweep(text)


def test_points_are_all_combinations_and_the_last_setting_of_an_option_counts() -> None:
    settings = [parse_sweep("a.x=1,2"), parse_sweep("a.y=3,4"), Setting("a", "z", "5", "--set a.z=5")]
    points = [[setting.value for setting in point] for point in points_of(settings)]
    assert points == [["1", "3", "5"], ["1", "4", "5"], ["2", "3", "5"], ["2", "4", "5"]]
    [alone] = points_of([*settings[:1], Setting("a", "x", "9", "a[x=9]")])
    assert [setting.value for setting in alone] == ["9"]
    many = ",".join(map(str, range(200)))
    with pytest.raises(UserError, match="a sweep of 40000 points, at most"):
        points_of([parse_sweep(f"a.x={many}"), parse_sweep(f"a.y={many}")])
