"""Repeat a training in a second process, to compare the digests of the samples."""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any

from genbench.process.launch import start_server
from genbench.testing.check import Subject, expect
from genbench.testing.model_training import digest, draw, fitted_model

__all__ = ["digest_in_second_process"]


def digest_in_second_process(subject: Subject) -> str:
    """Return the digest of the samples that a second process draws; raises Failed where it fails."""
    import multiprocessing

    context: Any = start_server()
    receiver, sender = multiprocessing.Pipe(duplex=False)
    files = [str(path) for path in subject.files]
    process = context.Process(target=_send_digest, args=(sender, subject.entry.qualified, files))
    process.start()
    sender.close()
    try:
        answer: str = receiver.recv_bytes().decode()
    except EOFError:
        answer = "the process ended without an answer"
    process.join()
    expect(answer.startswith("sha256 "), f"the other process failed: {answer}")
    return answer.removeprefix("sha256 ")


def _send_digest(sender: Connection, name: str, files: list[str]) -> None:
    import torch

    from genbench.errors import describe
    from genbench.testing.interface import subjects

    torch.set_num_threads(1)
    try:
        [subject] = subjects(name, files, "model")
        sender.send_bytes(f"sha256 {digest(draw(fitted_model(subject)[0], 50))}".encode())
    except Exception as error:
        sender.send_bytes(describe(error).encode())
