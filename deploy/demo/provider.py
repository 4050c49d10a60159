"""Suno, Mureka and Replicate as one small server on loopback, for the demo and the tests.

It stands in for servers that no test machine can reach and that nobody may break on purpose. It hands out
files under `/<provider>/<name>` (`/suno/<clip-id>.mp3`, `/suno/image_<clip-id>.jpeg`, `/mureka/...`,
`/replicate/<prediction-id>/output.wav`) and lets them expire. What servers do wrong it does on request: see
BEHAVIOURS. In a test:

    with Provider() as provider:
        url = provider.publish("suno", "a.mp3", data, "audio/mpeg", expires_in=3600)
        provider.behave(url, Behaviour("429", "120", times=2))

As a program, told from outside what to do:

    python -m deploy.demo.provider --port 8901 --directory DIR        # serves DIR/<provider>/<name>
    curl localhost:8901/_control                                      # files, behaviours, counts
    curl localhost:8901/_control -d '{"behave": {"path": "/suno/a.mp3", "as": "404", "times": 2}}'
    curl localhost:8901/_control -d '{"expire": "all"}'

Below the addresses of the three APIs it answers as they do: see `provider_api.py`.
"""

import argparse
import base64
import contextlib
import functools
import json
import mimetypes
import signal
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from deploy.demo.provider_api import Generations
from deploy.demo.wire import chunked, half, path_of, span, zipped_zeros

EXPIRED = {"suno": "403", "mureka": "403", "replicate": "404"}
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


# What a behaviour works on at a path without a file.
STAND_IN = File(bytes(10_000), "audio/mpeg")


@dataclass(frozen=True)
class Seen:
    """One request that arrived. Header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]


class Provider:
    """The server, running inside `with`. Files expire after `lifetime_s` seconds unless told otherwise."""

    def __init__(self, port: int = 0, *, directory: Path | None = None, lifetime_s: float | None = None):
        self.log: list[Seen] = []
        self.generations = Generations()
        self.stopping = threading.Event()
        self._directory = directory.resolve() if directory else None
        self._lifetime = lifetime_s
        self._files: dict[str, File] = {}
        self._expired: set[str] = set()
        self._behaviours: dict[str, Behaviour] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), functools.partial(_Handler, self))

    def __enter__(self) -> "Provider":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def requests(self) -> Counter[str]:
        """How often each path was asked for."""
        return Counter(seen.path for seen in list(self.log))

    def publish(
        self, provider: str, name: str, data: bytes, content_type: str, *, expires_in: float | None = None
    ) -> str:
        """Put `data` at `/<provider>/<name>` and return its URL."""
        path = f"/{provider}/{name}"
        lifetime = self._lifetime if expires_in is None else expires_in
        with self._lock:
            self._files[path] = File(data, content_type, None if lifetime is None else time.time() + lifetime)
            self._expired.discard(path)
        return self.origin + path

    def expire(self, url: str) -> None:
        """From now on the file at this URL or path is gone; "all" for every file there is."""
        with self._lock:
            self._expired.update(self._paths() if url == "all" else [path_of(url)])

    def behave(self, url: str, behaviour: Behaviour) -> None:
        """Answer so at this URL or path; one that ends in "/" stands for everything below it."""
        with self._lock:
            self._behaviours[path_of(url)] = behaviour

    def state(self) -> dict[str, Any]:
        """What the control endpoint lists."""
        with self._lock:
            files = {path: {"expired": self._is_expired(path)} for path in sorted(self._paths())}
            behaviours = {path: asdict(behaviour) for path, behaviour in self._behaviours.items()}
        return {"origin": self.origin, "files": files, "behaviours": behaviours, "requests": self.requests}

    def obey(self, order: dict[str, Any]) -> None:
        """Carry out one posted order; raises when it makes no sense."""
        if not order or not order.keys() <= {"publish", "behave", "expire", "begin", "finish"}:
            raise ValueError("an order is to publish, to behave, to expire, to begin or to finish")
        if (wish := order.get("publish")) is not None:
            data = base64.b64decode(wish["base64"], validate=True)
            self.publish(data=data, **{name: wish[name] for name in wish if name != "base64"})
        if (wish := order.get("behave")) is not None:
            self.behave(wish["path"], Behaviour(wish["as"], wish.get("argument"), wish.get("times")))
        if (wish := order.get("expire")) is not None:
            self.expire(wish)
        if (wish := order.get("begin")) is not None:
            self.generations.begin(**wish)
        if (wish := order.get("finish")) is not None:
            self.generations.finish(**wish)

    def answer(self, path: str) -> tuple[Behaviour, File]:
        """What to do about a request for `path`, counted against the behaviour's `times`."""
        with self._lock:
            file, wanted = self._file(path), self._take(path)
            if wanted and (file or wanted.name != "ok"):
                return wanted, file or STAND_IN
            if file is None:
                return Behaviour("404"), STAND_IN
            if self._is_expired(path):
                return Behaviour(EXPIRED.get(path.split("/")[1], "404")), file
            return Behaviour("ok"), file

    def _take(self, path: str) -> Behaviour | None:
        keys = [key for key in self._behaviours if path == key or key.endswith("/") and path.startswith(key)]
        if not keys:
            return None
        key = max(keys, key=len)
        behaviour = self._behaviours[key]
        if behaviour.times == 1:
            del self._behaviours[key]
        elif behaviour.times:
            self._behaviours[key] = replace(behaviour, times=behaviour.times - 1)
        return behaviour

    def _file(self, path: str) -> File | None:
        if path in self._files or self._directory is None or "\0" in path:
            return self._files.get(path)
        place = (self._directory / path.lstrip("/")).resolve()
        if not place.is_relative_to(self._directory) or not place.is_file():
            return None
        content_type = mimetypes.guess_type(place.name)[0] or "application/octet-stream"
        expires_at = None if self._lifetime is None else place.stat().st_mtime + self._lifetime
        return File(place.read_bytes(), content_type, expires_at)

    def _is_expired(self, path: str) -> bool:
        file = self._file(path)
        return path in self._expired or bool(file and file.expires_at and file.expires_at <= time.time())

    def _paths(self) -> set[str]:
        found = self._directory.rglob("*") if self._directory else ()
        below = {f"/{place.relative_to(self._directory)}" for place in found if place.is_file()}
        return below | set(self._files)


