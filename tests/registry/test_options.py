"""Options: filled from defaults < file < --set, each mistake named by its path."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench.errors import ConfigError, PluginError, UserError
from genbench.registry.options import canonical_options, essential_options, fill, label, load_toml, parse_set
from genbench.spec import ModelSpec


@dataclass(frozen=True)
class VAEConfig:
    latent: int = 2
    beta: float = 1.0
    hidden: tuple[int, ...] = (128, 128)
    sampler: Literal["ddim", "ancestral"] = "ddim"
    bandwidth: float | Literal["auto"] = "auto"
    limit: int | None = None
    warm: bool = True
    note: str = ""

    def __post_init__(self) -> None:
        if not self.beta >= 0:
            raise ValueError(f"beta must be in [0.0, inf), got {self.beta}")


VAE = ModelSpec("vae", "somewhere:VAE", VAEConfig, "a model")
PLAIN = ModelSpec("kde", "somewhere:KDE", None, "a model without options")


def filled(*texts: str) -> VAEConfig:
    config = fill(VAE, [parse_set(text) for text in texts])
    assert isinstance(config, VAEConfig)
    return config


@pytest.mark.parametrize(
    ("text", "option", "value"),
    [
        ("latent=4", "latent", 4),
        ("latent=1e3", "latent", 1000),
        ("latent=9007199254740993", "latent", 2**53 + 1),
        ("beta=4", "beta", 4.0),
        ("beta=inf", "beta", float("inf")),
        ("hidden=64,32", "hidden", (64, 32)),
        ("hidden=(64,)", "hidden", (64,)),
        ("hidden=[64]", "hidden", (64,)),
        ("hidden=", "hidden", ()),
        ("sampler=ancestral", "sampler", "ancestral"),
        ("bandwidth=0.5", "bandwidth", 0.5),
        ("bandwidth=auto", "bandwidth", "auto"),
        ("limit=none", "limit", None),
        ("limit=3", "limit", 3),
        ("warm=no", "warm", False),
        ("warm=TRUE", "warm", True),
        ("note=a=b, c.d", "note", "a=b, c.d"),
    ],
)
def test_text_is_read_as_its_annotation_says(text: str, option: str, value: object) -> None:
    found = getattr(filled(f"vae.{text}"), option)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vae.bta=4", "--set vae.bta=4: model 'vae' has no option 'bta', did you mean 'beta'?"),
        ("vae.latent=two", "--set vae.latent=two: expected int, got 'two'"),
        ("vae.latent=2.5", "--set vae.latent=2.5: expected int, got '2.5'"),
        ("vae.beta=-1", "--set vae.beta=-1: beta must be in [0.0, inf), got -1.0"),
        ("vae.beta=nan", "--set vae.beta=nan: expected float, got 'nan'"),
        ("vae.warm=maybe", "--set vae.warm=maybe: expected bool, got 'maybe'"),
        ("vae.hidden=64,wide", "--set vae.hidden=64,wide: expected int, ..., got '64,wide'"),
        ("vae.limit=x", "--set vae.limit=x: expected int | none, got 'x'"),
        (
            "vae.sampler=dimm",
            "--set vae.sampler=dimm: expected 'ddim' | 'ancestral', got 'dimm', did you mean 'ddim'?",
        ),
    ],
)
def test_a_wrong_setting_is_named_by_its_path(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        filled(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["", "vae", "beta=4", "vae.=4", ".beta=4", "vae.be ta=4", "=", "vae.beta"])
def test_a_setting_without_name_option_and_value_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"expected NAME\.OPTION=VALUE"):
        parse_set(text)


def test_names_may_hold_dots() -> None:
    assert parse_set("flow-1.5.beta=2").target == "flow-1.5"


def test_a_later_setting_wins_and_only_the_one_at_fault_is_blamed() -> None:
    assert filled("vae.beta=2", "vae.beta=3").beta == 3.0
    with pytest.raises(ConfigError) as caught:
        filled("vae.latent=3", "vae.beta=-2")
    assert "latent" not in str(caught.value)


def test_a_plugin_without_options_says_so() -> None:
    assert fill(PLAIN) is None
    assert canonical_options(None) == {}
    with pytest.raises(ConfigError, match="model 'kde' has no options"):
        fill(PLAIN, [parse_set("kde.bandwidth=1")])


def test_a_class_that_refuses_its_own_defaults_is_the_plugins_fault() -> None:
    @dataclass
    class Bad:
        size: int = -1

        def __post_init__(self) -> None:
            raise ValueError("size must be positive")

    with pytest.raises(PluginError, match=r"model 'bad': .*Bad cannot be made: ValueError: size must be positive"):
        fill(ModelSpec("bad", "a:b", Bad, "bad"))


def test_a_class_that_fails_in_another_way_is_the_plugins_fault() -> None:
    @dataclass
    class Bad:
        size: int = 1

        def __post_init__(self) -> None:
            raise KeyError("oops")

    with pytest.raises(PluginError, match="KeyError"):
        fill(ModelSpec("bad", "a:b", Bad, "bad"), [parse_set("bad.size=2")])


def test_an_annotation_that_cannot_be_resolved_is_the_plugins_fault() -> None:
    @dataclass
    class Bad:
        size: Nowhere = 1  # type: ignore[name-defined] # noqa: F821

    with pytest.raises(PluginError, match="annotations"):
        fill(ModelSpec("bad", "a:b", Bad, "bad"))


def test_a_value_without_default_must_be_given() -> None:
    @dataclass
    class File:
        path: str
        rows: list[str] = field(default_factory=list)

    spec = ModelSpec("file", "a:b", File, "file")
    with pytest.raises(ConfigError, match=r"model 'file' needs 'path'; try: --set file\.path=\.\.\."):
        fill(spec)
    assert fill(spec, [parse_set("file.path=x.csv")]).path == "x.csv"


# -------------------------------------------------------------------------------------------------------------- records


def test_canonical_is_plain_json_and_tells_equal_configs_alike() -> None:
    assert canonical_options(VAEConfig(beta=4)) == canonical_options(VAEConfig(beta=4.0))
    assert json.dumps(canonical_options(VAEConfig(beta=4))) == json.dumps(canonical_options(VAEConfig(beta=4.0)))
    assert canonical_options(VAEConfig())["hidden"] == [128, 128]
    text = json.dumps(canonical_options(VAEConfig(beta=float("inf"))), allow_nan=False)
    assert json.loads(text)["beta"] == "inf"


@dataclass(frozen=True)
class FileConfig:
    path: str = field(default="", metadata={"contents": True})
    place: str = field(default="here", metadata={"essential": False})
    digest: str = field(default="", metadata={"shown": False})
    rows: int = 10


def test_options_that_change_no_result_are_no_part_of_an_identity_and_paths_are_what_they_hold() -> None:
    config = FileConfig("a.csv", place="there", digest="00ff", rows=20)
    assert canonical_options(config) == {"path": "a.csv", "place": "there", "digest": "00ff", "rows": 20}
    assert essential_options(config) == {"path": "a.csv", "digest": "00ff", "rows": 20}
    assert essential_options(config, str.upper) == {"path": "A.CSV", "digest": "00ff", "rows": 20}
    assert essential_options(FileConfig(), str.upper)["path"] == "", "no path holds nothing"
    assert label("file", config) == "file[path=a.csv,rows=20]"


def test_a_label_names_what_differs_from_the_defaults() -> None:
    assert label("vae", VAEConfig()) == "vae"
    assert label("kde", None) == "kde"
    assert label("vae", VAEConfig(beta=4, hidden=(64, 64))) == "vae[beta=4,hidden=(64,64)]"


@given(st.builds(VAEConfig, latent=st.integers(), beta=st.floats(0, allow_nan=False), hidden=st.tuples(st.integers())))
def test_what_a_label_says_makes_the_config_again_up_to_twelve_digits(config: VAEConfig) -> None:
    from genbench.registry.selection import parse_selection

    _, [options] = parse_selection(label("vae", config))
    again = filled(*(f"vae.{name}={value}" for name, value in options.items()))
    assert again.hidden == config.hidden
    assert again.latent == config.latent
    assert again.beta == pytest.approx(config.beta, rel=1e-11)


@given(st.text())
def test_no_text_makes_anything_but_a_config_or_a_config_error(text: str) -> None:
    for option in ("latent", "beta", "hidden", "sampler", "bandwidth", "limit", "warm"):
        with contextlib.suppress(ConfigError):
            filled(f"vae.{option}={text}")


# ----------------------------------------------------------------------------------------------------------- toml files

KNOWN = ("models", "dry-run", "seeds")


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_file_gives_options_of_the_run_and_of_plugins(tmp_path: Path) -> None:
    text = (
        '[run]\nmodels = "vae"\ndry-run = true\n[set.vae]\nbeta = 4\nhidden = [64, 32]\n[set."dataset:gaussian"]\nd = 3'
    )
    run, settings = load_toml(written(tmp_path / "run.toml", text), KNOWN)
    assert run == {"models": "vae", "dry_run": True}
    config = fill(VAE, [s for s in settings if s.target == "vae"])
    assert config == VAEConfig(beta=4.0, hidden=(64, 32))
    assert settings[-1].target == "dataset:gaussian"


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    _, settings = load_toml(written(tmp_path / "run.toml", "[set.vae]\nbeta = 4\nlatent = 3"), KNOWN)
    assert fill(VAE, [*settings, parse_set("vae.beta=5")]) == VAEConfig(beta=5.0, latent=3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[rnu]", "no table 'rnu', did you mean 'run'?"),
        ("[run]\nmodles = 1", "[run]: no option 'modles', did you mean 'models'?"),
        ("[run]\nseeds = ", "not valid TOML"),
        ("[run", "not valid TOML"),
        ("run = 3", "[run]: expected a table, got 3"),
        ("[set]\nvae = 3", "[set.vae]: expected a table, got 3"),
        (b"[run]\nmodels = '\xff'", "not UTF-8 at byte 16"),
        ("a = " + "[" * 5000, "not valid TOML"),
    ],
)
def test_a_mistake_in_a_file_is_named(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = written(tmp_path / "run.toml", text)
    with pytest.raises(UserError) as caught:
        load_toml(path, KNOWN)
    assert str(caught.value).startswith(f"--config {path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_value_in_a_file_names_the_file_and_the_table(tmp_path: Path) -> None:
    path = written(tmp_path / "run.toml", '[set.vae]\nbeta = "hot"')
    with pytest.raises(ConfigError) as caught:
        fill(VAE, load_toml(path, KNOWN)[1])
    assert str(caught.value) == f"--config {path}: [set.vae] beta = 'hot': expected float, got 'hot'"


@pytest.mark.parametrize("value", ["true", '["a"]', "2.5", "{ a = 1 }"])
def test_a_file_cannot_give_an_integer_another_type(tmp_path: Path, value: str) -> None:
    _, settings = load_toml(written(tmp_path / "run.toml", f"[set.vae]\nlatent = {value}"), KNOWN)
    with pytest.raises(ConfigError, match="expected int"):
        fill(VAE, settings)


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    for path, reason in [
        (tmp_path / "absent.toml", "No such file"),
        (tmp_path, "directory"),
        (written(tmp_path / "large.toml", "#" * 2_000_000), "larger than"),
    ]:
        with pytest.raises(UserError, match=reason):
            load_toml(path, KNOWN)


def test_a_file_runs_no_code(tmp_path: Path) -> None:
    text = "[set.vae]\nnote = \"__import__('os').system('true') ${HOME} {{7*7}}\""
    _, [setting] = load_toml(written(tmp_path / "run.toml", text), KNOWN)
    value: Any = fill(VAE, [setting]).note
    assert value == "__import__('os').system('true') ${HOME} {{7*7}}"
