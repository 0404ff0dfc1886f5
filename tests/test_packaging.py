"""Whatever installs genbench installs the same: pip, conda, a container; and the metadata are what indexes ask for."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
CONDA_NAMES = {"matplotlib": "matplotlib-base", "pot": "pot", "torch": "pytorch"}  # where conda-forge's differ
CITATION_KEYS = {  # of the Citation File Format 1.2.0, those that must be there first
    *("authors", "cff-version", "message", "title"),
    *("abstract", "commit", "contact", "date-released", "doi", "identifiers", "keywords", "license", "license-url"),
    *(
        "preferred-citation",
        "references",
        "repository",
        "repository-artifact",
        "repository-code",
        "type",
        "url",
        "version",
    ),
}


# --------------------------------------------------------------------------------------------------------------- conda


def recipe() -> dict:
    """Return the recipe with the values of its context filled in, as rattler-build does."""
    text = (ROOT / "conda" / "recipe.yaml").read_text(encoding="utf-8")
    context = yaml.safe_load(text)["context"]
    return yaml.safe_load(re.sub(r"\$\{\{ (\w+) \}\}", lambda found: context[found[1]], text))


def by_name(requirements: list[str]) -> dict[str, SpecifierSet]:
    found = {}
    for text in requirements:
        name, _, specifier = text.partition(" ")
        found[name] = SpecifierSet(specifier)
    return found


def test_the_recipe_has_the_requirements_of_the_package() -> None:
    needed = [Requirement(text) for text in PROJECT["dependencies"]]
    names = {each.name.lower(): each.specifier for each in needed}
    expected = {CONDA_NAMES.get(name, name): specifier for name, specifier in names.items()}
    found = by_name(recipe()["requirements"]["run"])
    assert found.pop("python") == SpecifierSet(PROJECT["requires-python"])
    assert found == expected


def test_the_recipe_builds_as_the_package_does() -> None:
    found = recipe()
    system = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    host = by_name(found["requirements"]["host"])
    assert {name: host[name] for name in host.keys() - {"pip", "python"}} == {
        r.name: r.specifier for r in map(Requirement, system)
    }
    assert found["package"] == {"name": PROJECT["name"], "version": PROJECT["version"]}
    scripts = [f"{name} = {target}" for name, target in PROJECT["scripts"].items()]
    assert found["build"]["python"]["entry_points"] == scripts
    assert (ROOT / "conda" / found["source"]["path"] / "pyproject.toml").resolve() == ROOT / "pyproject.toml"
    assert found["about"]["license"] == PROJECT["license"]
    assert (ROOT / found["about"]["license_file"]).is_file()


# ----------------------------------------------------------------------------------------------------------- container


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile, each with its arguments."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def test_the_container_runs_as_a_user_without_rights() -> None:
    names = [name for name, _ in instructions()]
    assert names.count("FROM") == 2
    user = dict(instructions())["USER"]
    assert user not in ("root", "0")
    assert any(name == "RUN" and "useradd" in rest and user in rest for name, rest in instructions())
    assert names.index("USER") > max(i for i, name in enumerate(names) if name in ("COPY", "RUN"))


def test_the_container_is_built_of_what_is_there_with_the_tested_versions() -> None:
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    for name, rest in instructions():
        words = shlex.split(rest)
        if name == "COPY" and not rest.startswith("--from"):
            assert all((ROOT / word).exists() for word in words[:-1])
            assert not set(words) & set(ignored)
        if name == "RUN" and "install" in words:
            assert words[words.index("-c") + 1] == "constraints.txt"
    needed = {PROJECT["readme"], "LICENSE", "pyproject.toml", "genbench", "plugins", "constraints.txt"}
    copied = {word for name, rest in instructions() if name == "COPY" for word in rest.split()}
    assert needed <= copied


# ------------------------------------------------------------------------------------------------------------ metadata


def test_the_citation_has_known_fields_of_the_right_form() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert set(citation) <= CITATION_KEYS
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] in ("dataset", "software")
    for author in citation["authors"]:
        assert set(author) <= {"name", "website"} or {"family-names", "given-names"} <= set(author)


def test_the_package_has_addresses_and_known_classifiers() -> None:
    classifiers = pytest.importorskip("trove_classifiers").classifiers
    assert {"Homepage", "Issues", "Documentation", "Changelog"} <= set(PROJECT["urls"])
    assert set(PROJECT["classifiers"]) <= classifiers


def test_the_tested_versions_are_pinned_and_in_order() -> None:
    lines = [line for line in CONSTRAINTS if not line.startswith("#")]
    assert lines == sorted(lines, key=str.lower)
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    direct = [PROJECT["dependencies"]]
    for path in ROOT.glob("plugins/*/pyproject.toml"):
        direct.append(tomllib.loads(path.read_text())["project"]["dependencies"])
    needed = {Requirement(text).name.lower().replace("_", "-") for texts in direct for text in texts} - {"genbench"}
    assert needed <= pinned
