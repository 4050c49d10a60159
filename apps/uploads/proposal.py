"""What a file says of itself, read in the limited child, as a proposal: it fills what the person left empty.

A proposal is kept with its upload as JSON: `title`, `artist`, `genre`, `tempo` (text), `pitch_class`, `mode`, `isrc`,
`release_date` (ISO), and `cover`, the SHA-256 of a picture of ours made from the file's. What a tag says is only ever
a word: what does not read as its field is left out, and no tag can refuse a file.
"""

import datetime as dt
import logging
import re
from decimal import Decimal, InvalidOperation
from pathlib import Path

from django.conf import settings

from apps.catalog import files, identifiers, keys
from apps.catalog.models import Blob, Track
from apps.lib import media, picture, spool
from apps.lib.errors import Refusal
from apps.lib.media import Probe
from apps.lib.text import is_blank

log = logging.getLogger(__name__)

COVER_SIDE, COVER_MOST = 1024, 400_000  # pixels, bytes
COVER_FORM = media.FORMATS["webp"]
SLOWEST, FASTEST = Decimal(20), Decimal(400)
# Text that turns its neighbours around where it is shown.
TURNING = dict.fromkeys(map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
# Of a key only both together mean anything: what the person says of one is not completed by a tag.
TOGETHER = (("pitch_class", "mode"),)
KEY = re.compile(r"([A-H][#b♯♭]?)\s*(m|min|minor|moll|maj|major|dur)?\.?", re.IGNORECASE)
MINOR = ("m", "min", "minor", "moll")
GERMAN = ("moll", "dur")


def read(path: Path) -> tuple[Probe, dict]:
    """What the file is, and what its tags say that reads as a track's field, with its cover, stored.

    Not inside a transaction. Refuses as `media.probe` does, or for our disk and store; no tag refuses a file.
    """
    most = settings.PICTURE_MAX_BYTES
    with spool.workspace(needed=most) as folder:
        probe = media.probe(path, admit=settings.UPLOAD_FORMATS, cover=folder / "cover", most=most)
        cover = _cover(folder / "cover")
    return probe, {**said(probe.tags), **({"cover": cover} if cover else {})}


def said(tags: dict[str, str]) -> dict:
    """What tags alone say that reads as a track's field."""
    return {name: value for name, value in _words(tags).items() if value not in (None, "")}


def filled(facts: dict, proposal: dict) -> dict:
    """The facts, and what the proposal knows of the fields that they leave empty; typed as a track keeps them."""
    taken = {name for name, value in facts.items() if value not in (None, "", [], ())}
    for names in TOGETHER:
        if taken & set(names):
            taken |= set(names)
    kept = {name: read(proposal[name]) for name, read in FIELDS.items() if name in proposal and name not in taken}
    return {**facts, **kept}


def dress(track: Track, proposal: dict) -> None:
    """Give the track the file's cover unless it has one. Inside the transaction that makes the track."""
    blob = Blob.objects.filter(sha256=proposal.get("cover", "")).first()
    if blob and not track.files.filter(role="cover").exists():
        files.attach(track=track, role="cover", blob=blob)


FIELDS = {
    "title": str,
    "artist": str,
    "genre": str,
    "tempo": Decimal,
    "pitch_class": int,
    "mode": str,
    "isrc": str,
    "release_date": dt.date.fromisoformat,
}


def _words(tags: dict[str, str]) -> dict:
    pitch_class, mode = _key(tags.get("key", ""))
    return {
        "title": _text(tags.get("title", ""), Track.title.field.max_length),
        "artist": _text(tags.get("artist", ""), Track.artist.field.max_length),
        "genre": _text(tags.get("genre", ""), Track.genre.field.max_length),
        "tempo": _tempo(tags.get("bpm", "")),
        "pitch_class": pitch_class,
        "mode": mode,
        "isrc": _isrc(tags.get("isrc", "")),
        "release_date": _date(tags.get("date", "")),
    }


def _text(text: str, most: int) -> str:
    plain = " ".join(text.translate(TURNING).split())[:most].strip()
    return "" if is_blank(plain) else plain


def _tempo(text: str) -> str | None:
    try:
        tempo = round(Decimal(text.replace(",", ".").strip()), 2)
    except InvalidOperation:
        return None
    return str(tempo) if tempo.is_finite() and SLOWEST <= tempo <= FASTEST else None


def _key(text: str) -> tuple[int | None, str]:
    """`Am`, `Db major`, `8A`, `h-moll` as (pitch class, mode); (None, "") for anything else, also an H alone."""
    plain = text.strip().replace("-", " ")
    try:
        return keys.read(plain)
    except ValueError:
        pass
    if not (found := KEY.fullmatch(plain)):
        return None, ""
    name, mode = found[1], (found[2] or "").lower()
    if mode in GERMAN:
        name = {"B": "Bb", "H": "B"}.get(name.upper(), name)
    pitch_class = keys.pitch_class(name)
    if pitch_class is None:
        return None, ""
    return pitch_class, "minor" if mode in MINOR else "major"


def _isrc(text: str) -> str:
    try:
        return identifiers.isrc(text)
    except Refusal:
        return ""


def _date(text: str) -> str | None:
    """A whole day; of a bare year nobody knows the day."""
    try:
        return dt.date.fromisoformat(text.strip()[:10]).isoformat()
    except ValueError:
        return None


def _cover(carried: Path) -> str | None:
    if not carried.exists():
        return None
    try:
        made = picture.square(carried, side=COVER_SIDE, most=COVER_MOST)
    except picture.PictureError as failure:
        log.info("the picture in an upload is not used: %s", failure)
        return None
    carried.write_bytes(made)
    with files.stored(carried, form=COVER_FORM) as stored:  # its row keeps it for two days until a track holds it
        return stored.sha256
