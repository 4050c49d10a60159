"""Bounded download of one URL that somebody else chose, from a server nobody trusts.

Built on httpcore, the engine of httpx, because its network backend is a public argument: a name is resolved
once, every answer must be public, and the connection goes to the checked address while SNI and Host keep the
name. Nothing here follows the environment's proxies, keeps cookies or decodes a body. One deadline covers the
whole act: each wait on the network, for a name too, gets at most what is left of it, so slow headers and one
byte at a time end as well.
"""

import functools
import hashlib
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import certifi
import httpcore

from apps.lib.addresses import is_public

MAX_REDIRECTS = 3
MAX_URL = 8192
SILENCE = 30.0  # seconds without a byte after which a source counts as gone, however long the deadline
MAX_RETRY_AFTER = 86_400.0
ROOM_EVERY = 1 << 20  # bytes after which the disk is asked again; so many of each download may be on their way to it
REDIRECTS = frozenset({301, 302, 303, 307, 308})
STATUS_CODES = {403: "GONE", 404: "GONE", 410: "GONE", 429: "RATE_LIMITED", 503: "RATE_LIMITED"}

_URL = re.compile(r"(?P<scheme>[A-Za-z]+)://(?P<authority>[^/?#]*)(?P<target>[^#]*)(?:#.*)?")
# The last label is letters or punycode: no spelling of an IPv4 address ends so.
_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{0,58}[a-z0-9])")

Resolver = Callable[[str, int], list[str]]
Room = Callable[[int], None]


class FetchError(Exception):
    """Why there is no file. `code` is one of:

    URL_REFUSED (our rules), GONE (403, 404, 410), RATE_LIMITED (429, 503), SOURCE_ERROR (other statuses),
    NETWORK_ERROR (name, connection, TLS, reset, broken protocol), TIMED_OUT, TOO_LARGE, TRUNCATED, ENCODED,
    TOO_MANY_REDIRECTS. `status` is the answer's, if one came; `retry_after` is in seconds, 0 to one day.
    """

    def __init__(self, code: str, message: str, status: int | None = None, retry_after: float | None = None):
        super().__init__(code, message, status, retry_after)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True)
class Fetched:
    """A whole body on disk. `content_type` and `declared` are only what the source says: lower case, no parameters; and
    a length in bytes, None where it sent chunks."""

    path: Path
    size: int
    sha256: str
    content_type: str
    final_url: str
    status: int
    declared: int | None = None


@dataclass(frozen=True)
class Rules:
    """Where a download may go. `hosts`: lower-case names, ".suffix" for names below; https on port 443.

    `origins`: texts like "http://127.0.0.1:8901" exempt from https and public addresses, for demo and tests.
    """

    hosts: tuple[str, ...]
    origins: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Place:
    """A URL that passed the rules, in parts, so that no second parser can read it differently."""

    scheme: str
    authority: str
    host: str
    port: int
    target: str

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def check_url(url: str, rules: Rules) -> None:
    """Raise FetchError(URL_REFUSED) unless `rules` allow `url`; for URLs handed in: resolves no name."""
    _place(url, rules)


def fetch(
    url: str,
    into: Path,
    *,
    rules: Rules,
    max_bytes: int,
    deadline: float,
    connect_timeout: float = 10,
    resolve: Resolver | None = None,
    room: Room = lambda needed: None,
) -> Fetched:
    """Download `url` to the file `into`, whole, in `deadline` seconds, up to `max_bytes`; not synced yet.

    Raises FetchError, or OSError when our own disk refuses; no file is left at `into` then. `resolve` stands
    in for the name server: (host, port) to addresses, gaierror when there are none. `room` raises when there is
    none for so many more bytes: asked before the body, and again and again while it comes.
    """
    clock = _Clock(deadline)
    backend = _Backend(rules, clock, resolve or system_addresses)
    try:
        with _network_errors(), httpcore.ConnectionPool(ssl_context=_tls(), network_backend=backend) as pool:
            return _follow(pool, url, into, rules, max_bytes, connect_timeout, room)
    except BaseException:
        into.unlink(missing_ok=True)
        raise


def ask(
    url: str,
    *,
    rules: Rules,
    headers: Mapping[str, str],
    max_bytes: int,
    deadline: float,
    connect_timeout: float = 10,
    resolve: Resolver | None = None,
) -> bytes:
    """The body of one answer, in memory: for a program's door, asked with `headers` of ours.

    Bounded as `fetch` is; a redirect is not followed, for what the headers say is for this host alone.
    """
    clock = _Clock(deadline)
    backend = _Backend(rules, clock, resolve or system_addresses)
    with _network_errors(), httpcore.ConnectionPool(ssl_context=_tls(), network_backend=backend) as pool:
        place = _place(url, rules)
        with _get(pool, place, connect_timeout, headers) as response:
            told = _headers(response)
            _require_plain_answer(response.status, told, place.host)
            declared = _declared(told, max_bytes, response.status)
            body = bytearray()
            for piece in _pieces(response):
                body += piece
                _require_room(len(body), max_bytes, response.status)
            _require_whole(len(body), declared, response.status)
            return bytes(body)


