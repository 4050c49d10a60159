"""M3U and M3U8: an address per line, and what is known of it in comments above."""

import re
from collections import deque
from collections.abc import Iterable, Iterator

from apps.playlists.formats.lines import File, Line, cleaned, identities, line, parted, too_long

# Attributes as television lists have them, `tvg-name="a, b"`, up to the comma before the name.
_HEAD = re.compile(r'([^",]*(?:"[^"]*"[^",]*)*),')
# One after the other and no blank ones, so that a file of nothing but ends of lines costs nothing.
_LINE = re.compile(r"[^\r\n]+")
_SECONDS = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)")
LONGEST_LINE = 10_000
# Comments above an address that are its own, the last ones.
MOST_ABOVE = 20


def read(text: str, *, most: int) -> File:
    """Comments that nobody knows are passed over, so every text is one: whether it is meant so is asked before."""
    title, lines, above = "", [], deque(maxlen=MOST_ABOVE)
    for count, found in enumerate(_LINE.finditer(text)):
        if count > most * (MOST_ABOVE + 1):
            raise too_long(most)
        said = found[0][:LONGEST_LINE].strip()
        if said.upper().startswith("#PLAYLIST:"):
            title = title or cleaned(said[10:])
        elif said.startswith("#"):
            above.append(said)
        elif said:
            if len(lines) >= most:
                raise too_long(most)
            lines.append(_line(said, above))
            above.clear()
    return File(title=title, lines=lines)


def _line(location: str, above: Iterable[str]) -> Line:
    name, artist, length = "", None, None
    for said in above:
        if said[:8].upper() == "#EXTINF:":
            length, name = _info(said[8:])
        elif said[:8].upper() == "#EXTART:":
            artist = cleaned(said[8:])
    if artist is None:
        artist, name = parted(name)
    elif artist:
        name = name.removeprefix(f"{artist} - ")
    comments = (said[1:].strip() for said in above)
    return line(title=name, artist=artist, duration_ms=length, location=location, identities=comments)


def _info(said: str) -> tuple[float | None, str]:
    """Milliseconds and the name of `185 tvg-id="1",Ana - Night Train`."""
    found = _HEAD.match(said)
    head, name = (found[1], said[found.end() :]) if found else said.partition(",")[::2]
    seconds = _SECONDS.match(head)
    return seconds and float(seconds[1]) * 1000, cleaned(name)


def write(file: File, *, hidden: int, about: dict[str, str]) -> Iterator[str]:
    """`#EXTART` tells the artist from a title with a dash; identities are comments to all others."""
    yield f"#EXTM3U\n#PLAYLIST:{cleaned(file.title)}\n"
    if hidden:
        yield f"# Not shown to you: {hidden}\n"
    for each in file.lines:
        seconds = max(1, round(each.duration_ms / 1000)) if each.duration_ms else -1
        if each.artist or " - " in each.title:
            yield f"#EXTART:{each.artist}\n"
        yield f"#EXTINF:{seconds},{each.artist}{' - ' if each.artist else ''}{each.title}\n"
        yield from (f"# {identity}\n" for identity in identities(each))
        yield f"{each.location}\n"
