"""Names of devices: each form that can be typed, and each that cannot be meant."""

from __future__ import annotations

import pytest

from genbench.errors import UserError
from genbench.plan.device_names import DeviceName, kind_of, remote_device


@pytest.mark.parametrize(
    ("text", "kind", "indices", "each"),
    [
        ("auto", "auto", (), ("auto",)),
        ("cpu", "cpu", (), ("cpu",)),
        ("mps", "mps", (), ("mps",)),
        ("cuda", "cuda", (), ("cuda",)),
        ("cuda:0", "cuda", (0,), ("cuda:0",)),
        ("cuda:12", "cuda", (12,), ("cuda:12",)),
        ("cuda:1,cuda:0", "cuda", (1, 0), ("cuda:1", "cuda:0")),
    ],
)
def test_a_name_has_a_kind_and_indices_and_is_written_as_it_was(
    text: str, kind: str, indices: tuple[int, ...], each: tuple[str, ...]
) -> None:
    name = DeviceName.parse(text)
    assert (name.kind, name.indices, name.each) == (kind, indices, each)
    assert str(name) == text
    assert DeviceName.parse(str(name)) == name
    assert name.on_gpu == (kind == "cuda")


@pytest.mark.parametrize("text", ["", "gpu", "CPU", "cpu:0", "mps:0", "auto:1", "cuda:x", "cuda:-1", "cuda:1.5"])
def test_what_is_no_device_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(UserError, match=f"^--device {text}: expected auto, cpu, cuda, mps, cuda:0 or cuda:0,cuda:1"):
        DeviceName.parse(text)


@pytest.mark.parametrize("text", ["cpu,cpu", "cpu,cuda:0", "cuda,cuda:1", "cuda:0,cuda:0", "auto,cpu", "mps,mps"])
def test_several_devices_are_different_gpus(text: str) -> None:
    with pytest.raises(UserError, match="several devices must be different GPUs"):
        DeviceName.parse(text)


@pytest.mark.parametrize(
    ("stored", "kind"), [("cuda:3", "cuda"), ("cpu", "cpu"), (None, ""), ("", ""), ("tpu:0", "tpu"), (5, "5")]
)
def test_the_kind_of_what_a_record_holds_is_read_whatever_that_is(stored: object, kind: str) -> None:
    assert kind_of(stored) == kind


def test_other_machines_choose_their_own_gpu() -> None:
    assert [remote_device(text) for text in ("auto", "cpu", "cuda")] == ["cpu", "cpu", "cuda:0"]
    for text in ("cuda:1", "mps", "cuda:0,cuda:1"):
        with pytest.raises(UserError, match=f"--device {text}: with --scheduler expected cpu or cuda"):
            remote_device(text)
