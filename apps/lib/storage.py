"""Content-addressed blobs over Django's `blobs` storage: written once, read back, known by their SHA-256.

A key is made from the hash of the bytes alone, so nothing a person typed ever reaches a path, and the same
bytes are kept once. The object comes before any row that names it: a crash leaves an object nobody names,
never a row without bytes. What holds for the main place holds for the second one, where there is one (`copies`).
"""

import hashlib
import io
import itertools
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.storage import FileSystemStorage, storages

from apps.lib.errors import Refusal
from apps.lib.storage_url import SIGNED_SECONDS
from apps.lib.stores import PIECE, Bucket, Folder, Lying, digest_of, incoming, status_of

MAIN, COPY = "main", "copy"
PLACES = {MAIN: "blobs", COPY: "copies"}  # by the names of Django's storages
TRIES = 3  # S0-21
PAUSE_SECONDS = 1.0

T = TypeVar("T")
pause = time.sleep
log = logging.getLogger(__name__)

_HEX = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"blobs/sha256/([0-9a-f]{2})/\1[0-9a-f]{62}")
_FAULTS = (OSError, BotoCoreError, ClientError)


class StorageFailed(Refusal):
    """The store did not do it, or holds other bytes than it should (S0-20); the details may be shown."""

    def __init__(self, message: str = "The file store failed. Try again in a moment.", **details: object):
        super().__init__("STORAGE_FAILED", message, status=503, details=details)


class ObjectMissing(StorageFailed):
    """Nothing is stored under this key."""

    def __init__(self, **details: object):
        super().__init__("The file is missing from the file store.", **details)


class ContentMismatch(Refusal):
    """The file to store is not the one that was announced."""

    def __init__(self) -> None:
        message = "The file does not have the announced SHA-256. Send it again."
        super().__init__("CHECKSUM_MISMATCH", message, status=422)


class Damaged(OSError):
    """What was read back is not what was written."""


@dataclass(frozen=True)
class Stored:
    """Where bytes lie; `created` is False when this try found them there."""

    sha256: str
    size: int
    key: str
    created: bool


@dataclass(frozen=True)
class Verdict:
    """What a look at stored bytes found: `what` is "" when all is well, else missing, truncated, grown or altered."""

    what: str
    size: int = 0
    sha256: str = ""


def places() -> tuple[str, ...]:
    """`main`, and `copy` where a second place is set."""
    return tuple(place for place, alias in PLACES.items() if alias in storages.backends)


def key_for(sha256: str) -> str:
    """`blobs/sha256/<aa>/<hex>`; a ValueError for anything but 64 lower-case hexadecimal digits."""
    if not _HEX.fullmatch(sha256):
        raise ValueError("A key is made from 64 lower-case hexadecimal digits.")
    return f"blobs/sha256/{sha256[:2]}/{sha256}"


def is_key(name: str) -> bool:
    return _KEY.fullmatch(name) is not None


def begin(new: Callable[[], bool], *, place: str = MAIN) -> None:
    """Make the folder of a local store that has none yet and is `new`, for nothing is stored where there is none.

    A disk that is not mounted looks like a new one: only the rows know whether anything was ever stored there.
    """
    store = _store(place)
    tried(lambda: store.begin(new))


def check(*, place: str = MAIN) -> None:
    """StorageFailed unless the place is there and answers."""
    with reported():
        _store(place).check()


def put(path: Path, *, sha256: str | None = None, ours: str = "", spare: bool = False, place: str = MAIN) -> Stored:
    """Store a file and return only after its bytes were read back and hash alike.

    An object that is already there is checked in full; a damaged one is written anew and logged. What can
    pass is tried three times, one second apart (S0-21). `ours` is the SHA-256 that was read from a file to which nobody
    ever writes again: on the disk of a local store it becomes the object, neither copied nor read once more.
    `spare`: nobody writes to it again either, but its `sha256` comes from elsewhere: it becomes the object once it was
    read where it lies in the store. ContentMismatch when `sha256` is given and differs, StorageFailed when the store
    does not do it.
    """
    with path.open("rb") as source:
        return _put(source, sha256, path if ours or spare else None, ours, place)


def put_bytes(data: bytes, *, place: str = MAIN) -> Stored:
    """Store bytes that are already in memory, by the rules of `put`."""
    return _put(io.BytesIO(data), place=place)


def open(key: str, *, place: str = MAIN) -> BinaryIO:
    """The stored bytes as a seekable file, not verified on the way; ObjectMissing when there are none."""
    with reported():
        return _store(place).open(_checked(key))


def size(key: str, *, place: str = MAIN) -> int:
    """Size in bytes; ObjectMissing when nothing is stored."""
    with reported():
        return _store(place).size(_checked(key))


def exists(key: str, *, place: str = MAIN) -> bool:
    """Whether anything is stored under the key, be it damaged or not."""
    with suppress(ObjectMissing):
        return size(key, place=place) >= 0
    return False


def local_path(key: str, *, place: str = MAIN) -> Path | None:
    """Where the bytes are (or would be) when blobs are local files, else None. Read it, never write it."""
    return _store(place).local_path(_checked(key))


def copy_to(key: str, target: Path, *, sha256: str, place: str = MAIN) -> Path:
    """Copy to a local working file, whole and verified or not at all; StorageFailed for damaged bytes."""
    store = _store(place)

    def copy() -> Path:
        with incoming(target.parent) as file, store.open(_checked(key)) as source:
            shutil.copyfileobj(source, file, PIECE)
            if digest_of(file) != sha256:
                raise Damaged("read other bytes than were stored")
            os.replace(file.name, target)
        return target

    return tried(copy)


