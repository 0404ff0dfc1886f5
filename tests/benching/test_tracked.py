"""What is measured on both sides."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]


TRACKED = ROOT / "genbench" / "benching" / "tracked.py"


def test_a_side_is_asked_for_nothing_that_versions_in_use_lack() -> None:
    """A name that only head has would leave base unmeasured: it must not be imported by what measures both."""
    imports = [node for node in ast.walk(ast.parse(TRACKED.read_text())) if isinstance(node, ast.ImportFrom)]
    asked = {
        f"{node.module}.{alias.name}" for node in imports for alias in node.names if "genbench" in str(node.module)
    }
    assert asked == {
        "genbench.budget.Budget",
        "genbench.budget.Sizes",
        "genbench.data.fingerprint",
        "genbench.plan.Request",
        "genbench.plan.make_plan",
        "genbench.protocol.Evidence",
        "genbench.protocol.LogDensity",
        "genbench.protocol.Modes",
        "genbench.protocol.RealSide",
        "genbench.protocol.Simulator",
        "genbench.protocol.TrainingData",
        "genbench.record.read_records",
        "genbench.record.write_json",
        "genbench.record.write_record",
        "genbench.registry.Registry",
        "genbench.registry.resolve",
        "genbench.report.render",
        "genbench.scoring.Scorer",
        "genbench.scoring.evaluate",
        "genbench.training.Run",
    }
