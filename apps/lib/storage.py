"""Content-addressed blobs over Django's `blobs` storage: written once, read back, known by their SHA-256.

A key is made from the hash of the bytes alone, so nothing a person typed ever reaches a path, and the same
bytes are kept once. The object comes before any row that names it: a crash leaves an object nobody names,
never a row without bytes.
"""

import base64
import errno
import hashlib
import io
import itertools
import logging
import os
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.storage import FileSystemStorage, Storage, storages

from apps.lib import folders, links
from apps.lib.errors import Refusal
from apps.lib.ranges import OCTETS, served_as
from apps.lib.storage_url import SIGNED_SECONDS

TRIES = 3  # S0-21
PAUSE_SECONDS = 1.0
PIECE = 1024 * 1024
INCOMING = ".incoming-"  # begins the name of a file that is still being written; a crash can leave one behind

T = TypeVar("T")
pause = time.sleep
log = logging.getLogger(__name__)

_HEX = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"blobs/sha256/([0-9a-f]{2})/\1[0-9a-f]{62}")
_FAULTS = (OSError, BotoCoreError, ClientError)
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS}


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


def key_for(sha256: str) -> str:
    """`blobs/sha256/<aa>/<hex>`; a ValueError for anything but 64 lower-case hexadecimal digits."""
    if not _HEX.fullmatch(sha256):
        raise ValueError("A key is made from 64 lower-case hexadecimal digits.")
    return f"blobs/sha256/{sha256[:2]}/{sha256}"


def put(path: Path, *, sha256: str | None = None, ours: str = "") -> Stored:
    """Store a file and return only after its bytes were read back and hash alike.

    An object that is already there is checked in full; a damaged one is written anew and logged. What can
    pass is tried three times, one second apart (S0-21). `ours` is the SHA-256 that was read from a file to which nobody
    ever writes again: on the disk of a local store it becomes the object, neither copied nor read once more.
    ContentMismatch when `sha256` is given and differs, StorageFailed when the store does not do it.
    """
    with path.open("rb") as source:
        return _put(source, sha256, ours and path, ours)


def put_bytes(data: bytes) -> Stored:
    """Store bytes that are already in memory, by the rules of `put`."""
    return _put(io.BytesIO(data))


def open(key: str) -> BinaryIO:
    """The stored bytes as a seekable file, not verified on the way; ObjectMissing when there are none."""
    with reported():
        return _store().open(_checked(key))


def size(key: str) -> int:
    """Size in bytes; ObjectMissing when nothing is stored."""
    with reported():
        return _store().size(_checked(key))


def exists(key: str) -> bool:
    """Whether anything is stored under the key, be it damaged or not."""
    with suppress(ObjectMissing):
        return size(key) >= 0
    return False


def local_path(key: str) -> Path | None:
    """Where the bytes are (or would be) when blobs are local files, else None. Read it, never write it."""
    return _store().local_path(_checked(key))


def copy_to(key: str, target: Path, *, sha256: str) -> Path:
    """Copy to a local working file, whole and verified or not at all; StorageFailed for damaged bytes."""
    store = _store()

    def copy() -> Path:
        with _incoming(target.parent) as incoming, store.open(_checked(key)) as source:
            shutil.copyfileobj(source, incoming, PIECE)
            if _digest(incoming) != sha256:
                raise Damaged("read other bytes than were stored")
            os.replace(incoming.name, target)
        return target

    return tried(copy)


def sign(
    key: str, *, seconds: int = SIGNED_SECONDS, filename: str | None = None, content_type: str | None = None
) -> str:
    """A link that reads the bytes for at most 300 s; give it only to those who may read them.

    With `filename` the browser saves them under that name, without it plays them in place. A path of this
    site for local files, an absolute URL of the store otherwise.
    """
    if not 1 <= seconds <= SIGNED_SECONDS:
        raise ValueError(f"A link lives for 1 to {SIGNED_SECONDS} seconds.")
    with reported():
        return _store().sign(_checked(key), seconds, filename, content_type)


def remove(key: str) -> None:
    """Delete the bytes; repeating is harmless. For the sweeper only, once no row names or can name them."""
    with reported():
        _store().remove(_checked(key))


# --- The rules, the same for every store --------------------------------------------------------------------


def _put(source: BinaryIO, announced: str | None = None, path: Path | None = None, ours: str = "") -> Stored:
    sha256, length = ours or _digest(source), source.seek(0, os.SEEK_END)
    if announced not in (None, sha256):
        raise ContentMismatch
    store, key = _store(), key_for(sha256)

    def write() -> bool:
        if ours and (linked := store.link(key, source, path)) is not None:
            return linked
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


def _holds(store: "_Folder | _Bucket", key: str, sha256: str, length: int) -> bool:
    try:
        with store.open(key) as stored:
            return stored.seek(0, os.SEEK_END) == length and _digest(stored) == sha256
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


def status_of(fault: ClientError) -> int:
    """The HTTP status that the store answered with; 0 when it did not answer."""
    return fault.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def _digest(source: BinaryIO) -> str:
    source.seek(0)
    return hashlib.file_digest(source, "sha256").hexdigest()


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError("Not a key of this store.")
    return key


def _store() -> "_Folder | _Bucket":
    backend = storages["blobs"]
    return _Folder(backend) if isinstance(backend, FileSystemStorage) else _Bucket(backend)


