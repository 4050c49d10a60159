"""A table of tracks, as programs and services give it out: CSV with a header, or without one."""

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice

from apps.lib import sheet
from apps.playlists.formats.lines import File, FileError, Line, isrc, line, milliseconds, parted, too_long

# What programs call a column, letters and digits alone → what it is here.
COLUMNS = {
    "title": ("title", "track", "trackname", "tracktitle", "name", "song", "songname", "songtitle"),
    "artist": ("artist", "artists", "artistname", "artistnames", "trackartist", "creator", "band"),
    "isrc": ("isrc", "isrccode"),
    "sha256": ("sha256", "hash", "checksum"),
    "location": ("location", "url", "uri", "link", "path", "file", "filename", "trackurl", "trackuri"),
    "identity": ("id", "trackid", "identifier", "uuid"),
    "duration": ("duration", "length", "time", "seconds", "durationseconds", "durationsec"),
    "duration_ms": ("durationms", "lengthms", "trackdurationms", "milliseconds"),
}
KNOWN = {word: name for name, words in COLUMNS.items() for word in words}
TELLING = {"title", "isrc", "sha256", "location", "identity"}
DELIMITERS = ",;\t|"
# Cells of a row without a header that are asked what they are.
MOST_TELLING = 20
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2}(?:\.\d{1,6})?)")


def first_line(text: str) -> str:
    """The first one that is not blank."""
    return next((said for said in io.StringIO(text) if said.strip()), "")[:10_000]


def delimiter_of(text: str) -> str:
    first = first_line(text)
    return max(DELIMITERS, key=first.count)


def header_of(text: str) -> dict[str, int]:
    """Column → its place in the first line; nothing when that is no header."""
    names = [KNOWN.get(re.sub(r"[\W_]+", "", cell.casefold())) for cell in first_line(text).split(delimiter_of(text))]
    places = {name: place for place, name in reversed(list(enumerate(names))) if name}
    return places if TELLING & set(places) else {}


def read(text: str, *, most: int) -> File:
    """FileError for a quotation mark that never closes, a cell that is too long, or more lines than `most`."""
    rows, header, lines = _rows(text), header_of(text), []
    if header:
        next(rows, None)
    for cells in rows:
        if len(lines) >= most:
            raise too_long(most)
        lines.append(_line(cells, header) if header else _plain(cells))
    return File(lines=lines)


def _rows(text: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text), strict=True)
    try:
        for cells in reader:
            said = [cell.strip() for cell in cells[: sheet.MOST_COLUMNS]]
            if any(said):
                yield [sheet.original(cell) for cell in said]
    except csv.Error as error:
        message = f"Line {reader.line_num}: a quotation mark is not closed, or a cell is too long ({error})."
        raise FileError("PLAYLIST_FORMAT", message) from error


def _line(cells: list[str], header: dict[str, int]) -> Line:
    said = {name: cells[place] for name, place in header.items() if place < len(cells)}
    return line(
        title=said.get("title"),
        artist=said.get("artist"),
        duration_ms=said.get("duration_ms") or _length(said.get("duration", "")),
        location=said.get("location"),
        identities=[said.get("identity"), f"isrc:{said.get('isrc')}", f"sha256:{said.get('sha256')}"],
    )


def _plain(cells: list[str]) -> Line:
    """Without a header each cell tells by itself what it is; of two names the first is the artist's."""
    names, identities, length, location = [], [], None, ""
    for cell in islice(filter(None, cells), MOST_TELLING):
        if _CLOCK.fullmatch(cell):
            length = length or _length(cell)
        elif "://" in cell:
            location = location or cell
        elif isrc(cell):
            identities.append(f"isrc:{cell}")
        elif line(identities=[cell]).named:
            identities.append(cell)
        else:
            names.append(cell)
    artist, title = (names[0], names[1]) if len(names) > 1 else parted("".join(names))
    return line(title=title, artist=artist, duration_ms=length, location=location, identities=identities)


def _length(said: str) -> float | None:
    """Milliseconds of `3:05`, `1:02:03` or `185.4` seconds."""
    if clock := _CLOCK.fullmatch(said):
        hours, minutes, seconds = clock.groups()
        return (int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)) * 1000
    return float(said) * 1000 if milliseconds(said) else None
