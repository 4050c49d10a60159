"""A playlist as a file."""

from apps.playlists.formats import jspf, m3u8, xspf
from apps.playlists.formats.lines import File

# Format → its type; the format is also how the file's name ends.
MIMES = {"m3u8": "audio/mpegurl; charset=utf-8", "xspf": "application/xspf+xml", "jspf": "application/jspf+json"}
_WRITERS = {"m3u8": m3u8.write, "xspf": xspf.write, "jspf": jspf.write}


def write(file: File, form: str, *, hidden: int, about: dict[str, str]) -> bytes:
    """UTF-8. `hidden` entries are missing in the file; `about` tells of the playlist: creator, info, identifier."""
    return "".join(_WRITERS[form](file, hidden=hidden, about=about)).encode()
