"""The rules of tus 1.0.0, the protocol of resumable uploads: what its headers say, without bytes and rows.

https://tus.io/protocols/resumable-upload has the words. Refusals name the header they are about.
"""

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.utils.http import http_date

from apps.lib.errors import Conflict, Refusal

VERSION = "1.0.0"
EXTENSIONS = ("creation", "creation-with-upload", "expiration", "checksum", "termination")
PIECE = "application/offset+octet-stream"
MISMATCH = 460  # the protocol's own status
# What a client that can send neither PATCH nor DELETE may mean by POST.
MEANT = frozenset({"PATCH", "DELETE", "HEAD"})
ALGORITHMS: Mapping[str, Callable] = {
    "sha256": hashlib.sha256,
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "md5": lambda: hashlib.md5(usedforsecurity=False),
}
_NUMBER = re.compile(r"[0-9]{1,18}")
_KEY = re.compile(r"[!-+\--~]{1,100}")  # printable ASCII but blank and comma


@dataclass(frozen=True)
class Checksum:
    """What a client says its piece hashes to."""

    algorithm: str
    expected: bytes

    def begun(self):
        return ALGORITHMS[self.algorithm]()

    def check(self, digest) -> None:
        """Refusals: CHECKSUM_MISMATCH 460."""
        if not hmac.compare_digest(digest.digest(), self.expected):
            raise mismatch("The bytes that came differ from those that were sent. Send this piece again.")


def capabilities(most: int) -> dict[str, str]:
    """What OPTIONS answers with; `most` is the size in bytes that a file may have."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(EXTENSIONS),
        "Tus-Max-Size": str(most),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }


def agree(version: str | None) -> None:
    """Refusals: TUS_VERSION 412, before anything else is looked at."""
    if version != VERSION:
        raise Refusal("TUS_VERSION", f"Say Tus-Resumable: {VERSION}. Nothing else is spoken here.", status=412)


def number(name: str, said: str | None) -> int:
    """A header that is a whole number from 0. Refusals: INVALID 400."""
    if said is None or not _NUMBER.fullmatch(said):
        raise _invalid(name, "a whole number of bytes is needed.")
    return int(said)


def length(headers: Mapping[str, str]) -> int:
    """The size in bytes that a new upload will have. Refusals: INVALID 400."""
    if "Upload-Defer-Length" in headers:
        raise _invalid("Upload-Defer-Length", "the size has to be known. Send Upload-Length instead.")
    if "Upload-Concat" in headers:
        raise _invalid("Upload-Concat", "uploads are not put together here. Send one piece after the other.")
    return number("Upload-Length", headers.get("Upload-Length"))


def metadata(said: str | None) -> dict[str, str]:
    """`Upload-Metadata` as keys and texts; a key without a value has an empty one. Refusals: INVALID 400."""
    found: dict[str, str] = {}
    for pair in (said or "").split(",") if said and said.strip() else ():
        key, _, coded = pair.strip().partition(" ")
        if not _KEY.fullmatch(key):
            raise _invalid("Upload-Metadata", "a key is printable ASCII without blanks and commas.")
        if key in found:
            raise _invalid("Upload-Metadata", f"{key} is there twice.")
        found[key] = _text(key, coded)
    return found


def _text(key: str, coded: str) -> str:
    try:
        return base64.b64decode(coded, validate=True).decode()
    except (binascii.Error, ValueError) as nonsense:
        raise _invalid("Upload-Metadata", f"the value of {key} is not UTF-8 in Base64.") from nonsense


def checksum(said: str | None) -> Checksum | None:
    """`Upload-Checksum`; None where none is said. Refusals: INVALID 400."""
    if said is None:
        return None
    algorithm, _, coded = said.partition(" ")
    if algorithm not in ALGORITHMS:
        raise _invalid("Upload-Checksum", f"{', '.join(ALGORITHMS)} are known here.")
    try:
        expected = base64.b64decode(coded, validate=True)
    except (binascii.Error, ValueError) as nonsense:
        raise _invalid("Upload-Checksum", "the checksum is not Base64.") from nonsense
    if len(expected) != ALGORITHMS[algorithm]().digest_size:
        raise _invalid("Upload-Checksum", f"this is not as long as {algorithm} is.")
    return Checksum(algorithm, expected)


def is_piece(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == PIECE


def follows(*, said: int, offset: int, comes: int | None, size: int) -> None:
    """Whether a piece may be taken that is said to start at `said` and to be `comes` bytes long, None for unknown.

    `offset` is how many bytes are there, `size` how many there will be. Refusals: OFFSET_CONFLICT 409, TOO_LARGE 413.
    """
    if said != offset:
        message = f"{offset} bytes are here, not {said}. Ask with HEAD where to go on."
        raise Conflict(message, code="OFFSET_CONFLICT")
    if comes is not None and offset + comes > size:
        raise too_long(size)


def too_long(size: int) -> Refusal:
    return Refusal("TOO_LARGE", f"This is more than the {size} bytes that were announced. Start anew.", status=413)


def mismatch(message: str) -> Refusal:
    return Refusal("CHECKSUM_MISMATCH", message, status=MISMATCH)


def standing(*, offset: int, expires_at: dt.datetime | None = None) -> dict[str, str]:
    """How far an upload is, and until when the rest may come."""
    said = {"Upload-Offset": str(offset)}
    return said | {"Upload-Expires": http_date(expires_at.timestamp())} if expires_at else said


def meant(method: str, override: str | None) -> str:
    """The method that is meant: `X-HTTP-Method-Override` counts on POST alone, where everything is checked already."""
    said = (override or "").strip().upper()
    return said if method == "POST" and said in MEANT else method


def _invalid(header: str, message: str) -> Refusal:
    return Refusal("INVALID", f"{header}: {message}", fields={header: [message]})
