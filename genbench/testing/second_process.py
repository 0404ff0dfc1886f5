"""Repeat a training in a second process, to compare the digests of the samples."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import torch

from genbench.errors import describe
from genbench.process.launch import start_server
from genbench.testing.check import Failed, Subject
from genbench.testing.interface import subjects
from genbench.testing.model_training import digest, draw, fitted_model


def digest_in_second_process(subject: Subject) -> str:
    """Return the digest of the samples that a second process draws; raises Failed where it fails."""
    files = [str(path) for path in subject.files]
    try:
        with ProcessPoolExecutor(1, mp_context=start_server()) as pool:
            found, problem = pool.submit(_digest, subject.entry.qualified, files).result()
    except BrokenProcessPool:
        found, problem = "", "the process ended without an answer"
    if problem:
        raise Failed(f"the other process failed: {problem}")
    return found


def _digest(name: str, files: list[str]) -> tuple[str, str]:
    """Return the digest, and what went wrong."""
    torch.set_num_threads(1)
    try:
        [subject] = subjects(name, files, "model")
        return digest(draw(fitted_model(subject)[0], 50)), ""
    except Exception as error:
        return "", describe(error)
