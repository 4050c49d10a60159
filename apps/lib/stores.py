"""The two kinds of store: a folder, and a bucket of S3. Whole objects only; the rules about them are `storage`'s."""

import base64
import datetime as dt
import errno
import hashlib
import io
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from botocore.exceptions import ClientError
from django.core.files.storage import FileSystemStorage, Storage

from apps.lib import folders, links
from apps.lib.ranges import OCTETS, served_as

PIECE = 1024 * 1024
INCOMING = ".incoming-"  # begins the name of a file that is still being written; a crash can leave one behind

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS}
_HALF_WRITTEN = re.compile(rf"blobs/sha256/[0-9a-f]{{2}}/{re.escape(INCOMING)}\w+")


@dataclass(frozen=True)
class Lying:
    """What lies in a store under this name, and since when by the store's own clock."""

    name: str
    size: int
    since: dt.datetime

    @property
    def half_written(self) -> bool:
        return _HALF_WRITTEN.fullmatch(self.name) is not None


def digest_of(source: BinaryIO) -> str:
    """The SHA-256 of all of it."""
    source.seek(0)
    return hashlib.file_digest(source, "sha256").hexdigest()


def _is_of(path: Path, sha256: str) -> bool:
    with path.open("rb") as file:
        return digest_of(file) == sha256


def status_of(fault: ClientError) -> int:
    """The HTTP status that the store answered with; 0 when it did not answer."""
    return fault.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


# --- Local files --------------------------------------------------------------------------------------------


@contextmanager
def incoming(folder: Path) -> Iterator[BinaryIO]:
    """A new file (0600) in the folder, gone at the end unless it was moved to its name."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=INCOMING, delete=False) as file:
        try:
            yield file
        finally:
            Path(file.name).unlink(missing_ok=True)


class Folder:
    """Blobs as files, for their owner only; a file appears under its name whole or not at all."""

    def __init__(self, backend: FileSystemStorage, alias: str):
        self._root, self._alias = Path(backend.location), alias
        self._shards = self._root / "blobs" / "sha256"

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

    def link(self, key: str, source: BinaryIO, path: Path, sha256: str | None = None) -> bool | None:
        """The file that was just read takes the object's place, and the same time either way. Whether there was none;
        None where the disk is another, or where the file, read in the store, is not of this SHA-256."""
        target = self.local_path(key)
        self._make_shard(target.parent)
        name, created = target.parent / f"{INCOMING}{uuid.uuid4().hex}", not target.exists()
        try:
            os.link(path, name)
            name.chmod(0o600)
            os.fsync(source.fileno())  # a failure is told once: the copy's own sync and reading back come then
            if sha256 and not _is_of(name, sha256):
                return None
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
        self._make_shard(target.parent)
        with incoming(target.parent) as file:
            shutil.copyfileobj(source, file, PIECE)
            file.flush()
            os.fsync(file.fileno())
            yield file.name

    def _make_shard(self, folder: Path) -> None:
        """Nothing above it: were the disk gone since the check, what is made then would look like the disk."""
        self.check()
        if not folder.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)
            folders.sync(folder.parent)

    def open(self, key: str) -> BinaryIO:
        return self.local_path(key).open("rb")

    def size(self, key: str) -> int:
        return self.local_path(key).stat().st_size

    def sign(self, key: str, seconds: int, filename: str | None, content_type: str | None) -> str:
        return links.signed_path(key, seconds, filename, content_type, self._alias)

    def remove(self, key: str) -> None:
        self.local_path(key).unlink(missing_ok=True)

    @contextmanager
    def uncached(self, stored: BinaryIO) -> Iterator[None]:
        """What is read comes from the disk, not from memory, and takes nobody else's place there."""
        os.posix_fadvise(stored.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        yield
        os.posix_fadvise(stored.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def check(self) -> None:
        """An OSError unless the folder is there: a disk that is not mounted lacks everything and has lost nothing."""
        if not self._shards.is_dir():
            raise OSError(errno.ENODEV, "No such store")

    def begin(self, new: Callable[[], bool]) -> None:
        """Make the folder that `check` looks for, should it be missing and the store be a `new` one."""
        if not self._shards.is_dir() and new():
            folders.make(self._shards)

    def listed(self, folder: str) -> Iterator[Lying]:
        self.check()
        with suppress(FileNotFoundError), os.scandir(self._root / folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # it went meanwhile
                    found = entry.stat(follow_symlinks=False)
                    # A file of ours is linked long after it was written; no time that anybody can set.
                    since = dt.datetime.fromtimestamp(found.st_ctime, dt.UTC)
                    yield Lying(folder + entry.name, found.st_size, since)


# --- S3 -----------------------------------------------------------------------------------------------------


class Bucket:
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

    def link(self, key: str, source: BinaryIO, path: Path, sha256: str | None = None) -> None:
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

    def uncached(self, stored: BinaryIO) -> AbstractContextManager:
        return nullcontext()

    def check(self) -> None:
        """A ClientError unless the bucket is there: one that is not lacks everything and has lost nothing."""
        self._client.head_bucket(Bucket=self._bucket)

    def begin(self, new: Callable[[], bool]) -> None:
        """A bucket is made by whoever pays for it."""

    def listed(self, folder: str) -> Iterator[Lying]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=folder):
            for entry in page.get("Contents", []):
                yield Lying(entry["Key"], entry["Size"], entry["LastModified"])


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
