"""Expressions over columns: right numbers, and nothing but arithmetic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genbench.budget import Sizes
from genbench.errors import DataError
from genbench.files import FileDataset, open_data
from genbench.files.expressions import FUNCTIONS, parse_observable

KNOWN = ("pt", "eta", "phi", "e", "m [GeV]")
RNG = np.random.default_rng(0)
VALUES = {name: RNG.uniform(1, 5, 50) for name in KNOWN}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pz=pt*sinh(eta)", VALUES["pt"] * np.sinh(VALUES["eta"])),
        ("a = -pt + 2*eta**2", -VALUES["pt"] + 2 * VALUES["eta"] ** 2),
        ("b=hypot(pt, eta)/(1+phi)", np.hypot(VALUES["pt"], VALUES["eta"]) / (1 + VALUES["phi"])),
        ("c=col('m [GeV]')**.5", np.sqrt(VALUES["m [GeV]"])),
        ("d=where(pt>2, pt, 0)", np.where(VALUES["pt"] > 2, VALUES["pt"], 0.0)),
        ("f=cos(phi+pi)", np.cos(VALUES["phi"] + np.pi)),
        ("g=max(pt,eta)%1", np.maximum(VALUES["pt"], VALUES["eta"]) % 1),
        ("h=e*2", VALUES["e"] * 2),  # a column named as a constant is the column
    ],
)
def test_an_expression_is_what_it_says(text: str, expected: np.ndarray) -> None:
    found = parse_observable(text, KNOWN)
    assert np.allclose(found(VALUES), expected, rtol=1e-12)
    assert found.name == text.partition("=")[0].strip()


def test_it_names_the_columns_that_it_needs() -> None:
    assert parse_observable("x=pt*cos(phi)+pt", KNOWN).columns == ("pt", "phi")


def test_every_function_is_one_of_numpy() -> None:
    assert all(callable(getattr(np, name)) for name in FUNCTIONS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pt*2", "expected NAME=EXPRESSION"),
        ("x=", "expected NAME=EXPRESSION"),
        ("x==pt", "expected NAME=EXPRESSION"),
        ("x=pt+", "is not an expression"),
        ("x=ptt", "no column 'ptt', did you mean 'pt'"),
        ("x=col('q')", "no column 'q'"),
        ("x=col(pt)", "expected col"),
        ("x=2", "has no column"),
        ("x=sqr(pt)", "no function 'sqr', did you mean 'sqrt'"),
        ("x=pt.__class__", "is not allowed"),
        ("x=__import__('os').system('true')", "is not allowed"),
        ("x=eval('1')", "no function 'eval'"),
        ("x=(lambda: pt)()", "is not allowed"),
        ("x=[pt for pt in pt]", "is not allowed"),
        ("x=pt if pt else eta", "is not allowed"),
        ("x=pt and eta", "is not allowed"),
        ("x='a'*pt", "is not allowed"),
        ("x=sqrt(pt, out=eta)", "is not allowed"),
        ("x=pt[0]", "is not allowed"),
        ("x=1<pt<2", "is not allowed"),
        ("x=pt*" + "9" * 400, "too large"),
        ("x=" + "-" * 60 + "pt", "too deeply nested"),
        ("x=pt" + "+1" * 300, "at most 500"),
    ],
)
def test_what_is_no_arithmetic_is_refused(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_observable(text, KNOWN)


def test_a_wrong_number_of_values_says_so() -> None:
    with pytest.raises(DataError, match="hypot takes another number of values than 1"):
        parse_observable("x=hypot(pt)", KNOWN)(VALUES)


def test_a_power_of_powers_costs_nothing() -> None:
    assert not np.isfinite(parse_observable("x=pt**9**9**9", KNOWN)(VALUES)).any()


def test_the_observables_of_a_file_are_part_of_its_data(tmp_path: Path) -> None:
    frame = pd.DataFrame({"pt": RNG.lognormal(3, 1, 60), "phi": RNG.uniform(-3, 3, 60)})
    frame.to_csv(tmp_path / "events.csv", index=False)
    opened = open_data(tmp_path / "events.csv", observables=("px=pt*cos(phi)", "half=pt/2"))
    assert opened.spec.observables
    data = FileDataset(opened.config).load(Sizes(30, 15, 15), np.random.default_rng(0))
    assert data.observables is not None
    found = data.observables(data.test)
    assert np.allclose(found["px"], data.test[:, 0] * np.cos(data.test[:, 1]))
    assert np.allclose(found["half"], data.test[:, 0] / 2)


@pytest.mark.parametrize(
    ("observables", "message"),
    [
        (("x=ptt",), "no column 'ptt'"),
        (("pt=phi*2",), "there is a column or an observable of this name"),
        (("x=pt", "x=phi"), "there is a column or an observable of this name"),
        (("x=log(pt-1e9)",), "not finite in 60 of 60 rows, the first of them 0"),
    ],
)
def test_observables_that_have_no_value_are_refused_before_anything_runs(
    tmp_path: Path, observables: tuple[str, ...], message: str
) -> None:
    frame = pd.DataFrame({"pt": RNG.lognormal(3, 1, 60), "phi": RNG.uniform(-3, 3, 60)})
    frame.to_csv(tmp_path / "events.csv", index=False)
    with pytest.raises(DataError, match=message):
        open_data(tmp_path / "events.csv", observables=observables)
