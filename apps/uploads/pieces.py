"""The bytes of an upload as they come, piece by piece: one writer at a time, hashed on their way to the spool.

The row says how many bytes count (`received_bytes`); what a killed server wrote beyond them is written over. The
SHA-256 runs along in the memory of the process that takes the pieces. A process that has not seen the earlier ones
reads them from the spool, once.
"""

import hashlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import FileIO

from django.utils import timezone

from apps.lib import locks, spool
from apps.lib.errors import Conflict, Refusal
from apps.lib.incoming import Body, Pace, Silent
from apps.lib.inflight import InFlight, Unsynced, synced
from apps.uploads import intake, tus
from apps.uploads.models import Upload

# Bytes at a time: many of a quick connection, of a slow one few, so that little is lost with it and it is seen to.
LEAST, MOST, LONG_S = 16 * 1024, 1024 * 1024, 0.25
# How often the row learns how far it is, and who holds the upload whether somebody else wants it.
TOLD_EVERY_S = 1.0
# A connection that is silent for so long, or slower than this on the whole, is given up; what came is kept.
SILENCE_S, LEAST_RATE = 20.0, 4096
# How long whoever holds an upload is given to let go of it.
PATIENCE_S = 5.0
# Of so many uploads a process remembers the running hash, some hundred bytes each.
REMEMBERED = 1000


class Running:
    """The SHA-256 of uploads as far as this process has taken them; the oldest are forgotten."""

    def __init__(self, most: int = REMEMBERED):
        self._most, self._known, self._guard = most, OrderedDict(), threading.Lock()

    def at(self, upload: Upload, file: FileIO, offset: int):
        """The hash of the first `offset` bytes; what others took meanwhile is read from the file."""
        with self._guard:
            seen, digest = self._known.pop(upload.pk, (0, hashlib.sha256()))
        if seen > offset:
            seen, digest = 0, hashlib.sha256()
        file.seek(seen)
        while seen < offset and (data := file.read(min(MOST, offset - seen))):
            digest.update(data)
            seen += len(data)
        return digest

    def keep(self, upload: Upload, offset: int, digest) -> None:
        with self._guard:
            self._known[upload.pk] = (offset, digest)
            while len(self._known) > self._most:
                self._known.popitem(last=False)


running = Running()


def take(upload: Upload, body: Body, *, at: int, checksum: tus.Checksum | None = None) -> Upload:
    """Add what comes, from byte `at` on; with the last byte the upload is received.

    Bytes that came before a connection broke count. Those of a piece with a checksum count when all of it is there and
    matches. Refusals: OFFSET_CONFLICT 409, LOCKED 423, TOO_LARGE 413, BROKEN_OFF 408, CHECKSUM_MISMATCH 460, DISK_FULL
    507, and 410 with the reason when the upload is over.
    """
    with alone(upload), body:
        offset = reached(upload)
        tus.follows(said=at, offset=offset, comes=body.length, size=upload.size_bytes)
        if upload.state != "receiving":
            return upload
        spool.check_room(upload.size_bytes - offset)
        with _opened(upload) as file:
            return _Taking(upload, file, offset, checksum).all_of(body)


@contextmanager
def alone(upload: Upload) -> Iterator[None]:
    """The upload as it is now, for the one who goes on with it. Refusals: LOCKED 423.

    A connection that was cut looks alive to its server. So whoever comes later gets the upload, and whoever is at it
    lets go.
    """
    with ExitStack() as held:
        with locks.alone(_next(upload), patience=PATIENCE_S) as first:
            mine = first and held.enter_context(locks.alone(f"upload {upload.pk}", patience=PATIENCE_S))
        if not mine:
            raise _locked("Another request is at this upload. Try again in a moment.")
        upload.refresh_from_db()
        yield


def reached(upload: Upload) -> int:
    """How many bytes count. Refusals: 410 with the reason when the upload was refused or has expired."""
    if upload.state == "refused":
        raise Refusal(upload.error_code, upload.error_message, status=410)
    if upload.state != "receiving":
        return upload.size_bytes
    if upload.expires_at <= timezone.now():
        raise Refusal("EXPIRED", "The time for this upload is over. Start it anew.", status=410)
    path = intake.spooled(upload)
    # After a power cut the file may be shorter than the row remembers.
    return min(upload.received_bytes, path.stat().st_size) if path.exists() else 0


def end(upload: Upload) -> None:
    """The person gives it up. Refusals: CONFLICT 409 once it is whole, LOCKED 423, 410 when it is over already."""
    with alone(upload):
        reached(upload)
        ended = upload.state == "receiving"
        if not ended or not intake.give_up(upload, "TERMINATED", "The upload was ended before it was whole."):
            raise Conflict("All of the file is here. Remove the track that it becomes.")