def retry_after_seconds(text: str, now: datetime) -> float | None:
    """What a Retry-After header (seconds or a date) asks for: 0 to one day in seconds; None for nonsense."""
    text = text.strip()
    if re.fullmatch(r"-?[0-9]+", text):
        wait = float(text)
    else:
        try:
            moment = parsedate_to_datetime(text)
            wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()
        except (ValueError, OverflowError):
            return None
    return min(max(wait, 0.0), MAX_RETRY_AFTER)


def _said_at(headers: Mapping[str, str]) -> datetime:
    """When an answer was given, by the clock of who gives it: a date that it names is of that clock."""
    try:
        moment = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, OverflowError):
        return datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def system_addresses(host: str, port: int) -> list[str]:
    """What the system's resolver answers, in its order of preference."""
    return [answer[4][0] for answer in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class _Clock:
    """The one deadline of a download, by the monotonic clock."""

    def __init__(self, seconds: float):
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self, at_most: float | None = None) -> float:
        """Seconds until the deadline, or `at_most`; raises TIMED_OUT when none are left."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise FetchError("TIMED_OUT", f"The download was not complete after {self._seconds:g} seconds.")
        return left if at_most is None else min(left, at_most)


class _Stream(httpcore.NetworkStream):
    """A connection on which every wait ends with the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, clock: _Clock):
        self._stream = stream
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._clock.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._clock.left(timeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        encrypted = self._stream.start_tls(ssl_context, server_hostname, self._clock.left(timeout))
        return _Stream(encrypted, self._clock)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Resolves once, checks every answer, and connects to an address it has checked, never to a name."""

    def __init__(self, rules: Rules, clock: _Clock, resolve: Resolver):
        self._exempt = {_endpoint(origin) for origin in rules.origins}
        self._clock = clock
        self._resolve = resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = _in_time(functools.partial(self._resolve, host, port), self._clock)
        if (host, port) not in self._exempt and not all(map(is_public, addresses)):
            raise FetchError("URL_REFUSED", f"{host} is not on the public internet.")
        failure = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                return _Stream(_dial(address, port, self._clock.left(timeout)), self._clock)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


def _dial(address: str, port: int, timeout: float) -> httpcore.NetworkStream:
    """Connect to a checked address. Tests put a loopback server here in place of a public one."""
    return httpcore.SyncBackend().connect_tcp(address, port, timeout=timeout)


@functools.cache
def _tls() -> ssl.SSLContext:
    """Certificates from the package alone: no variable of the environment adds a certificate authority."""
    return ssl.create_default_context(cafile=certifi.where())


def _in_time(lookup: Callable[[], list[str]], clock: _Clock) -> list[str]:
    """The lookup's answer, in time; a system lookup cannot be interrupted, so a slow one is left behind."""
    answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(lookup())
        except OSError as error:
            answers.put(error)

    threading.Thread(target=ask, name="fetch-lookup", daemon=True).start()
    try:
        answer = answers.get(timeout=clock.left())
    except queue.Empty:
        raise FetchError("TIMED_OUT", "The name server did not answer in time.") from None
    if isinstance(answer, OSError):
        raise httpcore.ConnectError(answer) from answer
    return answer


@contextmanager
def _network_errors() -> Iterator[None]:
    try:
        yield
    except httpcore.TimeoutException as error:
        raise FetchError("TIMED_OUT", "The source did not answer in time.") from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise FetchError("NETWORK_ERROR", f"The source cannot be reached or broke off: {error}.") from error


def _place(url: str, rules: Rules) -> _Place:
    """`url` in parts, or URL_REFUSED. Strict: what two parsers could read in two ways is refused."""
    if len(url) > MAX_URL or not url.isprintable() or " " in url or "\\" in url:
        raise _refused("The address is too long or holds characters that no web address has.")
    match = _URL.fullmatch(url)
    if match is None or not match["authority"].isascii():
        raise _refused("This is not a web address with a plain host name.")
    scheme, authority = match["scheme"].lower(), match["authority"].lower()
    target = quote(match["target"], safe="/?:@!$&'()*+,;=-._~%[]")
    if not target.startswith("/"):
        target = f"/{target}"
    if f"{scheme}://{authority}" in rules.origins:
        host, port = _endpoint(f"{scheme}://{authority}")
    else:
        host, port = _listed_host(scheme, authority, rules.hosts), 443
    return _Place(scheme, authority, host, port, target)


def _listed_host(scheme: str, authority: str, hosts: tuple[str, ...]) -> str:
    host, colon, port = authority.partition(":")
    if scheme != "https":
        raise _refused("Only https addresses are accepted.")
    if "@" in authority:
        raise _refused("An address with a user name or password in it is not accepted.")
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise _refused("The host must be a plain name such as cdn.example.com.")
    if colon and port != "443":
        raise _refused("Only port 443 is accepted.")
    if not any(host.endswith(entry) if entry.startswith(".") else host == entry for entry in hosts):
        raise _refused(f"Downloads from {host} are not allowed.")
    return host


def _refused(message: str) -> FetchError:
    return FetchError("URL_REFUSED", message)


def _endpoint(origin: str) -> tuple[str, int]:
    parts = urlsplit(origin)
    return parts.hostname or "", parts.port or {"http": 80, "https": 443}[parts.scheme]


def _follow(
    pool: httpcore.ConnectionPool, url: str, into: Path, rules: Rules, max_bytes: int, timeout: float, room: Room
) -> Fetched:
    """Ask, and ask again where a redirect points; every hop passes the same rules as the first address."""
    for _ in range(MAX_REDIRECTS + 1):
        place = _place(url, rules)
        with _get(pool, place, timeout) as response:
            headers = _headers(response)
            if response.status in REDIRECTS and "location" in headers:
                url = _joined(place.url, headers["location"])
                continue
            _require_plain_answer(response.status, headers, place.host)
            declared = _declared(headers, max_bytes, response.status)
            size, digest = _save(response, declared, into, max_bytes, room)
            content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
            return Fetched(into, size, digest, content_type, place.url, response.status, declared)
    raise FetchError("TOO_MANY_REDIRECTS", f"The source redirected more than {MAX_REDIRECTS} times.")


def _get(
    pool: httpcore.ConnectionPool, place: _Place, connect_timeout: float, headers: Mapping[str, str] | None = None
) -> AbstractContextManager:
    return pool.stream(
        "GET",
        httpcore.URL(scheme=place.scheme, host=place.host, port=place.port, target=place.target),
        headers={"User-Agent": "keeptrack", "Accept": "*/*", "Accept-Encoding": "identity", **(headers or {})},
        extensions={"timeout": {"connect": connect_timeout, "read": SILENCE, "write": SILENCE}},
    )


def _headers(response: httpcore.Response) -> dict[str, str]:
    """Lower-case names; a header sent twice shows both values, so that the second cannot hide the first."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _joined(base: str, location: str) -> str:
    try:
        return urljoin(base, location)
    except ValueError:
        raise _refused("The source redirected to something that is not an address.") from None


def _require_plain_answer(status: int, headers: dict[str, str], host: str) -> None:
    """Demand status 200, a body sent as it is, and a length or chunks by which a cut can be noticed."""
    if status != 200:
        code = STATUS_CODES.get(status, "SOURCE_ERROR")
        wait = retry_after_seconds(headers.get("retry-after", ""), _said_at(headers))
        raise FetchError(code, f"{host} answered with status {status}.", status, wait)
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise FetchError("ENCODED", f"{host} sent an encoded body although it was asked not to.", status)
    if "content-length" not in headers and "transfer-encoding" not in headers:
        raise FetchError("TRUNCATED", f"{host} sent neither length nor chunks: it may be cut.", status)


def _save(response: httpcore.Response, declared: int | None, into: Path, max_bytes: int, room: Room) -> tuple[int, str]:
    """Stream the body to disk as it came, chunk framing taken off; returns its size and SHA-256."""
    size, asked, digest = 0, 0, hashlib.sha256()
    room(declared or ROOM_EVERY)
    with into.open("wb") as file:
        for piece in _pieces(response):
            size += len(piece)
            _require_room(size, max_bytes, response.status)
            if size >= asked + ROOM_EVERY:  # others write there too
                asked = size
                room((declared or size) - size + len(piece))
            digest.update(piece)
            file.write(piece)
        _require_whole(size, declared, response.status)
    return size, digest.hexdigest()


def _declared(headers: dict[str, str], max_bytes: int, status: int) -> int | None:
    """How long the body says it is, if it says so; TOO_LARGE before a byte of it is read."""
    declared = None if "transfer-encoding" in headers else int(headers["content-length"])
    if declared is not None and declared > max_bytes:
        raise FetchError("TOO_LARGE", f"{declared} bytes, {max_bytes} are allowed.", status)
    return declared


def _require_room(size: int, max_bytes: int, status: int) -> None:
    if size > max_bytes:
        raise FetchError("TOO_LARGE", f"More than {max_bytes} bytes.", status)


def _require_whole(size: int, declared: int | None, status: int) -> None:
    if declared is not None and size != declared:
        raise FetchError("TRUNCATED", f"{size} of {declared} bytes arrived.", status)


def _pieces(response: httpcore.Response) -> Iterator[bytes]:
    try:
        yield from response.iter_stream()
    except httpcore.RemoteProtocolError as error:
        raise FetchError("TRUNCATED", f"The body ended too early: {error}.", response.status) from error
