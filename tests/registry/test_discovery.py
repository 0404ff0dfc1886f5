"""Plugins: found, refused with a reason, and never at another's cost."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from plugin_sources import good, row_of

from genbench.errors import PluginError, UnknownName, UserError
from genbench.registry.registry import Registry, resolve

REGISTER = "from genbench.hooks import hookimpl\n@hookimpl\ndef genbench_register():\n    "


@pytest.fixture
def beside(install):
    """A good plugin, which no fault of another may harm."""
    return install("genbench-beside", good("beside", "genbench_beside"))


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


def test_a_package_that_shadows_another_of_its_name_is_the_one_that_counts(install) -> None:
    install("genbench-twice", good("old", "genbench_twice"), version="1.0")
    install("genbench-twice", good("new", "genbench_twice"), version="2.0")
    assert row_of(Registry.discover(), "twice").version == "2.0"
    assert "old" not in Registry.discover().models


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


def test_trace_keeps_foreign_text_in_its_line(
    install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install("genbench-bad", "raise ValueError('one\\ngenbench: plugin vae is broken\\x1b[2J')")
    monkeypatch.setenv("GENBENCH_TRACE", "1")
    Registry.discover()
    err = capsys.readouterr().err
    [line] = [line for line in err.splitlines() if "genbench-bad" in line]
    assert line.endswith("ValueError: one genbench: plugin vae is broken[2J")
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
