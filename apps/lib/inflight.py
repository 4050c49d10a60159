"""Bytes into a file, hashed and carried to the disk while the next ones come.

hashlib and the kernel let go of the interpreter, so a second core does the one and the disk the other.
"""

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

# So many pieces may wait to be hashed, and have to stay as they are.
WAITING = 3
# Shorter pieces are hashed sooner than handed over.
WORTH_IT = 64 * 1024
# In one write: for more, Linux looks for memory that lies together, which takes it longer than the writing.
STEP = 64 * 1024
# So much is given to the disk at once, so that little is left for the sync at the end.
CARRIED = 16 * 1024 * 1024


class Unsynced(OSError):
    """The disk did not take what was written; which of it, nobody says, and the next sync looks well."""


class InFlight:
    """After `close`, which the end of a block of it calls, the digests have all that was written.

    With `behind` the writing waits with the hashing: for who counts nothing before the end.
    """

    def __init__(self, file: BinaryIO, *digests, behind: bool = False):
        self._file, self._digests, self._written, self._behind = file, digests, 0, behind
        self._hashing, self._carrying = (ThreadPoolExecutor(1, thread_name_prefix=name) for name in ("hash", "carry"))
        self._waiting: deque[Future] = deque()
        self._carried: Future | None = None

    def __enter__(self) -> "InFlight":
        return self

    def __exit__(self, *failure) -> None:
        self.close()

    def write(self, data: bytes | memoryview) -> None:
        """Nobody may change `data` before WAITING more were written. OSError, also of what was written before."""
        if not self._behind:
            self._put(data)
        self._hand_over(data)

    def _put(self, data: bytes | memoryview) -> None:
        left = memoryview(data)
        while left:
            left = left[self._file.write(left[:STEP]) :]
        self._written += len(data)
        if self._written >= CARRIED:
            self._written = 0
            self._carry()

    def close(self) -> None:
        """OSError when the disk did not take what was given to it; the file itself stays open, its end unsynced."""
        self._hashing.shutdown()
        self._carrying.shutdown()
        for last in self._waiting:
            last.result()
        self._settle()

    def _hand_over(self, data: bytes | memoryview) -> None:
        if self._behind or self._waiting or len(data) >= WORTH_IT:
            self._waiting.append(self._hashing.submit(self._feed, data))
        else:
            self._feed(data)
        while self._waiting and (self._waiting[0].done() or len(self._waiting) > WAITING):
            self._waiting.popleft().result()

    def _feed(self, data: bytes | memoryview) -> None:
        if self._behind:
            self._put(data)
        for digest in self._digests:
            digest.update(data)

    def _carry(self) -> None:
        self._settle()
        self._carried = self._carrying.submit(os.fdatasync, self._file.fileno())

    def _settle(self) -> None:
        """A failure is told to nobody but the one who waits for it: the next sync knows nothing of it."""
        carried, self._carried = self._carried, None
        if carried is not None:
            synced(carried.result)


def synced(sync: Callable[[], None]) -> None:
    """Raises Unsynced."""
    try:
        sync()
    except OSError as failure:
        raise Unsynced(*failure.args) from failure
