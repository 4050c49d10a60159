"""Answers with bytes: one range or the whole, revalidated by ETag, never sniffed, never run (RFC 9110)."""

import re
import unicodedata
from collections.abc import Iterator
from typing import BinaryIO

from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotModified,
    StreamingHttpResponse,
)
from django.utils.http import content_disposition_header, parse_etags, quote_etag

PIECE = 256 * 1024
OCTETS = "application/octet-stream"
PLAYABLE = frozenset(
    [f"audio/{kind}" for kind in ("aac", "flac", "mp4", "mpeg", "ogg", "opus", "wav", "webm", "x-flac", "x-wav")]
    + [f"image/{kind}" for kind in ("avif", "gif", "jpeg", "png", "webp")]
    + ["video/mp4", "video/webm", "application/json"]
)
_ONE_RANGE = re.compile(r"\s*bytes\s*=\s*([0-9]{0,30})-([0-9]{0,30})\s*", re.IGNORECASE)


class _Unsatisfiable(Exception):
    """The range is well formed and none of it lies inside the file."""


def ranged_response(
    request: HttpRequest,
    open_file: BinaryIO,
    *,
    size: int,
    content_type: str | None,
    filename: str | None = None,
    etag: str | None = None,
    inline: bool = True,
    cache_control: str = "private, max-age=0",
) -> HttpResponseBase:
    """Answer GET or HEAD with `size` bytes of a seekable file, which the answer closes.

    200, 206 for one range, 304 when If-None-Match holds `etag` (a bare or quoted tag), 416 when the range
    lies outside. Several ranges, other units and malformed ones get the whole file, as the RFC allows. A type
    that is not on the list of playable ones is sent as an attachment of plain octets.
    """
    tag = quote_etag(etag) if etag else None
    if tag and _is_known(request, tag):
        response = _closing(open_file, HttpResponseNotModified())
    else:
        response = _body(request, open_file, size, tag)
    if response.status_code in (200, 206):
        kind, disposition = served_as(content_type, filename, inline=inline)
        response["Content-Type"] = kind
        if disposition:
            response["Content-Disposition"] = disposition
    if tag:
        response["ETag"] = tag
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = cache_control
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def served_as(content_type: str | None, filename: str | None, *, inline: bool) -> tuple[str, str | None]:
    """The Content-Type and Content-Disposition that are safe to send for what is stored."""
    playable = content_type in PLAYABLE
    disposition = content_disposition_header(not (inline and playable), _clean(filename))
    return (content_type if playable else OCTETS), disposition


def _clean(filename: str | None) -> str | None:
    """A name without control, direction and path characters, short enough for any header."""
    if filename is None:
        return None
    kept = (c for c in filename if not unicodedata.category(c).startswith("C"))
    return "".join("_" if c in "/\\" else c for c in kept).strip()[:150] or None


def _is_known(request: HttpRequest, tag: str) -> bool:
    """Whether If-None-Match names the tag; weak comparison, so `W/` does not matter."""
    known = parse_etags(request.headers.get("If-None-Match", ""))
    return "*" in known or tag.removeprefix("W/") in {each.removeprefix("W/") for each in known}


def _body(request: HttpRequest, open_file: BinaryIO, size: int, tag: str | None) -> HttpResponseBase:
    try:
        span = _span(request, size, tag)
    except _Unsatisfiable:
        response = _closing(open_file, HttpResponse(status=416, content_type="text/plain"))
        response["Content-Range"] = f"bytes */{size}"
        return response
    start, end = span or (0, size)
    if request.method == "HEAD":
        response = _closing(open_file, HttpResponse())
    else:
        response = StreamingHttpResponse(_Pieces(open_file, start, end - start), status=206 if span else 200)
    response["Content-Length"] = str(end - start)
    if span:
        response["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return response


def _span(request: HttpRequest, size: int, tag: str | None) -> tuple[int, int] | None:
    """The half-open range asked for, or None for the whole: only GET has ranges, and only of this version."""
    asked = _ONE_RANGE.fullmatch(request.headers.get("Range", ""))
    if not asked or request.method != "GET" or not size or not _is_same_version(request, tag):
        return None
    first, last = asked.groups()
    if not first:
        return _suffix(last, size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise _Unsatisfiable
    return int(first), min(int(last) + 1, size) if last else size


def _suffix(length: str, size: int) -> tuple[int, int] | None:
    if not length:
        return None
    if int(length) == 0:
        raise _Unsatisfiable
    return max(size - int(length), 0), size


def _is_same_version(request: HttpRequest, tag: str | None) -> bool:
    """Whether If-Range allows a part: strong comparison, and a date never matches because we send none."""
    condition = request.headers.get("If-Range")
    return condition is None or (tag == condition.strip() and not tag.startswith("W/"))


def _closing(open_file: BinaryIO, response: HttpResponse) -> HttpResponse:
    open_file.close()
    return response


class _Pieces:
    """Iterates over `length` bytes from `start`; closes the file at the end and when the client goes away."""

    def __init__(self, open_file: BinaryIO, start: int, length: int):
        self._file, self._left = open_file, length
        self._file.seek(start)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if not self._left:
            self.close()
            raise StopIteration
        piece = self._file.read(min(PIECE, self._left))
        if not piece:  # ending quietly would leave the client waiting for the promised length
            raise OSError(f"The file ended {self._left} bytes early.")
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        """Called by Django when the answer is over, however it ended."""
        self._file.close()
