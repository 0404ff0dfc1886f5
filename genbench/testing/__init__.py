"""The conformance kit: what a plugin promises, as checks that its author can run.

``genbench check NAME``, ``pytest --genbench NAME``, the decorator ``conformance`` and the function ``check_plugin`` are
four ways to the same checks. Importing this imports no torch: a check does when it runs.
"""

from genbench.testing.check import Check, Failed, Skipped, checks_for
from genbench.testing.front import check_plugin, conformance, subjects
from genbench.testing.kit import Outcome, Report, verify

__all__ = [
    "Check",
    "Failed",
    "Outcome",
    "Report",
    "Skipped",
    "check_plugin",
    "checks_for",
    "conformance",
    "subjects",
    "verify",
]
