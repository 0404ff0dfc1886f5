"""The kit's first users: every plugin that comes with genbench."""

from __future__ import annotations

import pytest

from genbench.registry.registry import Registry
from genbench.spec import PLUGIN_KINDS
from genbench.testing import check_plugin

ENTRIES = [
    (kind, entry.key)
    for kind in PLUGIN_KINDS
    for entry in Registry.discover().entries(kind)
    if entry.provenance.distribution == "genbench"
]
NEED_FILES = {"fashion_mnist"}  # of the user's own
MINUTES_EACH = {"made", "pixelcnn", "vqvae"}  # of all checks at full length: genbench check NAME
NEED_EXTRAS = {"efficientnet": "efficientnet_lite_pytorch"}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "key"), ENTRIES, ids=[f"{kind}-{key}" for kind, key in ENTRIES])
def test_it_keeps_the_contract(kind: str, key: str) -> None:
    if key in NEED_FILES:
        pytest.skip("its files come with the user")
    if key in NEED_EXTRAS:
        pytest.importorskip(NEED_EXTRAS[key])
    [report] = check_plugin(f"{kind}:{key}", fast=key in MINUTES_EACH)
    assert {outcome.check.name: outcome.reason for outcome in report.outcomes if outcome.bad} == {}
    assert report.ok
