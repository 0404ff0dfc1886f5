"""What ``--metrics`` means: which metric in which space, from names, globs, exclusions and options."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from genbench.errors import ConfigError, UnknownName, UserError
from genbench.registry.component import Component, applies, choose_metrics, measurement
from genbench.registry.discovery import Provenance
from genbench.registry.options import parse_set
from genbench.registry.registry import Entry, Registry
from genbench.spec import DatasetSpec

REGISTRY = Registry.discover()


def labels(text: str, *settings: str, space: str = "") -> list[str]:
    return [c.label for c in choose(text, *settings, space=space)]


def choose(text: str, *settings: str, space: str = "") -> list[Component]:
    return choose_metrics(text, REGISTRY, REGISTRY.assign(map(parse_set, settings)), space)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("frechet", ["frechet"]),
        ("frechet@pca,kid@classifier", ["frechet@pca", "kid@classifier"]),
        ("frechet,frechet@pca,frechet", ["frechet", "frechet@pca"]),
        ("frechet@standardised,kid@pixels", ["frechet", "kid"]),
        ("energy@raw", ["energy@raw"]),
        ("sliced_w*@pca", ["sliced_w1@pca", "sliced_w2@pca"]),
        ("kid@pca[dimensions=8]", ["kid@pca[dimensions=8]"]),
        ("mmd[bandwidth=1|2]@pca", ["mmd[bandwidth=1]@pca", "mmd[bandwidth=2]@pca"]),
        ("kid@pca,kid@pca[dimensions=64]", ["kid@pca"]),
        ("frechet*,-frechet_debiased", ["frechet"]),
        ("frechet@*,-*@classifier,-frechet@eff*", ["frechet@pca", "frechet@random_convolutions"]),
        ("kid,kid@pca,-kid@pixels", ["kid@pca"]),
        ("label_tv", ["label_tv"]),
    ],
)
def test_what_is_chosen(text: str, expected: list[str]) -> None:
    assert labels(text) == expected


def test_all_is_every_metric_once_in_the_standard_space_and_some_in_others() -> None:
    chosen = choose("all")
    plain = [c.label for c in chosen if c.space is None or c.label == c.name]
    assert plain == [name for name, entry in REGISTRY.metrics.items() if not entry.spec.optional]
    others = [c for c in chosen if c.label not in plain]
    assert {c.label for c in others} == {"frechet@pca", "kid@pca", "frechet@classifier", "kid@classifier"}
    assert all(c.implied for c in others)
    assert labels("-kid") == [name for name in labels("all") if not name.startswith("kid")]


def test_what_all_brings_is_for_images_and_what_is_named_for_all_that_can_be() -> None:
    [implied] = [c for c in choose("all") if c.label == "frechet@pca"]
    [named] = choose("frechet@pca")
    assert (applies(implied, "vector", {}), applies(named, "vector", {})) == (False, True)
    assert applies(implied, "image", {})
    [labelled] = choose("kid@classifier")
    assert applies(labelled, "image", {"labels": True})
    assert not applies(labelled, "image", {"labels": False})
    [pixels_only] = choose("kid@random_convolutions")
    assert not applies(pixels_only, "vector", {})


def test_options_of_a_space_come_from_settings_and_brackets() -> None:
    [by_set] = choose("kid@pca", "pca.dimensions=8")
    [by_bracket] = choose("kid@pca[dimensions=8]", "pca.dimensions=9")
    assert by_set.space is not None
    assert by_bracket.space is not None
    assert by_set.space.config == by_bracket.space.config
    assert by_set.label == by_bracket.label == "kid@pca[dimensions=8]"


def test_a_score_depends_on_the_space_it_was_taken_in() -> None:
    plain, pca, eight = (measurement(choose(text)[0]) for text in ("kid", "kid@pca", "kid@pca[dimensions=8]"))
    assert set(plain) == {"version", "config"}  # as before there were spaces: old records stand
    assert plain.items() <= pca.items()
    assert pca != eight


def test_a_space_for_all_that_name_none() -> None:
    assert labels("kid,energy@raw", space="pca") == ["kid@pca", "energy@raw"]
    assert labels("kid", space="pixels") == ["kid"]
    assert labels("label_tv", space="pca") == ["label_tv"]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("frechet@pcaa", UnknownName, "no space named 'pcaa', did you mean 'pca'"),
        ("frechett@pca", UnknownName, "did you mean 'frechet'"),
        ("frechet@", UserError, "frechet@: expected METRIC@SPACE"),
        ("@pca", UserError, "expected METRIC@SPACE"),
        ("frechet@pca@raw", UserError, "expected METRIC@SPACE"),
        ("frechet@x*", UserError, "'x*' matches no space"),
        ("frechet@pca[dimensions=0]", ConfigError, "dimensions must be in [1, inf)"),
        ("frechet@pca[dimension=2]", ConfigError, "did you mean 'dimensions'"),
        ("frechet@pca[dimensions=1|2]", UserError, "a space takes no sweep"),
        ("kid,-kid", UserError, "selects nothing"),
        ("all,-mmd[bandwidth=2]", UserError, "an exclusion takes no options"),
    ],
)
def test_mistakes(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        choose(text)


@dataclass(frozen=True)
class RowsConfig:
    n: int = 100
    given: tuple[str, ...] = field(default=(), metadata={"stream": False})  # of the same rows


def test_random_streams_do_not_depend_on_what_is_asked_of_the_same_rows() -> None:
    entry = Entry("rows", DatasetSpec("rows", "a:b", RowsConfig, "rows"), Provenance("mine", "genbench-mine", "1.0"))
    plain, asked, fewer = (
        Component(entry, config) for config in (RowsConfig(), RowsConfig(given=("x",)), RowsConfig(9))
    )
    assert plain.identity != asked.identity, "they are other results"
    assert plain.stream_identity == asked.stream_identity, "of the same rows"
    assert plain.stream_identity != fewer.stream_identity
