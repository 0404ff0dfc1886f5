"""Two runs to be joined."""

from __future__ import annotations

from run_directories import whole_record

SHARED = whole_record("vae")
