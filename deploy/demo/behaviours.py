"""What servers do wrong, one function each: BEHAVIOURS names them all, and `provider` does it on request.

A function gets the connection, the file that stands at the path, and the argument that came with the request.
"""

import functools
import gzip
import json
import socket
import struct
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from typing import Any

PIECE = bytes(16 * 1024)


@dataclass(frozen=True)
class Behaviour:
    """How to answer: a name from BEHAVIOURS, its argument (None: the default), and for how many requests."""

    name: str
    argument: Any = None
    times: int | None = None

    def __post_init__(self) -> None:
        if self.name not in BEHAVIOURS:
            raise ValueError(f"no behaviour is called {self.name!r}; there are {', '.join(BEHAVIOURS)}")


@dataclass(frozen=True)
class File:
    """What stands at a path until `expires_at` (seconds since the epoch; None: for good)."""

    data: bytes
    content_type: str
    expires_at: float | None = None


class Wire(BaseHTTPRequestHandler):
    """One connection. Its senders are the words in which the behaviours are written."""

    protocol_version = "HTTP/1.1"
    # The server with its files: `stopping`, `origin` and `file(path)`.
    provider: Any

    def start(self, status: int, content_type: str, **headers: Any) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": content_type, "Connection": "close", **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def start_file(self, file: File) -> None:
        self.start(200, file.content_type, Content_Length=len(file.data))

    def send(self, status: int, body: bytes, content_type: str, **headers: Any) -> None:
        self.start(status, content_type, Content_Length=len(body), **headers)
        self.write(body)

    def send_status(self, status: int, **headers: Any) -> None:
        self.send(status, f"{status}\n".encode(), "text/plain", **headers)

    def send_json(self, status: int, answer: dict[str, Any]) -> None:
        self.send(status, json.dumps(answer, indent=1).encode() + b"\n", "application/json")

    def write(self, body: bytes) -> None:
        if self.command != "HEAD":
            self.wfile.write(body)

    def raw(self, data: bytes) -> None:
        """Past every rule of HTTP."""
        self.wfile.write(data)

    def wait(self, seconds: float) -> bool:
        """Sleep; False when the server stops meanwhile."""
        return not self.provider.stopping.wait(seconds)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: `Provider.log` and the control endpoint tell."""


Act = Callable[[Wire, File, Any], None]


def _ok(http: Wire, file: File, argument: Any) -> None:
    span = _span(http.headers.get("Range", ""), len(file.data))
    if span is None:
        return http.send(200, file.data, file.content_type, Accept_Ranges="bytes")
    if not span:
        return http.send_status(416, Content_Range=f"bytes */{len(file.data)}")
    shown = f"bytes {span.start}-{span.stop - 1}/{len(file.data)}"
    http.send(206, file.data[span.start : span.stop], file.content_type, Content_Range=shown)


def _status(status: int, retry_after: str | None = None) -> Act:
    def act(http: Wire, file: File, argument: Any) -> None:
        wait = argument if argument is not None else retry_after
        http.send_status(status, **({} if wait is None else {"Retry_After": wait}))

    return act


def _limited_until_soon(http: Wire, file: File, argument: Any) -> None:
    http.send_status(429, Retry_After=formatdate(time.time() + 120, usegmt=True))


def _fixed(body: bytes, content_type: str = "audio/mpeg") -> Act:
    """A whole, well-formed answer that is not the file, under the label of one (or the label given)."""
    return lambda http, file, argument: http.send(200, body, argument or content_type)


def _truncated(http: Wire, file: File, cut: int | None) -> None:
    http.start_file(file)
    http.write(file.data[: _half(file.data, cut)])


def _truncated_chunked(http: Wire, file: File, cut: int | None) -> None:
    http.start(200, file.content_type, Transfer_Encoding="chunked")
    wire = chunked(file.data)
    http.write(wire[: _half(wire, cut)])


def _no_length(http: Wire, file: File, cut: int | None) -> None:
    http.start(200, file.content_type)
    http.write(file.data[: _half(file.data, cut)])


def _chunked(http: Wire, file: File, argument: Any) -> None:
    http.start(200, file.content_type, Transfer_Encoding="chunked")
    http.write(chunked(file.data))


def _flipped(http: Wire, file: File, at: int | None) -> None:
    data = bytearray(file.data)
    data[_half(file.data, at)] ^= 1
    http.send(200, bytes(data), file.content_type)


def _wrong_type(http: Wire, file: File, content_type: str | None) -> None:
    http.send(200, file.data, content_type or "text/plain")


def _reset(http: Wire, file: File, cut: int | None) -> None:
    http.start_file(file)
    http.write(file.data[: _half(file.data, cut)])
    _break_off(http)


def _reset_at_once(http: Wire, file: File, argument: Any) -> None:
    _break_off(http)


def _reset_in_headers(http: Wire, file: File, argument: Any) -> None:
    http.raw(b"HTTP/1.1 200 OK\r\nContent-Le")
    _break_off(http)


def _break_off(http: Wire) -> None:
    """A reset instead of an end: what was not read yet is lost too."""
    http.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    http.rfile.close()
    http.connection.close()


def _closed(http: Wire, file: File, argument: Any) -> None:
    """It listened, and hangs up without a word."""


def _drip(http: Wire, file: File, pause: float | None) -> None:
    http.start_file(file)
    for position in range(len(file.data)):
        http.write(file.data[position : position + 1])
        if not http.wait(pause or 0.02):
            return


def _slow(http: Wire, file: File, bytes_per_second: float | None) -> None:
    http.start_file(file)
    step = max(1, int((bytes_per_second or 100_000) / 20))
    for position in range(0, len(file.data), step):
        http.write(file.data[position : position + step])
        if not http.wait(0.05):
            return


def _slow_headers(http: Wire, file: File, pause: float | None) -> None:
    http.raw(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while http.wait(pause or 0.02):
        http.raw(b"a")


def _endless(http: Wire, file: File, argument: Any) -> None:
    http.start(200, "audio/mpeg", Transfer_Encoding="chunked")
    while http.command != "HEAD" and not http.provider.stopping.is_set():
        http.write(b"%x\r\n%b\r\n" % (len(PIECE), PIECE))


def _bomb(encoding: str, header: str = "Content_Encoding") -> Act:
    """About 1000 times as large once decoded: 64 pieces are 1 GiB out of 1 MB."""

    def act(http: Wire, file: File, pieces: int | None) -> None:
        zeros = _deflated_zeros() if encoding == "deflate" else _zipped_zeros()
        http.send(200, zeros * (pieces or 64), "audio/mpeg", **{header: encoding})

    return act


def _zipped(http: Wire, file: File, argument: Any) -> None:
    """The file itself, but packed; said in a header or, with an argument, to nobody."""
    said = {} if argument else {"Content_Encoding": "gzip"}
    http.send(200, gzip.compress(file.data), file.content_type, **said)


def _length(*lengths: str) -> Act:
    """Such lengths; "%d" stands for the right one."""

    def act(http: Wire, file: File, argument: Any) -> None:
        said = [length.replace("%d", str(len(file.data))) for length in ([argument] if argument else lengths)]
        lines = "".join(f"Content-Length: {length}\r\n" for length in said)
        http.raw(f"HTTP/1.1 200 OK\r\nContent-Type: {file.content_type}\r\n{lines}\r\n".encode())
        http.write(file.data)

    return act


def _half_length(http: Wire, file: File, length: int | None) -> None:
    """All of the file under a length that is shorter."""
    http.start(200, file.content_type, Content_Length=_half(file.data, length))
    http.write(file.data)


def _two_lengths(http: Wire, file: File, argument: Any) -> None:
    """A length and chunks: two readers may see two files."""
    http.start(200, file.content_type, Content_Length=_half(file.data, None), Transfer_Encoding="chunked")
    http.write(chunked(file.data))


def _bad_chunks(line: bytes) -> Act:
    """After half of the file a chunk that is none."""

    def act(http: Wire, file: File, argument: Any) -> None:
        http.start(200, file.content_type, Transfer_Encoding="chunked")
        http.write(chunked(file.data[: _half(file.data, None)])[: -len(LAST_CHUNK)] + line)

    return act


def _flood(line: bytes) -> Act:
    """The same line again and again, for as long as anybody listens."""

    def act(http: Wire, file: File, argument: Any) -> None:
        if not line.startswith(b"HTTP/1.1 1"):
            http.raw(b"HTTP/1.1 200 OK\r\n")
        while not http.provider.stopping.is_set():
            http.raw(line * 100)

    return act


def _raw(data: bytes) -> Act:
    return lambda http, file, argument: http.raw(data)


def _mute(http: Wire, file: File, argument: Any) -> None:
    """It listens and says nothing."""
    http.provider.stopping.wait()


def _stalled(http: Wire, file: File, cut: int | None) -> None:
    """The beginning, and then nothing."""
    http.start_file(file)
    http.write(file.data[: _half(file.data, cut)])
    http.provider.stopping.wait()


def _redirect(http: Wire, file: File, location: str | None) -> None:
    """To the location given; without one to where no download may ever go."""
    http.send_status(302, Location=location or "http://127.0.0.1:9/")


def _redirect_loop(http: Wire, file: File, argument: Any) -> None:
    http.send_status(302, Location=http.path)


def _redirect_chain(http: Wire, file: File, hops: int | None) -> None:
    """Over so many hops of this server to the file itself."""
    path, _, done = http.path.partition("?hop=")
    if int(done or 0) >= (3 if hops is None else hops):
        return _ok(http, file, None)
    http.send_status(302, Location=f"{path}?hop={int(done or 0) + 1}")


def _redirect_nowhere(http: Wire, file: File, argument: Any) -> None:
    http.send_status(302)


def _instead(http: Wire, file: File, path: str | None) -> None:
    """A file that stands somewhere else, under the label of this one."""
    http.send(200, http.provider.file(path or http.path).data, file.content_type)


def _forbidden_literal(http: Wire, file: File, argument: Any) -> None:
    """A refusal as the whole body of a success: the address of the page that would explain it."""
    http.send(200, f"{http.provider.origin}/api/forbidden".encode(), "audio/mpeg")


BEHAVIOURS: dict[str, Act] = {
    "ok": _ok,
    "chunked": _chunked,
    "slow": _slow,
    "redirect_chain": _redirect_chain,
    # Refusals
    **{str(status): _status(status) for status in (401, 402, 403, 404, 410, 418, 451, 500, 502, 503, 504)},
    **{str(status): _status(status) for status in (204, 206, 304)},
    "429": _status(429, "120"),
    "429_date": _limited_until_soon,
    "429_negative": _status(429, "-5"),
    "429_year_9999": _status(429, "Fri, 31 Dec 9999 23:59:59 GMT"),
    "429_past": _status(429, "Thu, 01 Jan 1970 00:00:00 GMT"),
    "429_fraction": _status(429, "1.5"),
    "429_words": _status(429, "in a while"),
    "429_huge": _status(429, "9" * 4000),
    "429_no_date": _status(429, "Fri, 99 Foo 2026 77:88:99 GMT"),
    "503_seconds": _status(503, "30"),
    # Whole answers that are not the file
    "html200": _fixed(b"<html>Sorry</html>"),
    "json200": _fixed(b'{"detail": "not found"}'),
    "xml200": _fixed(b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"),
    "list200": _fixed(b"#EXTM3U\n#EXTINF:4,\nhttp://127.0.0.1:9/other.wav\n#EXT-X-ENDLIST\n"),
    "empty": _fixed(b""),
    "forbidden_literal": _forbidden_literal,
    "wrong_type": _wrong_type,
    "flipped": _flipped,
    "instead": _instead,
    # Parts of the file
    "truncated": _truncated,
    "truncated_chunked": _truncated_chunked,
    "no_length": _no_length,
    "half_length": _half_length,
    "reset": _reset,
    "reset_at_once": _reset_at_once,
    "reset_in_headers": _reset_in_headers,
    "closed": _closed,
    "stalled": _stalled,
    # Time and memory
    "mute": _mute,
    "slow_headers": _slow_headers,
    "drip": _drip,
    "endless": _endless,
    "gzip_bomb": _bomb("gzip"),
    "br_bomb": _bomb("br"),
    "deflate_bomb": _bomb("deflate"),
    "transfer_bomb": _bomb("gzip", "Transfer_Encoding"),
    "zipped": _zipped,
    "interim_flood": _flood(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    "header_flood": _flood(b"X-Header: value\r\n"),
    "header_line": _flood(b"X-Header-without-an-end-"),
    # HTTP as it is not
    "length_negative": _length("-5"),
    "length_twice": _length("%d", "5"),
    "length_list": _length("%d, 5"),
    "length_huge": _length("9" * 30),
    "length_word": _length("many"),
    "length_plus": _length("+%d"),
    "length_digits": _length("١٢"),
    "length_and_chunks": _two_lengths,
    "chunk_word": _bad_chunks(b"many\r\n"),
    "chunk_huge": _bad_chunks(b"F" * 30 + b"\r\n"),
    "chunk_negative": _bad_chunks(b"-5\r\n"),
    "no_http": _raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "http_09": _raw(b"<html>Sorry</html>"),
    "status_word": _raw(b"HTTP/1.1 OK\r\n\r\n"),
    "status_999": _raw(b"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n"),
    # Elsewhere
    "redirect": _redirect,
    "redirect_loop": _redirect_loop,
    "redirect_private": _redirect,
    "redirect_nowhere": _redirect_nowhere,
}
LAST_CHUNK = b"0\r\n\r\n"


def chunked(data: bytes, size: int = 1000) -> bytes:
    """`data` in the chunked transfer coding, as it stands on the wire."""
    pieces = (data[start : start + size] for start in range(0, len(data), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + LAST_CHUNK


@functools.cache
def _zipped_zeros() -> bytes:
    return gzip.compress(bytes(16 * 1024 * 1024))


@functools.cache
def _deflated_zeros() -> bytes:
    return zlib.compress(bytes(16 * 1024 * 1024))


def _half(data: bytes, position: int | None) -> int:
    return len(data) // 2 if position is None else position


def _span(header: str, size: int) -> range | None:
    """The bytes a Range header asks for: None for all of them, an empty range when there are none such."""
    first, dash, last = header.removeprefix("bytes=").partition("-")
    if not header.startswith("bytes=") or not dash or not (first + last).isdecimal():
        return None
    if not first:
        return range(max(0, size - int(last)), size)
    return range(int(first), min(size, int(last) + 1 if last else size))
