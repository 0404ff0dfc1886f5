"""Stop a run on signals: after the first it writes its records and ends, the second ends it at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
DUPLICATE_SIGNAL_S = 0.05  # within which a second signal is the first one, forwarded by a wrapper


class Terminated(KeyboardInterrupt):
    """Raised when signal ``number`` ends the program; a KeyboardInterrupt, so that it is not taken for a failure."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """While entered, in the main thread, SIGTERM ends the program with exit code 143, after its clean-up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: FrameType | None) -> None:
        raise Terminated(number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except Terminated as error:
        sys.exit(128 + error.number)
    finally:
        signal.signal(signal.SIGTERM, before)


class Stop:
    """While entered, in the main thread, Ctrl-C, SIGTERM and SIGHUP set ``number``; a second raises KeyboardInterrupt.

    ``handle`` becomes readable with the first signal. A SIGHUP that is ignored, as under nohup, stays ignored.
    """

    def __init__(self, *, enabled: bool = True) -> None:
        self.number = 0
        self.repeated = False
        self._time = 0.0
        self._interruptible = False
        self._enabled = enabled and threading.current_thread() is threading.main_thread()
        self._before: dict[int, Any] = {}
        self.handle, self._writer = os.pipe()

    def __enter__(self) -> Stop:
        for number in SIGNALS if self._enabled else ():
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self.handle)
        os.close(self._writer)

    def _receive(self, number: int, _: FrameType | None) -> None:
        if self.number == 0:
            self.number, self._time = number, time.monotonic()
            os.write(self._writer, b"!")
            if self._interruptible:
                raise KeyboardInterrupt
        elif time.monotonic() - self._time > DUPLICATE_SIGNAL_S:
            self.repeated = True
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """While entered, the first signal, too, ends calls that may take seconds; ``number`` is set then."""
        self._interruptible = True
        try:
            yield
        except KeyboardInterrupt:
            if self.repeated or not self.number:
                raise
        finally:
            self._interruptible = False
