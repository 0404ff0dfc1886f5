"""The names of devices that a user may give, read before any driver is asked."""

from __future__ import annotations

from genbench.errors import UserError

__all__ = ["check_device_names", "remote_device"]


def check_device_names(text: str) -> None:
    """Raise UserError unless ``text`` is ``auto``, one device, or several different GPUs."""
    names = text.split(",")
    for name in names:
        kind, _, index = name.partition(":")
        if kind not in ("auto", "cpu", "cuda", "mps") or (index and not index.isdigit()) or (index and kind != "cuda"):
            raise UserError(f"--device {text}: expected auto, cpu, cuda, mps, cuda:0 or cuda:0,cuda:1; got {name!r}")
    if len(names) > 1 and (len(set(names)) < len(names) or not all(name.startswith("cuda:") for name in names)):
        raise UserError(f"--device {text}: several devices must be different GPUs, as cuda:0,cuda:1")


def remote_device(device: str) -> str:
    """Return what ``--device`` means on other machines, which are asked later; raises UserError."""
    known = {"auto": "cpu", "cpu": "cpu", "cuda": "cuda:0"}
    if device not in known:
        raise UserError(f"--device {device}: with --scheduler expected cpu or cuda; workers say which GPU is theirs")
    return known[device]
