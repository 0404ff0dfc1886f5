"""How a cell ended: the ten statuses of a record, and what each means for resuming and for tables."""

from __future__ import annotations

__all__ = ["ABSENT", "FAILURES", "STATUSES", "UNFINISHED"]

UNFINISHED = ("interrupted", "lost", "skipped")  # never in the place of an attempt that came to its own end
STATUSES = ("ok", "invalid", "diverged", "failed", "timeout", "oom", "crashed", "lost", "interrupted", "skipped")
FAILURES = tuple(status for status in STATUSES if status not in ("ok", *UNFINISHED))
ABSENT = ("skipped", "interrupted")  # never ran to an end of their own: neither scores nor failures