def _next(upload: Upload) -> str:
    return f"upload {upload.pk}: next"


def _locked(message: str) -> Refusal:
    return Refusal("LOCKED", message, status=423)


def _opened(upload: Upload) -> FileIO:
    path = intake.spooled(upload)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+")


class _Taking:
    """One piece on its way into the file."""

    def __init__(self, upload: Upload, file: FileIO, offset: int, checksum: tus.Checksum | None):
        self.upload, self.file, self.offset, self.begun = upload, file, offset, offset
        self.checksum, self.piece = checksum, checksum and checksum.begun()
        self.digest = running.at(upload, file, offset)
        self.before = self.digest.copy()
        self.out = InFlight(file, self.digest, *filter(None, [self.piece]))
        self.told, self.most = time.monotonic(), LEAST
        if offset < upload.received_bytes:  # the file lost some: what is written now does not count yet
            self._tell()
        file.truncate(offset)
        file.seek(offset)

    def all_of(self, body: Body) -> Upload:
        try:
            with self.out:
                self._read(body)
            self._check()
            if self.offset == self.upload.size_bytes:
                synced(lambda: os.fsync(self.file.fileno()))
        except Unsynced as failure:
            self._begin_anew()
            raise spool.SpoolFull from failure
        except OSError as full:
            self._settle()
            raise spool.SpoolFull from full
        except Refusal:
            self._settle()
            raise
        if self.offset < self.upload.size_bytes:
            self._settle()
            return self.upload
        return self._whole()

    def _whole(self) -> Upload:
        try:
            return intake.completed(self.upload, sha256=self.digest.hexdigest())
        except Refusal as refusal:
            if refusal.code == "CHECKSUM_MISMATCH":  # no piece that could still come would put it right
                intake.give_up(self.upload, refusal.code, refusal.message)
            else:
                self._is_under_way()
            raise

    def _read(self, body: Body) -> None:
        pace = Pace(silence=SILENCE_S, rate=LEAST_RATE)
        while room := self.upload.size_bytes - self.offset:
            count = self._some_of(body, room)
            if count:
                pace.came(count)
            if count == 0 or pace.is_lost:
                break
            self._told_in_time()
        if body.length is None:
            if not room and body.read(1):
                raise tus.too_long(self.upload.size_bytes)
            broke = room and (body.is_broken or pace.is_lost)
        else:
            broke = self.offset - self.begun < body.length
        if broke:
            raise Refusal("BROKEN_OFF", "The piece broke off. Ask with HEAD where to go on.", status=408)

    def _some_of(self, body: Body, room: int) -> int | None:
        """How many bytes came now; 0 at the end, None when it was silent for a moment."""
        started = time.monotonic()
        try:
            data = body.read(min(self.most, room))
        except Silent:
            data = None
        slow = time.monotonic() - started > LONG_S
        self.most = max(LEAST, self.most // 4) if slow else min(MOST, self.most * 2)
        if data:
            self.out.write(data)
            self.offset += len(data)
        return None if data is None else len(data)

    def _check(self) -> None:
        if self.checksum:
            self.checksum.check(self.piece)
            self.checksum = None

    def _told_in_time(self) -> None:
        now = time.monotonic()
        if now - self.told < TOLD_EVERY_S or self.offset == self.upload.size_bytes:
            return
        self.told = now
        if not self.checksum:
            self._tell()
        with locks.alone(_next(self.upload)) as nobody:
            if not nobody:
                raise _locked("Another request goes on with this upload.")

    def _tell(self) -> None:
        """Never that all is there: only `completed` says so."""
        at = min(self.offset, self.upload.size_bytes - 1)
        mine = Upload.objects.filter(pk=self.upload.pk, state="receiving")
        if not mine.update(received_bytes=at):
            self._is_under_way()
        self.upload.received_bytes = at

    def _is_under_way(self) -> None:
        """Refusals: 410 with the reason when it was ended meanwhile."""
        self.upload.refresh_from_db()
        reached(self.upload)

    def _begin_anew(self) -> None:
        """What came before may be lost as well."""
        self.offset, self.digest, self.checksum = 0, hashlib.sha256(), None
        self.file.truncate(0)
        self._settle()

    def _settle(self) -> None:
        """What came counts, unless its checksum is still owed."""
        if self.checksum:
            self.offset, self.digest, self.checksum = self.begun, self.before, None
            self.file.truncate(self.begun)
        if self.offset == self.upload.size_bytes:
            return
        self._tell()
        running.keep(self.upload, self.offset, self.digest)
