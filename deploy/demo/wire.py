"""What the demo's provider puts on the wire, and reads off it."""

import functools
import gzip
from urllib.parse import unquote, urlsplit


def chunked(data: bytes, size: int = 1000) -> bytes:
    """`data` in the chunked transfer coding, as it stands on the wire."""
    pieces = (data[start : start + size] for start in range(0, len(data), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@functools.cache
def zipped_zeros() -> bytes:
    return gzip.compress(bytes(16 * 1024 * 1024))


def half(data: bytes, position: int | None) -> int:
    return len(data) // 2 if position is None else position


def path_of(url: str) -> str:
    return unquote(urlsplit(url).path)


def span(header: str, size: int) -> range | None:
    """The bytes a Range header asks for: None for all of them, an empty range when there are none such."""
    first, dash, last = header.removeprefix("bytes=").partition("-")
    if not header.startswith("bytes=") or not dash or not (first + last).isdecimal():
        return None
    if not first:
        return range(max(0, size - int(last)), size)
    return range(int(first), min(size, int(last) + 1 if last else size))