class _Handler(BaseHTTPRequestHandler):
    """One connection, one request. Its senders are the words in which the behaviours are written."""

    protocol_version = "HTTP/1.1"

    def __init__(self, provider: Provider, *connection: Any):
        self.provider = provider
        super().__init__(*connection)

    def do_GET(self) -> None:
        self.close_connection = True
        path = path_of(self.path)
        if path == "/_control":
            return self.send_json(200, self.provider.state())
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.provider.log.append(Seen(self.command, path, headers))
        if api := self.provider.generations.answer(self.path, headers.get("authorization", "")):
            return self.send_json(*api)
        behaviour, file = self.provider.answer(path)
        with contextlib.suppress(ConnectionError):
            BEHAVIOURS[behaviour.name](self, file, behaviour.argument)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self.close_connection = True
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/_control":
            return self.send_status(404)
        try:
            self.provider.obey(json.loads(body))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return self.send_json(400, {"error": f"{type(error).__name__}: {error}"})
        self.send_json(200, self.provider.state())

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

    def wait(self, seconds: float) -> bool:
        """Sleep; False when the server stops meanwhile."""
        return not self.provider.stopping.wait(seconds)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: `Provider.log` and the control endpoint tell."""


Act = Callable[[_Handler, File, Any], None]


def _ok(http: _Handler, file: File, argument: Any) -> None:
    wanted = span(http.headers.get("Range", ""), len(file.data))
    if wanted is None:
        return http.send(200, file.data, file.content_type, Accept_Ranges="bytes")
    if not wanted:
        return http.send_status(416, Content_Range=f"bytes */{len(file.data)}")
    shown = f"bytes {wanted.start}-{wanted.stop - 1}/{len(file.data)}"
    http.send(206, file.data[wanted.start : wanted.stop], file.content_type, Content_Range=shown)


def _status(status: int, retry_after: str | None = None) -> Act:
    def act(http: _Handler, file: File, argument: Any) -> None:
        wait = argument if argument is not None else retry_after
        http.send_status(status, **({} if wait is None else {"Retry_After": wait}))

    return act


def _limited_until_soon(http: _Handler, file: File, argument: Any) -> None:
    http.send_status(429, Retry_After=formatdate(time.time() + 120, usegmt=True))


def _fixed(body: bytes, content_type: str = "audio/mpeg") -> Act:
    """A whole, well-formed answer that is not the file, under the label of one (or the label given)."""
    return lambda http, file, argument: http.send(200, body, argument or content_type)


def _truncated(http: _Handler, file: File, cut: int | None) -> None:
    http.start_file(file)
    http.write(file.data[: half(file.data, cut)])


def _truncated_chunked(http: _Handler, file: File, cut: int | None) -> None:
    http.start(200, file.content_type, Transfer_Encoding="chunked")
    wire = chunked(file.data)
    http.write(wire[: half(wire, cut)])


def _no_length(http: _Handler, file: File, cut: int | None) -> None:
    http.start(200, file.content_type)
    http.write(file.data[: half(file.data, cut)])


def _chunked(http: _Handler, file: File, argument: Any) -> None:
    http.start(200, file.content_type, Transfer_Encoding="chunked")
    http.write(chunked(file.data))


def _flipped(http: _Handler, file: File, at: int | None) -> None:
    data = bytearray(file.data)
    data[half(file.data, at)] ^= 1
    http.send(200, bytes(data), file.content_type)


def _wrong_type(http: _Handler, file: File, content_type: str | None) -> None:
    http.send(200, file.data, content_type or "text/plain")


def _reset(http: _Handler, file: File, cut: int | None) -> None:
    http.start_file(file)
    http.write(file.data[: half(file.data, cut)])
    http.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    http.rfile.close()
    http.connection.close()


def _drip(http: _Handler, file: File, pause: float | None) -> None:
    http.start_file(file)
    for position in range(len(file.data)):
        http.write(file.data[position : position + 1])
        if not http.wait(pause or 0.02):
            return


def _slow(http: _Handler, file: File, bytes_per_second: float | None) -> None:
    http.start_file(file)
    step = max(1, int((bytes_per_second or 100_000) / 20))
    for position in range(0, len(file.data), step):
        http.write(file.data[position : position + step])
        if not http.wait(0.05):
            return


def _slow_headers(http: _Handler, file: File, pause: float | None) -> None:
    http.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while http.wait(pause or 0.02):
        http.wfile.write(b"a")


def _endless(http: _Handler, file: File, argument: Any) -> None:
    http.start(200, "audio/mpeg", Transfer_Encoding="chunked")
    while http.command != "HEAD" and not http.provider.stopping.is_set():
        http.write(b"%x\r\n%b\r\n" % (len(PIECE), PIECE))


def _gzip_bomb(http: _Handler, file: File, members: int | None) -> None:
    """About 1000 times as large once decoded: 64 members are 1 GiB out of 1 MB."""
    http.send(200, zipped_zeros() * (members or 64), "audio/mpeg", Content_Encoding="gzip")


def _redirect(http: _Handler, file: File, location: str | None) -> None:
    """To the location given; without one to where no download may ever go."""
    http.send_status(302, Location=location or "http://127.0.0.1:9/")


def _redirect_loop(http: _Handler, file: File, argument: Any) -> None:
    http.send_status(302, Location=http.path)


def _forbidden_literal(http: _Handler, file: File, argument: Any) -> None:
    """A refusal as the whole body of a success: the address of the page that would explain it."""
    http.send(200, f"{http.provider.origin}/api/forbidden".encode(), "audio/mpeg")


BEHAVIOURS: dict[str, Act] = {
    "ok": _ok,
    "chunked": _chunked,
    **{str(status): _status(status) for status in (403, 404, 410, 500, 502, 503)},
    "429": _status(429, "120"),
    "429_date": _limited_until_soon,
    "429_negative": _status(429, "-5"),
    "429_year_9999": _status(429, "Fri, 31 Dec 9999 23:59:59 GMT"),
    "truncated": _truncated,
    "truncated_chunked": _truncated_chunked,
    "no_length": _no_length,
    "html200": _fixed(b"<html>Sorry</html>"),
    "json200": _fixed(b'{"detail": "not found"}'),
    "empty": _fixed(b""),
    "slow_headers": _slow_headers,
    "drip": _drip,
    "slow": _slow,
    "endless": _endless,
    "redirect": _redirect,
    "redirect_loop": _redirect_loop,
    "redirect_private": _redirect,
    "gzip_bomb": _gzip_bomb,
    "wrong_type": _wrong_type,
    "flipped": _flipped,
    "reset": _reset,
    "forbidden_literal": _forbidden_literal,
}


def main() -> None:
    """Serve a directory until SIGINT or SIGTERM."""
    options = argparse.ArgumentParser(description="A provider that misbehaves on request.")
    options.add_argument("--port", type=int, default=8901)
    options.add_argument("--directory", type=Path, required=True)
    options.add_argument("--lifetime", type=float, help="seconds from a file's last change until it expires")
    chosen = options.parse_args()
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    with Provider(chosen.port, directory=chosen.directory, lifetime_s=chosen.lifetime) as provider:
        print(f"{provider.origin} serves {chosen.directory}", flush=True)
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
