"""The runs of a report: plan, machine and versions of each session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genbench.record.store import read_run
from genbench.report.html.replay import mapping
from genbench.report.text import clean

MAX_SKIPPED = 200  # skipped combinations that are listed


def runs_of(folders: Mapping[str, Path]) -> list[dict[str, Any]]:
    """Return the content of each run's ``run.json``, as names and texts."""
    found = []
    for name, folder in folders.items():
        about = read_run(folder, [])
        sessions = [about, *(s for s in about.get("sessions") or () if isinstance(s, Mapping))] if about else []
        skipped = [_skip(s) for session in sessions for s in session.get("skipped") or () if isinstance(s, Mapping)]
        found.append(
            {
                "name": name,
                "title": clean(name),
                "about": about,
                "cells": len(about.get("cells") or ()),
                "sessions": [_session(session) for session in sessions],
                "skipped": list(dict.fromkeys(skipped))[:MAX_SKIPPED],
            }
        )
    return found


def _session(session: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the tables of one session: a title, and names with their values."""
    request = {"started": session.get("created"), **mapping(session.get("request")), "jobs": session.get("jobs")}
    parts = (
        ("Plan", request),
        ("Machine", mapping(session.get("machine"))),
        ("Versions", {**mapping(session.get("versions")), "commit of genbench": session.get("commit")}),
    )
    return [(title, [(clean(name), _text(value)) for name, value in part.items()]) for title, part in parts]


def _text(value: Any) -> str:
    if value is None or value in ("", []):
        return "–"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return clean(", ".join(map(str, value)), 1000)
    return clean(value, 1000)


def _skip(skip: Mapping[str, Any]) -> str:
    parts = [str(part) for name in ("model", "dataset", "metric") if (part := skip.get(name))]
    return clean(f"{' × '.join(parts)}: {skip.get('reason')}")
