"""Which format and which encoding a file has, by its content; then what it says."""

import codecs
import re
from collections.abc import Callable
from dataclasses import replace

from apps.playlists.formats import jspf, m3u8, tables, xspf
from apps.playlists.formats.lines import File, FileError

FORMS = ("m3u8", "xspf", "jspf", "csv")
_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}encoding")
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]{0,200}>")
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x19\x1b-\x1f]")
# What the lines of an M3U without its header look like.
_PLACE = re.compile(r"[a-z][a-z0-9+.-]{1,20}://\S|(?:[a-z]:)?[/\\]\S|[^,;\t]{1,500}\.[a-z0-9]{2,5}$", re.IGNORECASE)
LOOKED_AT = 20


def read(data: bytes, *, form: str = "", most: int) -> File:
    """At most so many lines. `form` is what the sender says; the content decides where it tells.

    FileErrors: EMPTY_FILE 400, PLAYLIST_ENCODING 400, PLAYLIST_FORMAT 422, PLAYLIST_TOO_LONG 413; no other error,
    whatever the bytes are.
    """
    if not data.strip(b"\0\t\n\r \xef\xbb\xbf\xff\xfe"):
        raise FileError("EMPTY_FILE", "This file is empty. Choose another one.", 400)
    encoding, text = _decoded(data)
    found = _by_content(text) or form or _by_looks(text)
    if not found:
        message = "This is no playlist that can be read: M3U8, XSPF, JSPF, or CSV with a header that names the title."
        raise FileError("PLAYLIST_FORMAT", message)
    if found == "xspf":
        # A declared encoding is the parser's business; what was decoded here has none any more.
        file = xspf.read(data if _DECLARED.match(data) else _DECLARATION.sub("", text).strip().encode(), most=most)
    else:
        readers: dict[str, Callable[..., File]] = {"m3u8": m3u8.read, "jspf": jspf.read, "csv": tables.read}
        file = readers[found](text, most=most)
    return replace(file, form=found, encoding=encoding)


def _by_content(text: str) -> str:
    """What begins as only one of them does."""
    start = text.lstrip()[:20].upper()
    return next(
        (form for sign, form in {"<": "xspf", "{": "jspf", "#EXTM3U": "m3u8"}.items() if start.startswith(sign)), ""
    )


def _by_looks(text: str) -> str:
    """A table by its header, else a bare list of paths or addresses."""
    if tables.header_of(text):
        return "csv"
    lines = [said.strip() for said in text[:100_000].splitlines() if said.strip() and not said.startswith("#")]
    return "m3u8" if lines and all(_PLACE.match(said) for said in lines[:LOOKED_AT]) else ""


def _decoded(data: bytes) -> tuple[str, str]:
    """UTF-8; UTF-16 by its mark; else Windows-1252, which old programs write. Refusal PLAYLIST_ENCODING."""
    mark = next((mark for mark in _BOMS if data.startswith(mark)), b"")
    tried = [_BOMS[mark]] if mark else ["utf-8", "windows-1252"]
    for encoding in tried:
        try:
            text = data[len(mark) :].decode(encoding)
        except UnicodeDecodeError:
            continue
        if not _NO_TEXT.search(text):
            return encoding, text
    message = "This is no text in UTF-8, UTF-16 or Windows-1252. Save the playlist again, as UTF-8."
    raise FileError("PLAYLIST_ENCODING", message, 400)