def examine(key: str, *, size: int, place: str = MAIN, told: Callable[[int], None] | None = None) -> Verdict:
    """Read all that is stored under the key, from the disk itself where it is one, and say what is wrong with it.

    `told` hears how many bytes were read, piece by piece. StorageFailed when the store does not answer, answers with an
    error or breaks off: that is no damage.
    """
    store, digest, came = _store(place), hashlib.sha256(), 0
    with reported():
        try:
            with store.open(_checked(key)) as stored, store.uncached(stored):
                if (length := stored.seek(0, os.SEEK_END)) != size:
                    return Verdict("truncated" if length < size else "grown", length)
                stored.seek(0)
                while piece := stored.read(PIECE):
                    digest.update(piece)
                    came += len(piece)
                    if told is not None:
                        told(len(piece))
        except FileNotFoundError:
            store.check()
            return Verdict("missing")
        if came != size:
            raise Damaged("broke off while it was read")
    return Verdict("" if key == key_for(digest.hexdigest()) else "altered", came, digest.hexdigest())


def listed(shard: str, *, place: str = MAIN) -> Iterator[Lying]:
    """All that lies where keys with these first two digits belong, in no order, a page at a time."""
    with reported():
        yield from _store(place).listed(f"blobs/sha256/{shard}/")


def sign(
    key: str,
    *,
    seconds: int = SIGNED_SECONDS,
    filename: str | None = None,
    content_type: str | None = None,
    place: str = MAIN,
) -> str:
    """A link that reads the bytes for at most 300 s; give it only to those who may read them.

    With `filename` the browser saves them under that name, without it plays them in place. A path of this
    site for local files, an absolute URL of the store otherwise.
    """
    if not 1 <= seconds <= SIGNED_SECONDS:
        raise ValueError(f"A link lives for 1 to {SIGNED_SECONDS} seconds.")
    with reported():
        return _store(place).sign(_checked(key), seconds, filename, content_type)


def remove(key: str, *, place: str = MAIN) -> None:
    """Delete the bytes; repeating is harmless. For the sweepers only, once no row names or can name them."""
    with reported():
        _store(place).remove(_checked(key))


def remove_half_written(lying: Lying, *, place: str = MAIN) -> None:
    """Delete what somebody began to write and will not end; repeating is harmless."""
    if not lying.half_written:
        raise ValueError("Not the name of a half-written file.")
    with reported():
        _store(place).remove(lying.name)


# --- The rules, the same for every store --------------------------------------------------------------------


def _put(
    source: BinaryIO, announced: str | None = None, path: Path | None = None, ours: str = "", place: str = MAIN
) -> Stored:
    spare = announced if path and not ours else None
    sha256, length = ours or spare or digest_of(source), source.seek(0, os.SEEK_END)
    if announced not in (None, sha256):
        raise ContentMismatch
    store, key = _store(place), key_for(sha256)

    def write() -> bool:
        if path and (linked := store.link(key, source, path, spare)) is not None:
            return linked
        if spare and digest_of(source) != spare:
            raise ContentMismatch
        source.seek(0)
        created = store.create(key, source)
        if not _holds(store, key, sha256, length):
            log.error("Stored object %s is missing or damaged; writing it anew.", key)
            source.seek(0)
            store.replace(key, source)
            if not _holds(store, key, sha256, length):
                raise Damaged("read other bytes than were written")
        return created

    return Stored(sha256, length, key, tried(write))


def _holds(store: Folder | Bucket, key: str, sha256: str, length: int) -> bool:
    try:
        with store.open(key) as stored:
            return stored.seek(0, os.SEEK_END) == length and digest_of(stored) == sha256
    except FileNotFoundError:  # removed between the two steps
        return False


def tried(action: Callable[[], T]) -> T:
    """What `action` answers at the first, second or third try (S0-21); StorageFailed after that."""
    for attempt in itertools.count(1):
        try:
            return action()
        except _FAULTS as fault:
            if attempt == TRIES or not _may_pass(fault):
                raise _failure(fault, tries=attempt) from fault
            log.warning("The file store failed on try %d: %s.", attempt, _name(fault))
            pause(PAUSE_SECONDS)


@contextmanager
def reported() -> Iterator[None]:
    """A fault of the store in the block becomes StorageFailed, without another try."""
    try:
        yield
    except _FAULTS as fault:
        raise _failure(fault, tries=1) from fault


def _failure(fault: Exception, *, tries: int) -> StorageFailed:
    kind = ObjectMissing if isinstance(fault, FileNotFoundError) else StorageFailed
    return kind(tries=tries, fault=_name(fault))


def _may_pass(fault: Exception) -> bool:
    """Whether another try can help: not when the store understood and refused (409: lost race, 429: wait)."""
    if isinstance(fault, ClientError):
        return status_of(fault) >= 500 or status_of(fault) in (408, 409, 429)
    return not isinstance(fault, FileNotFoundError)


def _name(fault: Exception) -> str:
    """What went wrong in a word or two that may be shown: no path, host or key."""
    if isinstance(fault, ClientError):
        return f"{status_of(fault)} {fault.response.get('Error', {}).get('Code', '')}".strip()
    if isinstance(fault, OSError) and fault.errno:
        return os.strerror(fault.errno)
    return str(fault) if isinstance(fault, Damaged) else type(fault).__name__


def _checked(key: str) -> str:
    if not is_key(key):
        raise ValueError("Not a key of this store.")
    return key


def _store(place: str = MAIN) -> Folder | Bucket:
    backend = storages[PLACES[place]]
    return Folder(backend, PLACES[place]) if isinstance(backend, FileSystemStorage) else Bucket(backend)
