"""Server-sent events from threads: few at a time, each for a short while. Who finds no seat asks again and again."""

import datetime as dt
import time
from collections.abc import Callable, Iterator
from threading import BoundedSemaphore

from apps.lib.errors import Refusal

CONTENT_TYPE = "text/event-stream"
# No cache keeps it, no proxy holds it back until it is whole.
HEADERS = {"Cache-Control": "private, no-store", "X-Accel-Buffering": "no"}
EVERY = dt.timedelta(seconds=0.5)
SILENT_TURNS = 10

Look = Callable[[], tuple[str, bool] | None]


class Seats:
    """How many threads of this process may tell events at a time: a thread that tells answers nobody else."""

    def __init__(self, most: int):
        self._free = BoundedSemaphore(most) if most else None

    def take(self) -> Callable[[], None]:
        """What gives the seat back. Refusals: EVENTS_BUSY 429 when none is free."""
        if self._free is None or not self._free.acquire(blocking=False):
            message = "Too many are listening at this moment. Ask for the row itself every few seconds instead."
            raise Refusal("EVENTS_BUSY", message, status=429)
        return self._free.release


class Stream:
    """One event at once and one per change, until it is over or `lasts` is; browsers then come back by themselves.

    `look` gives the facts as one line of text and whether they are final, or None when there is nothing to see any
    more. `leave` is called once, by `close`, also for a stream that nobody began to read, or that nobody closes because
    something failed between the view and the server.
    """

    def __init__(self, look: Look, *, name: str, lasts: dt.timedelta, leave: Callable[[], None]):
        self.look, self.name, self.lasts, self._leave = look, name, lasts, leave

    def __iter__(self) -> Iterator[str]:
        ends, told, silent = time.monotonic() + self.lasts.total_seconds(), "", 0
        yield "retry: 1000\n\n"
        while (seen := self.look()) is not None:
            facts, is_over = seen
            if facts != told:
                yield f"event: {self.name}\ndata: {facts}\n\n"
                told, silent = facts, 0
            elif (silent := silent + 1) % SILENT_TURNS == 0:
                yield ": nothing new\n\n"  # tells the server whether the listener is still there
            if is_over or time.monotonic() + EVERY.total_seconds() > ends:
                return
            time.sleep(EVERY.total_seconds())

    def close(self) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()

    def __del__(self) -> None:
        self.close()
