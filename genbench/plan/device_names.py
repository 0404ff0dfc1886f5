"""Names of devices, as users type them and records hold them, parsed without asking a driver."""

from __future__ import annotations

from dataclasses import dataclass

from genbench.errors import UserError

DEVICE_KINDS = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class DeviceName:
    """``auto``, ``cpu``, ``cuda``, ``mps``, or GPUs by their numbers: ``cuda:1``, ``cuda:0,cuda:1``."""

    kind: str
    indices: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> DeviceName:
        """Parse a name; raises UserError unless it is one device, or several different GPUs."""
        parts = [name.partition(":") for name in text.split(",")]
        for kind, _, index in parts:
            if kind not in DEVICE_KINDS or (index and not (index.isdigit() and kind == "cuda")):
                expected = "auto, cpu, cuda, mps, cuda:0 or cuda:0,cuda:1"
                raise UserError(f"--device {text}: expected {expected}; got {kind + (index and ':' + index)!r}")
        indices = tuple(int(index) for _, _, index in parts if index)
        if len(parts) > 1 and len(set(indices)) < len(parts):
            raise UserError(f"--device {text}: several devices must be different GPUs, as cuda:0,cuda:1")
        return cls(parts[0][0], indices)

    @property
    def on_gpu(self) -> bool:
        """Whether it names one or several CUDA devices."""
        return self.kind == "cuda"

    @property
    def each(self) -> tuple[str, ...]:
        """The names of the single devices."""
        return tuple(f"{self.kind}:{index}" for index in self.indices) or (self.kind,)

    def __str__(self) -> str:
        return ",".join(self.each)


def kind_of(stored: object) -> str:
    """Return the kind of device in a record, without checking that it is valid: cuda for ``cuda:0,cuda:1``."""
    return str(stored or "").partition(":")[0]


def remote_device(text: str) -> str:
    """Return the device for ``--device`` on other machines, whose GPUs are not known yet; raises UserError."""
    known = {"auto": "cpu", "cpu": "cpu", "cuda": "cuda:0"}
    if text not in known:
        raise UserError(f"--device {text}: with --scheduler expected cpu or cuda; each worker chooses its GPU")
    return known[text]
