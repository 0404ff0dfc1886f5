"""Files that a plan names and that are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from genbench import api
from genbench.errors import UserError
from genbench.plan.absent_files import check_files
from genbench.plan.plan import Request, make_plan
from genbench.registry.registry import Registry


def test_a_missing_file_is_refused_when_planned_with_the_remedy(tmp_path: Path) -> None:
    request = Request(models="gaussian", datasets=f"mnist[path={tmp_path}/digits]", seeds=1, device="cpu")
    message = r"dataset mnist\[path=.*\]: there is no file or folder .*digits; --set mnist\.path=PATH says where it is"
    with pytest.raises(UserError, match=message):
        api.prepare(request)
    (tmp_path / "digits").mkdir()
    plan, _ = api.prepare(request)
    assert plan.cells
    (tmp_path / "digits").rmdir()
    assert api.prepare(request, remote=True)[0].cells, "other machines may have it"


def test_data_without_a_path_come_with_their_plugin() -> None:
    plan = make_plan(Request(models="gaussian", datasets="mnist,ring", seeds=1), Registry.discover())
    check_files(plan)
