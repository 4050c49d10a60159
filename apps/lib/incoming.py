"""The body of a request in pieces, as it comes: however it is framed, and never waited for without end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from socket import SHUT_RD
from threading import Timer

from django.http import HttpRequest

from apps.lib.inflight import WAITING

# Of a straight reading: so many buffers are filled in turn.
BUFFERS, BUFFER = WAITING + 1, 512 * 1024
# gunicorn does not go on with chunks after a silence, so that they are given longer before they count as broken.
MOMENTS = 4


class Silent(Exception):
    """Nothing came for a moment; what did come is kept for the next reading."""


class Body:
    """`read(n)` gives at most n bytes, none at the end. A peer that went away is an end before `length` bytes.

    What it gives stays as it is while WAITING more are read.
    `length` is what the request says it holds, None where it comes in chunks and does not say; then `is_broken` tells
    that they ended before the last one. With `moment`, seconds, a reading in which nothing comes for so long raises
    Silent, in chunks it breaks them; one that takes `longest` altogether breaks either. Both need gunicorn, which
    lends its socket.
    """

    def __init__(self, request: HttpRequest, *, moment: float, longest: float):
        chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
        # Django reads nothing where no length is said; gunicorn's own stream ends with the last chunk.
        source = request.META["wsgi.input"] if chunked and request.META.get("wsgi.input_terminated") else request
        straight = _straight(request, longest)
        self._read: Callable[[int], bytes | memoryview] = (straight or source).read
        self._socket, self._longest = request.META.get("gunicorn.socket"), longest
        self._watches = self._socket is not None and straight is None
        self._moment = moment * MOMENTS if chunked else moment
        self.length = None if chunked else int(request.META.get("CONTENT_LENGTH") or 0)
        self.is_broken = False

    def __enter__(self) -> "Body":
        if self._socket is not None:
            self._socket.settimeout(self._moment)
        return self

    def __exit__(self, *failure) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.settimeout(None)

    def read(self, most: int) -> bytes | memoryview:
        with self._watched():
            try:
                return self._read(most)
            except Exception as failure:  # gunicorn reads foreign bytes
                if self.length is not None and _is_timeout(failure):
                    raise Silent from failure
            self.is_broken = True
            with suppress(Exception):
                return self._read(most)  # what it held when it failed
            return b""

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """A reading waits until all is there that it asks for: whoever sends a byte now and then would hold it."""
        if not self._watches:
            yield
            return
        watch = Timer(self._longest, self._hang_up)
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()

    def _hang_up(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(SHUT_RD)


def _is_timeout(failure: Exception) -> bool:
    return isinstance(failure, TimeoutError) or isinstance(failure.__cause__, TimeoutError)


class _Straight:
    """A body of known length from gunicorn's socket into a few buffers in turn.

    gunicorn's own way makes four copies of every byte, each in memory that was not there before: that takes as long as
    the bytes take to come.
    """

    def __init__(self, reader, longest: float):
        self._reader, self._longest = reader, longest
        self._buffers = cycle([memoryview(bytearray(min(BUFFER, reader.length))) for _ in range(BUFFERS)])

    def read(self, most: int) -> bytes | memoryview:
        if held := self._reader.unreader.buf.getbuffer().nbytes:  # came with the head
            return self._reader.read(min(most, held))
        room = next(self._buffers)[: min(most, self._reader.length)]
        return room[: self._filled(room)]

    def _filled(self, room: memoryview) -> int:
        """How much came; less than there is room for when the peer stops, is silent, or takes too long."""
        came, wire, until = 0, self._reader.unreader.sock, time.monotonic() + self._longest
        while came < len(room):
            if time.monotonic() > until:
                wire.shutdown(SHUT_RD)
                break
            try:
                count = wire.recv_into(room[came:])
            except TimeoutError:
                if not came:
                    raise
                break
            if not count:
                break
            came += count
            self._reader.length -= count
        return came


def _straight(request: HttpRequest, longest: float) -> _Straight | None:
    """None where the body is framed, or served, in another way."""
    reader = getattr(request.META.get("wsgi.input"), "reader", None)
    known = hasattr(reader, "length") and hasattr(getattr(reader, "unreader", None), "sock")
    return _Straight(reader, longest) if known else None


class Pace:
    """Whether a peer still sends: not `silence` seconds without a byte, and no less than `rate` bytes a second."""

    def __init__(self, *, silence: float, rate: int):
        self._silence, self._rate = silence, rate
        self._begun = self._heard = time.monotonic()
        self._bytes = 0

    def came(self, count: int) -> None:
        self._heard = time.monotonic()
        self._bytes += count

    @property
    def is_lost(self) -> bool:
        now = time.monotonic()
        lasted = now - self._begun
        return now - self._heard > self._silence or lasted > self._silence and self._bytes < self._rate * lasted
