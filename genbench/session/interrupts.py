"""How a run is stopped: the first signal asks it to write down what there is, the second stops it at once."""

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

__all__ = ["Ended", "Stop", "ending_as_shells_tell"]

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ECHO = 0.05  # seconds within which a second signal is the first again, passed on by a wrapper


class Ended(KeyboardInterrupt):
    """The program is to end by a signal, ``number``: no fault of the code that it goes through, as Ctrl-C is none."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def ending_as_shells_tell() -> Iterator[None]:
    """While entered, in the main thread, let SIGTERM end the program with exit code 143 and its cleaning up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: FrameType | None) -> None:
        raise Ended(number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except Ended as ended:
        sys.exit(128 + ended.number)
    finally:
        signal.signal(signal.SIGTERM, before)


class Stop:
    """While entered, in the main thread, Ctrl-C, SIGTERM and SIGHUP set ``number``; one more raises KeyboardInterrupt.

    ``handle`` becomes readable with the first. A SIGHUP that is ignored, as under nohup, stays so.
    """

    def __init__(self, *, listening: bool = True) -> None:
        self.number = 0
        self.again = False
        self._at = 0.0
        self._impatient = False
        self._listening = listening and threading.current_thread() is threading.main_thread()
        self._before: dict[int, Any] = {}
        self.handle, self._tell = os.pipe()

    def __enter__(self) -> Stop:
        for number in SIGNALS if self._listening else ():
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self.handle)
        os.close(self._tell)

    def _hear(self, number: int, _: FrameType | None) -> None:
        if self.number == 0:
            self.number, self._at = number, time.monotonic()
            os.write(self._tell, b"!")
            if self._impatient:
                raise KeyboardInterrupt
        elif time.monotonic() - self._at > ECHO:
            self.again = True
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def impatient(self) -> Iterator[None]:
        """Let the first signal, too, end the calls inside, which may wait for seconds; ``number`` is set then."""
        self._impatient = True
        try:
            yield
        except KeyboardInterrupt:
            if self.again or not self.number:
                raise
        finally:
            self._impatient = False
