"""Suno, Mureka and Replicate as one small server on loopback, for the demo and the tests.

It stands in for servers that no test machine can reach and that nobody may break on purpose. It hands out
files under `/<provider>/<name>` (`/suno/<clip-id>.mp3`, `/suno/image_<clip-id>.jpeg`, `/mureka/...`,
`/replicate/<prediction-id>/output.wav`) and lets them expire. What servers do wrong it does on request: see
`behaviours`. In a test:

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
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from deploy.demo.behaviours import BEHAVIOURS, Behaviour, File, Wire
from deploy.demo.provider_api import Generations

EXPIRED = {"suno": "403", "mureka": "403", "replicate": "404"}
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
            self._expired.update(self._paths() if url == "all" else [_path_of(url)])

    def behave(self, url: str, behaviour: Behaviour) -> None:
        """Answer so at this URL or path; one that ends in "/" stands for everything below it."""
        with self._lock:
            self._behaviours[_path_of(url)] = behaviour

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

    def file(self, path: str) -> File:
        """What stands at a path, expired or not."""
        return self._file(path) or STAND_IN

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


class _Handler(Wire):
    """One connection, one request."""

    def __init__(self, provider: Provider, *connection: Any):
        self.provider = provider
        super().__init__(*connection)

    def do_GET(self) -> None:
        self.close_connection = True
        path = _path_of(self.path)
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


def _path_of(url: str) -> str:
    return unquote(urlsplit(url).path)


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
