"""The registry: names, clashes, settings, code that is imported when it is asked for, observers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from plugin_sources import good, row_of

from genbench.errors import ConfigError, PluginError, UnknownName, UserError
from genbench.registry.options import parse_set
from genbench.registry.registry import Registry, resolve


@pytest.fixture
def beside(install):
    """A good plugin, which no fault of another may harm."""
    return install("genbench-beside", good("beside", "genbench_beside"))


def test_the_code_of_a_plugin_is_imported_when_it_is_resolved_and_not_before(install) -> None:
    install("genbench-lazy", good("lazy", "genbench_lazy"), files={"genbench_lazy_heavy.py": "class Model: pass"})
    entry = Registry.discover().find("model", "lazy")
    assert "genbench_lazy_heavy" not in sys.modules
    assert resolve(entry) is sys.modules["genbench_lazy_heavy"].Model


def test_a_clash_is_refused_under_the_short_name_and_reachable_by_distribution(install, beside: Path) -> None:
    install("genbench-one", good("same", "genbench_one"))
    install("genbench-two", good("same", "genbench_two"))
    registry = Registry.discover()
    assert {"genbench-one:same", "genbench-two:same"} <= set(registry.models)
    assert "same" not in registry.models
    with pytest.raises(UserError, match=r"2 plugins provide a model named 'same'; ask for genbench-.*:same or"):
        registry.find("model", "same")
    entry = registry.find("model", "genbench-two:same")
    assert entry.provenance.distribution == "genbench-two"
    assert entry.key == "genbench-two:same"
    assert [row_of(registry, name).status for name in ("one", "two", "beside")] == ["clashing", "clashing", "ok"]
    assert (
        "model 'same' is also provided by genbench-two 1.0; ask for genbench-one:same" in row_of(registry, "one").reason
    )
    assert len([problem for problem in registry.problems if "'same'" in problem]) == 2
    assert len(registry.find_any("same")) == 4  # both models, both datasets
    assert [entry.key for entry, _ in registry.select("model", "genbench-one:*,genbench-two:same")] == [
        "genbench-one:same",
        "genbench-two:same",
    ]


def test_what_comes_with_genbench_keeps_its_name(install) -> None:
    own = sorted(entry.key for entry in Registry.discover().entries("model"))
    assert own, "genbench is not installed: pip install -e ."
    install("genbench-thief", good(own[0], "genbench_thief"))
    registry = Registry.discover()
    assert registry.find("model", own[0]).provenance.distribution == "genbench"
    assert registry.find("model", f"genbench-thief:{own[0]}").provenance.distribution == "genbench-thief"
    assert row_of(registry, "thief").status == "clashing"
    assert not [problem for problem in registry.problems if "thief" in problem]  # the name means what it always did
    assert "clashing" not in {row.status for row in registry.plugins if row.distribution == "genbench"}


def test_an_unknown_name_gets_a_suggestion(beside: Path) -> None:
    with pytest.raises(UnknownName, match=r"no model named 'besid', did you mean 'beside'\?"):
        Registry.discover().find("model", "besid")


@pytest.mark.parametrize("typed", ["Beside", "BESIDE", "Besid"])
def test_a_name_in_other_letters_gets_a_suggestion(beside: Path, typed: str) -> None:
    with pytest.raises(UnknownName, match="did you mean 'beside'"):
        Registry.discover().find("model", typed)


def test_settings_reach_all_plugins_of_their_name_that_have_the_option(beside: Path) -> None:
    registry = Registry.discover()
    assigned = registry.assign([parse_set("beside.size=4"), parse_set("model:beside.size=5")])
    assert {where: [s.value for s in given] for where, given in assigned.items()} == {("model", "beside"): ["4", "5"]}
    assert list(registry.assign([parse_set("genbench-beside:beside.size=4")])) == [("model", "beside")]
    for text, message in [
        (
            "besid.size=4",
            "--set besid.size=4: no model, dataset, metric, space or suite named 'besid', did you mean 'beside'?",
        ),
        ("beside.siez=4", "--set beside.siez=4: model 'beside' has no option 'siez', did you mean 'size'?"),
        ("gaussian.dmi=4", "--set gaussian.dmi=4: dataset 'gaussian' has no option 'dmi', did you mean 'dim'?"),
        ("dataset:beside.size=4", "--set dataset:beside.size=4: dataset 'beside' has no options"),
    ]:
        with pytest.raises(ConfigError) as caught:
            registry.assign([parse_set(text)])
        assert str(caught.value) == message


def test_a_selection_comes_with_the_options_in_its_brackets(beside: Path) -> None:
    selected = Registry.discover().select("model", "beside[size=1|2]")
    assert [(entry.key, [s.value for s in settings]) for entry, settings in selected] == [
        ("beside", ["1"]),
        ("beside", ["2"]),
    ]


@pytest.mark.parametrize(
    ("heavy", "reason"),
    [
        ("raise SystemExit(2)", "SystemExit: 2"),
        ("import no_such_module_anywhere", "No module named 'no_such_module_anywhere'"),
        ("", "has no attribute 'Model'"),
    ],
)
def test_code_that_cannot_be_imported_names_its_distribution(install, heavy: str, reason: str) -> None:
    install("genbench-heavy", good("heavy", "genbench_heavy"), files={"genbench_heavy_heavy.py": heavy})
    with pytest.raises(PluginError) as caught:
        resolve(Registry.discover().find("model", "heavy"))
    assert "model 'heavy' of plugin 'heavy' (genbench-heavy 1.0): genbench_heavy_heavy:Model" in str(caught.value)
    assert reason in str(caught.value)
    assert caught.value.__cause__ is not None


OBSERVER = """
from genbench.hooks import hookimpl
seen = []

@hookimpl
def genbench_cell_finished(record):
    seen.append(record["key"])
    {then}

@hookimpl
def genbench_session_finished():
    seen.append("end")
"""


def test_observers_are_told_each_on_its_own(install) -> None:
    install("genbench-first", OBSERVER.format(then="raise ValueError('no')"))
    install("genbench-second", OBSERVER.format(then="return 3"))
    registry = Registry.discover()
    assert row_of(registry, "first").status == "ok"  # an observer needs not provide anything
    failed = registry.notify("genbench_cell_finished", record={"key": "k"})
    assert registry.notify("genbench_session_finished", records=[]) == []
    assert failed == ["plugin 'genbench-first:first': genbench_cell_finished: ValueError: no"]
    for module in ("genbench_first", "genbench_second"):
        assert sys.modules[module].seen == ["k", "end"]


def test_trace_tells_of_each_plugin_and_each_call_of_an_observer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("GENBENCH_TRACE", "1")
    monkeypatch.setenv("GENBENCH_BLOCK", "toys")
    observer = tmp_path / "observer.py"
    observer.write_text(
        "import genbench\n\n@genbench.hookimpl\ndef genbench_register():\n    return []\n\n"
        "@genbench.hookimpl\ndef genbench_session_finished(records):\n    pass\n"
    )
    Registry.discover([observer]).notify("genbench_session_finished", records=[])
    lines = capsys.readouterr().err.splitlines()
    assert any(line.startswith("genbench: plugin density = genbench_density (genbench ") for line in lines)
    assert any("plugin toys" in line and "blocked" in line for line in lines)
    assert any("plugin observer" in line and line.endswith("observes only") for line in lines)
    assert lines[-1].startswith("genbench: genbench_session_finished of plugin observer")
    monkeypatch.delenv("GENBENCH_TRACE")
    Registry.discover()
    assert capsys.readouterr().err == ""
