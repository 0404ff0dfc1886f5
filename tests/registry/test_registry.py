"""Plugins: found, refused with a reason, and never at another's cost."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from genbench.errors import ConfigError, PluginError, UnknownName, UserError
from genbench.registry.discovery import PluginRow
from genbench.registry.options import parse_set
from genbench.registry.registry import Registry, resolve

GOOD = """
from dataclasses import dataclass
from genbench.hooks import hookimpl
from genbench.spec import DatasetSpec, MetricSpec, ModelSpec

@dataclass(frozen=True)
class Config:
    size: int = 3  # how large

@hookimpl
def genbench_register():
    return [
        ModelSpec("{name}", "{module}_heavy:Model", Config, "a model"),
        DatasetSpec("{name}", "{module}_heavy:Data", None, "a dataset"),
        MetricSpec("{name}_score", "{module}_heavy:score", None, "a metric"),
    ]
"""
REGISTER = "from genbench.hooks import hookimpl\n@hookimpl\ndef genbench_register():\n    "


def good(name: str, module: str) -> str:
    return GOOD.format(name=name, module=module)


def row_of(registry: Registry, name: str) -> PluginRow:
    [row] = [row for row in registry.plugins if row.name == name]
    return row


@pytest.fixture
def beside(install):
    """A good plugin, which no fault of another may harm."""
    return install("genbench-beside", good("beside", "genbench_beside"))


# ----------------------------------------------------------------------------------------------------------- a good one


def test_a_plugin_is_found_with_its_provenance(beside: Path) -> None:
    registry = Registry.discover()
    row = row_of(registry, "beside")
    assert (row.status, row.reason, row.distribution, row.version) == ("ok", "", "genbench-beside", "1.0")
    assert row.provides == ("model beside", "dataset beside", "metric beside_score")
    assert row.seconds > 0
    entry = registry.find("model", "beside")
    assert entry is registry.models["beside"]
    assert entry.key == "beside"
    assert Path(entry.provenance.path) == beside / "genbench_beside.py"
    assert entry.provenance.module == "genbench_beside"
    assert not entry.provenance.editable
    assert registry.find("dataset", "genbench-beside:beside") is registry.datasets["beside"]
    assert [entry.spec.kind for entry in registry.find_any("beside")] == ["model", "dataset"]
    assert [entry.spec.kind for entry in registry.find_any("dataset:beside")] == ["dataset"]
    assert [entry.spec.kind for entry in registry.find_any("genbench-beside:beside_score")] == ["metric"]


def test_an_editable_install_is_told(install) -> None:
    info = {"genbench_edit-1.0.dist-info/direct_url.json": '{"url":"file:///x","dir_info":{"editable":true}}'}
    install("genbench-edit", good("edit", "genbench_edit"), files=info)
    assert Registry.discover().find("model", "edit").provenance.editable


def test_the_code_of_a_plugin_is_imported_when_it_is_resolved_and_not_before(install) -> None:
    install("genbench-lazy", good("lazy", "genbench_lazy"), files={"genbench_lazy_heavy.py": "class Model: pass"})
    entry = Registry.discover().find("model", "lazy")
    assert "genbench_lazy_heavy" not in sys.modules
    assert resolve(entry) is sys.modules["genbench_lazy_heavy"].Model


def test_a_package_that_shadows_another_of_its_name_is_the_one_that_counts(install) -> None:
    install("genbench-twice", good("old", "genbench_twice"), version="1.0")
    install("genbench-twice", good("new", "genbench_twice"), version="2.0")
    assert row_of(Registry.discover(), "twice").version == "2.0"
    assert "old" not in Registry.discover().models


# ---------------------------------------------------------------------------------------------------------- broken ones


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module_anywhere", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def broken(:", "SyntaxError"),
        ("class E(BaseException):\n    def __str__(self):\n        raise OSError\nraise E", "E: (its message cannot"),
        ("x = 1", "implements no hook of genbench; it needs genbench_register"),
        ("def genbench_register():\n    return []", "put @genbench.hookimpl above genbench_register"),
        (
            "from genbench import hookimpl\n@hookimpl\ndef genbench_regsiter():\n    return []",
            "no hook named 'genbench_regsiter', did you mean 'genbench_register'?",
        ),
        (
            "from genbench import hookimpl\n@hookimpl\ndef genbench_register(config):\n    return []",
            "PluginValidationError",
        ),
        (REGISTER + "return None", "genbench_register returned NoneType"),
        (REGISTER + "return 3", "genbench_register returned int, expected an iterable of ModelSpec"),
        (REGISTER + "return {'a': 1}", "genbench_register returned dict"),
        (REGISTER + "return ['vae']", "genbench_register returned str"),
        (REGISTER + "yield 3", "genbench_register returned int"),
        (REGISTER + "raise RuntimeError('later')", "RuntimeError: later"),
        (
            REGISTER + "from genbench import MetricSpec as M\n    return [M('x', 'a:b', None, 'x')] * 2",
            "genbench_register returned two metrics named 'x'",
        ),
        (
            REGISTER + "from genbench import ModelSpec\n    return [ModelSpec('../../etc/passwd', 'a:b', None, 'x')]",
            "name must match",
        ),
        (
            REGISTER + "from genbench import ModelSpec\n    return [ModelSpec('\\x1b[31m', 'a:b', None, 'x')]",
            "name must match",
        ),
        (
            REGISTER + "from genbench import ModelSpec\n    return [ModelSpec('x', 'os.system(1)', None, 'x')]",
            "target must be 'package.module:Attribute'",
        ),
        (
            REGISTER + "from genbench import ModelSpec\n    return [ModelSpec('all', 'a:b', None, 'x')]",
            "model 'all': 'all' selects everything",
        ),
    ],
)
def test_a_broken_plugin_is_a_row_with_its_reason_and_harms_nobody(install, beside: Path, source, reason) -> None:
    install("genbench-bad", source)
    registry = Registry.discover()
    row = row_of(registry, "bad")
    assert row.status == "broken"
    assert reason in row.reason
    assert "Traceback" in row.traceback
    assert any(problem.startswith("plugin 'bad' (genbench-bad 1.0) is broken: ") for problem in registry.problems)
    assert registry.find("model", "beside").provenance.distribution == "genbench-beside"
    assert row_of(registry, "beside").status == "ok"
    assert not [
        entry for kind in ("model", "dataset", "metric") for entry in registry.entries(kind) if entry.key == "x"
    ]


@pytest.mark.parametrize(
    "points", ["bad", "bad = not a module", "bad = ", "bad = genbench_bad:absent", "= genbench_bad"]
)
def test_a_broken_entry_point_is_a_row(install, beside: Path, points: str) -> None:
    install("genbench-bad", "", points=points)
    registry = Registry.discover()
    assert "broken" in {
        row.status for row in registry.plugins if row.distribution in ("genbench-bad", "genbench_bad-1.0")
    }
    assert "beside" in registry.models


@pytest.mark.parametrize("value", ["genbench-bad", "genbench_bad:", "not a module"])
def test_an_entry_point_that_names_no_module_says_what_is_expected(install, beside: Path, value: str) -> None:
    install("genbench-bad", "", points=f"bad = {value}")
    row = row_of(Registry.discover(), "bad")
    assert row.status == "broken"
    assert row.reason.startswith(f"its entry point names {value!r}, expected a module")


def test_two_plugins_of_one_module_are_told_in_a_line(install, beside: Path) -> None:
    install("genbench-fork", "", points="fork = genbench_beside")
    registry = Registry.discover()
    assert row_of(registry, "fork").reason == (
        "its module genbench_beside is also that of genbench-beside:beside; keep one of the two"
    )
    assert registry.models["beside"].provenance.distribution == "genbench-beside"


def test_an_import_that_fails_late_has_cost_its_time(install) -> None:
    install("genbench-bad", "import time\ntime.sleep(0.05)\nraise ValueError")
    assert row_of(Registry.discover(), "bad").seconds >= 0.05


def test_an_import_does_not_move_the_working_folder(install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    install("genbench-rude", "import os\nos.chdir('/')\n" + good("rude", "genbench_rude"))
    assert "rude" in Registry.discover().models
    assert Path.cwd() == tmp_path


def test_metadata_without_a_name_is_a_row(install, beside: Path) -> None:
    site = install("genbench-bad", good("bad", "genbench_bad"))
    (site / "genbench_bad-1.0.dist-info" / "METADATA").write_text("")
    registry = Registry.discover()
    assert any(row.status == "broken" and "metadata" in row.reason for row in registry.plugins)
    assert "beside" in registry.models


def test_what_a_plugin_prints_while_it_is_imported_stays_off_stdout(install, capsys) -> None:
    install("genbench-loud", "print('hello')\n" + good("loud", "genbench_loud"))
    Registry.discover()
    out, err = capsys.readouterr()
    assert out == ""
    assert "hello" in err


def test_ctrl_c_during_an_import_is_the_users(install) -> None:
    install("genbench-slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        Registry.discover()


# -------------------------------------------------------------------------------------------- versions, blocks, clashes


def test_a_plugin_for_another_genbench_is_not_even_imported(install, beside: Path) -> None:
    install("genbench-old", "raise RuntimeError", version="0.3", requires=("genbench (>=90.5,<90.6)", "numpy"))
    registry = Registry.discover()
    row = row_of(registry, "old")
    assert row.status == "outdated"
    assert "genbench_old" not in sys.modules
    [problem] = [problem for problem in registry.problems if "'old'" in problem]
    assert problem == (
        "plugin 'old' (genbench-old 0.3) needs genbench>=90.5,<90.6, this is genbench 0.1.0; "
        "try: pip install -U genbench-old"
    )


@pytest.mark.parametrize(
    "text",
    [
        "genbench",
        "Genbench>=0.1,<1",
        "genbench-other>=99",
        "genbench>=99; extra == 'test'",
        "genbench>=99; python_version < '3'",
    ],
)
def test_requirements_that_are_met_or_do_not_apply(install, text: str) -> None:
    install("genbench-fine", good("fine", "genbench_fine"), requires=(text,))
    assert row_of(Registry.discover(), "fine").status == "ok"


def test_a_requirement_that_cannot_be_read_breaks_its_plugin_alone(install, beside: Path) -> None:
    install("genbench-bad", good("bad", "genbench_bad"), requires=("genbench>=x.y.z",))
    registry = Registry.discover()
    assert row_of(registry, "bad").status == "broken"
    assert "beside" in registry.models


@pytest.mark.parametrize("name", ["beside", "genbench-beside", "Genbench_Beside"])
def test_a_blocked_plugin_is_not_imported(monkeypatch, beside: Path, name: str) -> None:
    monkeypatch.setenv("GENBENCH_BLOCK", f"other, {name}")
    registry = Registry.discover()
    assert row_of(registry, "beside").status == "blocked"
    assert "genbench_beside" not in sys.modules
    assert not [problem for problem in registry.problems if "beside" in problem]
    with pytest.raises(UnknownName, match=r"not loaded: .*'beside'"):
        registry.find("model", "besides")
    assert "beside" in Registry.discover(block=()).models


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


# --------------------------------------------------------------------------------------------------------- plugin files


def test_a_file_is_a_plugin(tmp_path: Path) -> None:
    path = tmp_path / "my model.py"
    path.write_text(good("mine", "x").replace('"x_heavy:Model"', "Config"))
    registry = Registry.discover([path, str(path)])
    entry = registry.find("model", "mine")
    assert resolve(entry).__name__ == "Config"
    assert entry.provenance.path == str(path.resolve())
    assert entry.qualified == "my model:mine"
    assert Registry.discover([path]).find("model", "mine").spec.target is entry.spec.target


def test_a_file_may_name_its_class_by_the_files_name(tmp_path: Path) -> None:
    path = tmp_path / "single.py"
    path.write_text(good("mine", "x").replace("x_heavy:Model", "single:Config"))
    assert resolve(Registry.discover([path]).find("model", "mine")).__name__ == "Config"


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    paths = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        paths.append(tmp_path / folder / "mine.py")
        paths[-1].write_text(good(folder, folder))
    with pytest.raises(UserError, match="two files share a name"):
        Registry.discover(paths)


def test_a_broken_file_is_an_error_because_it_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("1 / 0")
    with pytest.raises(PluginError, match=r"--plugin .*mine\.py: ZeroDivisionError: division by zero") as caught:
        Registry.discover([path])
    assert "line 1" in caught.value.__notes__[0]
    path.write_text(good("mine", "x"))
    assert "mine" in Registry.discover([path]).models  # a second try is not stuck with the first


def test_a_file_that_is_none_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("1,2")
    for path, reason in [
        ("absent.py", "no such file"),
        ("data.csv", "expected a Python file"),
        (".", "expected a Python"),
    ]:
        with pytest.raises(UserError, match=reason):
            Registry.discover([tmp_path / path])


# ----------------------------------------------------------------------------------------------- names, settings, hooks


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
            "--set besid.size=4: no model, dataset, metric or space named 'besid', did you mean 'beside'?",
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


def test_trace_keeps_foreign_text_in_its_line(
    install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install("genbench-bad", "raise ValueError('one\\ngenbench: plugin vae is broken\\x1b[2J')")
    monkeypatch.setenv("GENBENCH_TRACE", "1")
    Registry.discover()
    err = capsys.readouterr().err
    [line] = [line for line in err.splitlines() if "genbench-bad" in line]
    assert line.endswith("ValueError: one genbench: plugin vae is broken [2J")
    assert "\x1b" not in err


def test_a_plugin_that_every_start_waits_for_is_told_of_and_works(install) -> None:
    install("genbench-slow", "import time\ntime.sleep(0.6)\n" + good("late", "genbench_slow"))
    registry = Registry.discover()
    [row] = [row for row in registry.plugins if row.status == "slow"]
    assert "s of every start" in row.problem
    assert "GENBENCH_BLOCK=slow skips the plugin" in row.problem
    assert row.problem in registry.problems
    assert "late" in registry.models


def test_a_file_may_take_its_time_for_it_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("import time\ntime.sleep(0.6)\n" + REGISTER + "return []\n")
    assert row_of(Registry.discover([path]), "mine").status == "ok"