# --- Local files --------------------------------------------------------------------------------------------


@contextmanager
def _incoming(folder: Path) -> Iterator[BinaryIO]:
    """A new file (0600) in the folder, gone at the end unless it was moved to its name."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=INCOMING, delete=False) as incoming:
        try:
            yield incoming
        finally:
            Path(incoming.name).unlink(missing_ok=True)


class _Folder:
    """Blobs as files, for their owner only; a file appears under its name whole or not at all."""

    def __init__(self, backend: FileSystemStorage):
        self._root = Path(backend.location)

    def local_path(self, key: str) -> Path:
        return self._root / key

    def create(self, key: str, source: BinaryIO) -> bool:
        target = self.local_path(key)
        with self._written(target, source) as incoming:  # also when it is there: the time tells nobody
            try:
                os.link(incoming, target)  # unlike a rename, refuses to replace
            except FileExistsError:
                return False
            except OSError as fault:
                if fault.errno not in _NO_LINKS:
                    raise
                if target.exists():
                    return False
                os.replace(incoming, target)  # without hard links; at worst replaces the same bytes
        folders.sync(target.parent)
        return True

    def link(self, key: str, source: BinaryIO, path: Path) -> bool | None:
        """The file that was just read takes the object's place, and the same time either way. Whether there was none;
        None where the disk is another."""
        target = self.local_path(key)
        folders.make(target.parent)
        name, created = target.parent / f"{INCOMING}{uuid.uuid4().hex}", not target.exists()
        try:
            os.fsync(source.fileno())  # a failure is told once: the copy's own sync and reading back come then
            os.link(path, name)
            os.replace(name, target)
        except OSError:  # a copy will do, or say what is wrong
            return None
        finally:
            name.unlink(missing_ok=True)
        folders.sync(target.parent)
        return created

    def replace(self, key: str, source: BinaryIO) -> None:
        target = self.local_path(key)
        with self._written(target, source) as incoming:
            os.replace(incoming, target)
        folders.sync(target.parent)

    @contextmanager
    def _written(self, target: Path, source: BinaryIO) -> Iterator[str]:
        folders.make(target.parent)
        with _incoming(target.parent) as incoming:
            shutil.copyfileobj(source, incoming, PIECE)
            incoming.flush()
            os.fsync(incoming.fileno())
            yield incoming.name

    def open(self, key: str) -> BinaryIO:
        return self.local_path(key).open("rb")

    def size(self, key: str) -> int:
        return self.local_path(key).stat().st_size

    def sign(self, key: str, seconds: int, filename: str | None, content_type: str | None) -> str:
        return links.signed_path(key, seconds, filename, content_type)

    def remove(self, key: str) -> None:
        self.local_path(key).unlink(missing_ok=True)


# --- S3 -----------------------------------------------------------------------------------------------------


class _Bucket:
    """Blobs as objects of one private bucket. An ETag says nothing here; the read-back does."""

    def __init__(self, backend: Storage):
        self._client = backend.connection.meta.client
        self._bucket = backend.bucket_name

    def local_path(self, key: str) -> None:
        return None

    def create(self, key: str, source: BinaryIO) -> bool:
        try:
            self._write(key, source, IfNoneMatch="*")
        except ClientError as fault:
            if status_of(fault) != 412:
                raise
            return False
        return True

    def link(self, key: str, source: BinaryIO, path: Path) -> None:
        """Nothing of this machine can become an object of a bucket."""

    def replace(self, key: str, source: BinaryIO) -> None:
        self._write(key, source)

    def _write(self, key: str, source: BinaryIO, **condition: str) -> None:
        # One PUT, which stores take up to 5 GB: a multipart upload can neither be conditional everywhere nor
        # carry the checksum of the whole.
        self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=source,
            ContentType=OCTETS,
            ChecksumSHA256=base64.b64encode(bytes.fromhex(key.rpartition("/")[2])).decode(),
            **condition,
        )

    def open(self, key: str) -> BinaryIO:
        return io.BufferedReader(_RemoteFile(self._client, self._bucket, key, self.size(key)), 256 * 1024)

    def size(self, key: str) -> int:
        try:
            return self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"]
        except ClientError as fault:
            if status_of(fault) == 404:
                raise FileNotFoundError(errno.ENOENT, "No such object") from fault
            raise

    def sign(self, key: str, seconds: int, filename: str | None, content_type: str | None) -> str:
        kind, disposition = served_as(content_type, filename, inline=filename is None)
        params = {"Bucket": self._bucket, "Key": key, "ResponseContentType": kind}
        if disposition:
            params["ResponseContentDisposition"] = disposition
        return self._client.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds)

    def remove(self, key: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=key)


class _RemoteFile(io.RawIOBase):
    """An object as a seekable file: a jump costs one ranged GET, reading on costs none."""

    def __init__(self, client: object, bucket: str, key: str, length: int):
        self._client, self._where, self._length = client, {"Bucket": bucket, "Key": key}, length
        self._position, self._body = 0, None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        position = max(base + offset, 0)
        if position != self._position:
            self._drop()
        self._position = position
        return position

    def readinto(self, buffer: memoryview) -> int:
        if self._position >= self._length:
            return 0
        if self._body is None:
            self._body = self._client.get_object(**self._where, Range=f"bytes={self._position}-")["Body"]
        data = self._body.read(len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._drop()
        super().close()

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None
