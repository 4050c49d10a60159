"""What a line of a playlist file says, whatever its format, cleaned of what no text should hold."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from urllib.parse import unquote
from uuid import UUID

from apps.catalog import identifiers
from apps.lib.errors import Refusal

LONGEST_NAME, LONGEST_ADDRESS, LONGEST_TEXT = 500, 2_000, 5_000
LONGEST_MS = 7 * 24 * 3600 * 1000
# A line break of any kind and a tab part words; other control characters and halves of characters are dropped.
_BREAKS = re.compile(r"[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_OURS = re.compile(rf"(?:urn:uuid:)?({_UUID})", re.IGNORECASE)
_ADDRESS = re.compile(rf"/tracks/({_UUID})(?=[/?#]|$)", re.IGNORECASE)
_ISRC = re.compile(r"(?:urn:isrc:|isrc:|info:isrc/)(.{1,20})", re.IGNORECASE)
_SHA256 = re.compile(r"(?:urn:sha-?256:|sha-?256:|hash://sha256/)([0-9a-f]{64})", re.IGNORECASE)
_NAMED_HASH = re.compile(r"ni://[^/;]{0,200}/sha-256;([\w-]{43})")
_NUMBERED = re.compile(r"\d{1,3}\s*[-._)]\s*(?=\S)")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}$")


class FileError(Refusal):
    """A file refused as a playlist: EMPTY_FILE, PLAYLIST_ENCODING, PLAYLIST_FORMAT, PLAYLIST_TOO_LONG."""

    def __init__(self, code: str, message: str, status: int = 422):
        super().__init__(code, message, status=status, fields={"file": [message]})


def too_long(most: int) -> FileError:
    return FileError("PLAYLIST_TOO_LONG", f"More than {most:,} lines. Send them in several files.", 413)


@dataclass(frozen=True)
class Line:
    """One track as a file names it. `named` is the id of a track of ours, `location` is told and never fetched."""

    title: str = ""
    artist: str = ""
    duration_ms: int | None = None
    isrc: str = ""
    sha256: str = ""
    named: UUID | None = None
    location: str = ""


@dataclass(frozen=True)
class File:
    title: str = ""
    description: str = ""
    lines: list[Line] = field(default_factory=list)
    form: str = ""
    encoding: str = ""


def line(
    *, title: object = "", artist: object = "", duration_ms: object = None, location: object = "",
    identities: Iterable[object] = (),
) -> Line:  # fmt: skip
    """A line from what a file says, of whatever type; without a title the file's own name stands in its place."""
    where = cleaned(location, LONGEST_ADDRESS)
    made = Line(cleaned(title), cleaned(artist), milliseconds(duration_ms), location=where)
    for said in (*identities, where):
        made = identified(made, said)
    if not made.title and where and made.named is None:
        artist, name = named_by(where)
        made = replace(made, title=name, artist=made.artist or artist)
    return made


def cleaned(said: object, most: int = LONGEST_NAME) -> str:
    """One line of text without control characters; nothing for what is no text."""
    if not isinstance(said, str):
        return ""
    return _plain(_BREAKS.sub(" ", said[: most * 4]))[:most].strip()


def text(said: object, most: int = LONGEST_TEXT) -> str:
    """The same with its lines."""
    if not isinstance(said, str):
        return ""
    return "\n".join(map(_plain, said[: most * 4].splitlines()))[:most].strip()


def _plain(said: str) -> str:
    """Without control characters, halves of characters and what no XML may hold."""
    kept = (c for c in said if unicodedata.category(c) not in ("Cc", "Cs") and ord(c) & 0xFFFE != 0xFFFE)
    return "".join(kept) if not said.isprintable() else said


def milliseconds(said: object) -> int | None:
    """A length, or None for what cannot be one."""
    try:
        length = round(float(said)) if isinstance(said, int | float | str) and not isinstance(said, bool) else 0
    except (ValueError, OverflowError):
        return None
    return length if 0 < length <= LONGEST_MS else None


def identified(known: Line, said: object) -> Line:
    """The line with what this text identifies it by; what is found first stays."""
    said = cleaned(said, LONGEST_ADDRESS)
    if known.named is None and (found := _OURS.fullmatch(said) or _ADDRESS.search(said)):
        return replace(known, named=UUID(found[1]))
    if not known.isrc and (found := _ISRC.fullmatch(said)):
        return replace(known, isrc=isrc(found[1]))
    if not known.sha256 and (found := _SHA256.fullmatch(said)):
        return replace(known, sha256=found[1].lower())
    if not known.sha256 and (found := _NAMED_HASH.fullmatch(said)):
        return replace(known, sha256=_hex(found[1]))
    return known


def isrc(said: object) -> str:
    """As it is kept here; nothing for what is none."""
    try:
        return identifiers.isrc(cleaned(said, 40))
    except Refusal:
        return ""


def identities(known: Line) -> list[str]:
    """Its identities as `identified` reads them again."""
    own = [f"urn:uuid:{known.named}"] if known.named else []
    return [*own, *([f"isrc:{known.isrc}"] if known.isrc else []),
            *([f"urn:sha256:{known.sha256}"] if known.sha256 else [])]  # fmt: skip


def _hex(said: str) -> str:
    try:
        return base64.urlsafe_b64decode(f"{said}=").hex()
    except (binascii.Error, ValueError):
        return ""


def named_by(location: str) -> tuple[str, str]:
    """Artist and title as far as a path or an address tells: `C:\\Music\\03 - Ana - Night Train.mp3`."""
    name = re.split(r"[/\\]", location.rstrip("/\\"))[-1]
    if "://" in location:
        name = unquote(re.split("[?#]", name)[0], errors="replace")
    name = _NUMBERED.sub("", _ENDING.sub("", cleaned(name).replace("_", " ")), count=1)
    return parted(name)


def parted(said: str) -> tuple[str, str]:
    """`Artist - Title` as the two; the whole is the title where nothing parts it."""
    artist, dash, title = said.partition(" - ")
    return (artist.strip(), title.strip()) if dash and title.strip() else ("", said.strip())
