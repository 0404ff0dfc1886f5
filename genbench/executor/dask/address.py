"""Parse and check ``--scheduler``, before anything of Dask is imported."""

from __future__ import annotations

import importlib.util
import ipaddress
import re
from dataclasses import dataclass

from genbench.errors import UserError, suggestion
from genbench.executor.dask.job_queue import QUEUES


@dataclass(frozen=True)
class SchedulerAddress:
    """The value of ``--scheduler``: the address of a scheduler, or a kind of cluster and its number of workers."""

    text: str
    kind: str = ""  # empty for an address
    workers: int = 0


def parse_scheduler(text: str, *, insecure: bool = False) -> SchedulerAddress:
    """Parse ``tcp://host:8786``, ``local:4`` or ``slurm:20``; raises UserError, also where Dask is not installed."""
    kind, colon, rest = text.partition(":")
    if rest.startswith("//"):
        _check_address(text, kind, insecure)
        address = SchedulerAddress(text)
    elif kind in QUEUES and colon and rest.isdigit() and int(rest) > 0:
        address = SchedulerAddress(text, kind, int(rest))
    else:
        hint = "" if kind in QUEUES else suggestion(kind, QUEUES)
        kinds = ", ".join(f"{each}:N" for each in QUEUES)
        raise UserError(f"--scheduler {text}: expected tcp://HOST:PORT, tls://HOST:PORT or N workers as {kinds}{hint}")
    for module in ("distributed", *(["dask_jobqueue"] if address.kind not in ("", "local") else [])):
        if importlib.util.find_spec(module) is None:
            raise UserError(f"--scheduler {text}: {module} is not installed; try: pip install 'genbench[dask]'")
    return address


def _check_address(text: str, scheme: str, insecure: bool) -> None:
    match = re.fullmatch(r"(tcp|tls)://(\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+):(\d{1,5})/?", text)
    if match is None:
        raise UserError(f"--scheduler {text}: expected an address as tcp://127.0.0.1:8786 or tls://HOST:8786")
    if scheme == "tcp" and not insecure:
        here = _is_loopback(match[2].strip("[]"))
        who = "every user of this machine can reach it, and" if here else "whoever reaches it"
        raise UserError(
            f"--scheduler {text}: a scheduler without TLS asks for no key: {who} can run code as you on its workers; "
            "use tls://, local:N, or accept that with --insecure"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
