"""What comes with status 200 in place of a file, told by its first bytes, so that the row says more than "no audio"."""

import json
import re

from apps.archive.providers.base import LONGEST_REASON, NotAudio, mapping, text

HEAD_BYTES = 4096
REFUSED, NOT_AUDIO = "PROVIDER_REFUSED", "NOT_AUDIO"
_PAGE = re.compile(rb"\s*(<!doctype\s+html|<html|<head|<body)", re.IGNORECASE)
_ERROR = re.compile(rb"\s*(<\?xml|<Error)", re.IGNORECASE)
_LINE = re.compile(rb"\s*[\x20-\x7e]{1,500}\s*")
# What an MP4 file may begin with; sound of that label without it is sealed for the provider's own player.
BOXES = (b"ftyp", b"moov", b"moof", b"mdat", b"styp", b"free", b"skip", b"wide")
SOUNDS = (b"ID3", b"\xff", b"RIFF", b"fLaC", b"OggS")
MP4_TYPES = ("audio/mp4", "audio/m4a", "audio/x-m4a", "audio/aac", "video/mp4")


def named(head: bytes, content_type: str) -> NotAudio | None:
    """A JSON error, a page, a store's error, a bare line of text, sealed bytes labelled MP4, or nothing known."""
    if not head.strip():
        return NotAudio(NOT_AUDIO, "The provider sent a file without content.")
    if head.lstrip()[:1] in (b"{", b"["):
        return NotAudio(REFUSED, f"The provider sent an error in place of the file{_reason(head)}")
    if _PAGE.match(head) or content_type == "text/html":
        return NotAudio(REFUSED, "The provider sent a web page in place of the file.")
    if _ERROR.match(head):
        return NotAudio(REFUSED, "The provider's store sent an error in place of the file.")
    if len(head) < HEAD_BYTES and _LINE.fullmatch(head):
        return NotAudio(REFUSED, f"The provider sent a line of text in place of the file: {text(head.decode(), 120)}")
    if content_type in MP4_TYPES and head[4:8] not in BOXES and not head.startswith(SOUNDS):
        return NotAudio(NOT_AUDIO, "The provider sent a sealed file, which only its own player can open.")
    return None


def _reason(head: bytes) -> str:
    """The error's own words, where they are whole and few."""
    try:
        told = mapping(json.loads(head))
    except (ValueError, RecursionError):
        return "."
    words = (told.get(name) for name in ("detail", "message", "msg", "error", "title"))
    said = next(filter(None, (text(word, LONGEST_REASON) for word in words)), "")
    return f": {said}" if said else "."
