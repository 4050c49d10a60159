"""Ctrl-C and its relatives, noticed at pauses and nowhere else: no child is lost between fork and record.

The state is the process's own, as signal handlers are. A second signal means: hurry.
"""

import signal
import time
from collections.abc import Callable

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_count = 0
_last = 0


class Stopped(BaseException):
    """A person or the system asked the program to end."""


def install() -> None:
    for number in SIGNALS:
        signal.signal(number, _note)


def _note(number, frame) -> None:
    global _count, _last
    _count += 1
    _last = number


def count() -> int:
    """How many times the program was asked to end."""
    return _count


def last() -> int:
    """The number of the latest signal, 0 before the first."""
    return _last


def pause(seconds: float = 0.05) -> None:
    """Sleep, then raise Stopped if the program was asked to end."""
    time.sleep(seconds)
    if _count:
        raise Stopped


def wait_until(condition: Callable[[], bool], seconds: float, step: float = 0.02) -> bool:
    """Poll until the condition holds (True) or the time is over (False). Stopped when asked to end."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause(step)
    return True
