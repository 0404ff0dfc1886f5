"""Checks of declarations, which import nothing heavy."""

from __future__ import annotations

from pathlib import Path

import pytest

from genbench.testing import Failed, checks_for, subjects


def test_a_package_that_declares_heavily_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "heavy_declaration"
    package.mkdir()
    (package / "__init__.py").write_text("import json, numpy\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    [subject] = subjects("dataset:ring")
    from dataclasses import replace

    entry = replace(subject.entry, provenance=replace(subject.entry.provenance, module="heavy_declaration"))
    [check] = [each for each in checks_for("dataset") if each.name == "declared_lightly"]
    with pytest.raises(Failed, match="imports numpy: every start"):
        check(replace(subject, entry=entry))
    check(subject)
