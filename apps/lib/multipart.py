"""Files that clients send to the bucket themselves, in parts, by links that we sign (S3 multipart uploads).

They lie under `incoming/` until they are fetched from there; nothing is ever served from it. Every link is for one
part of one file and for its very number of bytes. What was sent is believed only when it was counted and hashed here.
"""

import base64
import datetime as dt
import errno
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import ClientError
from django.core.files.storage import FileSystemStorage, storages

from apps.lib import storage
from apps.lib.ranges import OCTETS

PREFIX = "incoming/"
LEAST_PART = 8 * 1024 * 1024  # stores take 5 MiB and more for every part but the last, R2 parts of one size only
MOST_PARTS = 1000  # what a store lists at once
LINK_SECONDS = 3600
PIECE = 1024 * 1024

_NAME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DOES_NOT_KNOW = (400, 501)


@dataclass(frozen=True)
class Link:
    """PUT this part's bytes to `url` with these headers."""

    number: int
    size: int
    url: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """A part that the store has; `sha256` in Base64, "" when the store keeps none."""

    number: int
    size: int
    etag: str
    sha256: str = ""


@dataclass(frozen=True)
class Lying:
    """A file under `incoming/`, or with a `multipart_id` one that is not joined yet."""

    name: str
    since: dt.datetime
    multipart_id: str = ""


def available() -> bool:
    """Whether blobs lie in a bucket."""
    return not isinstance(storages["blobs"], FileSystemStorage)


def part_size(size: int) -> int:
    """Bytes of every part but the last, which may be shorter; whole MiB."""
    return max(LEAST_PART, -(-size // MOST_PARTS // PIECE) * PIECE)


def sizes(size: int) -> dict[int, int]:
    """How many bytes each part of a file has, by number from 1."""
    each = part_size(size)
    return {at // each + 1: min(each, size - at) for at in range(0, size, each)}


def begin(name: str, *, checksums: bool = False) -> tuple[str, bool]:
    """The store's id for a new file, and whether its parts carry checksums: not when the store does not know them."""

    def create() -> tuple[str, bool]:
        for algorithm in [{"ChecksumAlgorithm": "SHA256"}, {}] if checksums else [{}]:
            try:
                answer = _client().create_multipart_upload(**_at(name), ContentType=OCTETS, **algorithm)
                return answer["UploadId"], bool(algorithm)
            except ClientError as fault:
                if not algorithm or storage.status_of(fault) not in _DOES_NOT_KNOW:
                    raise

    return storage.tried(create)


def link(
    name: str, multipart_id: str, number: int, *, size: int, sha256: str = "", seconds: int = LINK_SECONDS
) -> Link:
    """For so many bytes and no others; with `sha256` (hex) the store refuses a part that does not hash to it."""
    params, headers = {"PartNumber": number, "ContentLength": size}, {"Content-Length": str(size)}
    if sha256:
        params["ChecksumSHA256"] = headers["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(sha256)).decode()
    params |= {**_at(name), "UploadId": multipart_id}
    with storage.reported():
        url = _client().generate_presigned_url("upload_part", Params=params, ExpiresIn=seconds)
    return Link(number, size, url, headers)


def there(name: str, multipart_id: str) -> list[Part]:
    """The parts that have arrived, by number; ObjectMissing when the store does not know the id any more."""

    def listed() -> list[Part]:
        with _missing():
            answer = _client().list_parts(**_at(name), UploadId=multipart_id, MaxParts=MOST_PARTS)
        return [
            Part(part["PartNumber"], part["Size"], part["ETag"].strip('"'), part.get("ChecksumSHA256", ""))
            for part in answer.get("Parts", [])
        ]

    return storage.tried(listed)


def join(name: str, multipart_id: str, parts: list[Part]) -> None:
    """The parts become the file; ObjectMissing when the store does not know the id, as when they were joined before."""
    told = [
        {
            "PartNumber": part.number,
            "ETag": f'"{part.etag}"',
            **({"ChecksumSHA256": part.sha256} if part.sha256 else {}),
        }
        for part in parts
    ]

    def complete() -> None:
        with _missing():
            _client().complete_multipart_upload(
                **_at(name), UploadId=multipart_id, MultipartUpload={"Parts": told}
            )  # fmt: skip

    storage.tried(complete)


def size(name: str) -> int:
    """Bytes of the joined file; ObjectMissing when there is none."""

    def asked() -> int:
        with _missing():
            return _client().head_object(**_at(name))["ContentLength"]

    return storage.tried(asked)


def fetch(name: str, target: Path, *, size: int) -> str:
    """Copy the joined file to `target`; its SHA-256. StorageFailed unless it has exactly so many bytes."""

    def copy() -> str:
        digest, came = hashlib.sha256(), 0
        with _missing():
            body = _client().get_object(**_at(name))["Body"]
        with body, target.open("wb") as out:
            while data := body.read(min(PIECE, size + 1 - came)):
                came += len(data)
                digest.update(data)
                out.write(data)
        if came != size:
            raise storage.Damaged("read more or fewer bytes than were sent")
        return digest.hexdigest()

    return storage.tried(copy)


def abort(name: str, multipart_id: str) -> None:
    """Delete the parts of a file that is not joined, whose links are void from now on; repeating is harmless."""
    with storage.reported():
        try:
            _client().abort_multipart_upload(**_at(name), UploadId=multipart_id)
        except ClientError as fault:
            if storage.status_of(fault) != 404:
                raise


def remove(name: str) -> None:
    """Delete the joined file; repeating is harmless."""
    with storage.reported():
        _client().delete_object(**_at(name))


def lying() -> Iterator[Lying]:
    """All that lies under `incoming/`, joined or not. Names that are not ours are passed over."""
    for entry in _listed("list_multipart_uploads", "Uploads"):
        yield Lying(entry["Key"].removeprefix(PREFIX), entry["Initiated"], entry["UploadId"])
    for entry in _listed("list_objects_v2", "Contents"):
        yield Lying(entry["Key"].removeprefix(PREFIX), entry["LastModified"])


def _listed(operation: str, what: str) -> Iterator[dict]:
    with storage.reported():
        for page in _client().get_paginator(operation).paginate(Bucket=_bucket(), Prefix=PREFIX):
            yield from (entry for entry in page.get(what, []) if _NAME.fullmatch(entry["Key"].removeprefix(PREFIX)))


def _at(name: str) -> dict[str, str]:
    if not _NAME.fullmatch(name):
        raise ValueError("A file under incoming/ is named by a UUID.")
    return {"Bucket": _bucket(), "Key": PREFIX + name}


def _bucket() -> str:
    return getattr(storages["blobs"], "bucket_name", "")


def _client():
    if not available():  # there was a bucket when the upload began
        raise storage.StorageFailed(fault="no bucket")
    return storages["blobs"].connection.meta.client


@contextmanager
def _missing() -> Iterator[None]:
    """The store's 404 as it is told of files."""
    try:
        yield
    except ClientError as fault:
        if storage.status_of(fault) == 404:
            raise FileNotFoundError(errno.ENOENT, "No such object") from fault
        raise
