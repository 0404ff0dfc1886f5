"""The same training in another process: the digest of its samples."""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any

from genbench.process.launch import start_server
from genbench.testing.check import Subject, expect
from genbench.testing.trained import digest, draw, fitted

__all__ = ["elsewhere"]


def elsewhere(subject: Subject) -> str:
    """Return the digest of the samples that another process gives; raises Failed where it gives none."""
    import multiprocessing

    context: Any = start_server()
    ours, theirs = multiprocessing.Pipe(duplex=False)
    files = [str(path) for path in subject.files]
    process = context.Process(target=_answer, args=(theirs, subject.entry.qualified, files))
    process.start()
    theirs.close()
    try:
        answer: str = ours.recv_bytes().decode()
    except EOFError:
        answer = "the process ended without an answer"
    process.join()
    expect(answer.startswith("sha256 "), f"the other process failed: {answer}")
    return answer.removeprefix("sha256 ")


def _answer(channel: Connection, name: str, files: list[str]) -> None:
    import torch

    from genbench.errors import describe
    from genbench.testing.front import subjects

    torch.set_num_threads(1)
    try:
        [subject] = subjects(name, files, "model")
        channel.send_bytes(f"sha256 {digest(draw(fitted(subject)[0], 50))}".encode())
    except Exception as error:
        channel.send_bytes(describe(error).encode())
