"""The conformance kit: checks of the contract of plugins, for their authors to run.

``genbench check NAME``, ``pytest --genbench NAME``, the decorator ``conformance`` and the function ``check_plugin`` run
the same checks. Importing this package does not import torch; running a check does.
"""

from genbench.testing.check import Check, Failed, Skipped, checks_for
from genbench.testing.interface import check_plugin, configured, conformance, subjects
from genbench.testing.kit import Outcome, Report, verify

__all__ = [
    "Check",
    "Failed",
    "Outcome",
    "Report",
    "Skipped",
    "check_plugin",
    "checks_for",
    "configured",
    "conformance",
    "subjects",
    "verify",
]
