"""A proxy before a real S3 server that breaks calls by their number; nothing else changes on the way (F13, F14)."""

import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit, urlunsplit

HOP = {"connection", "transfer-encoding", "expect", "keep-alive"}


@dataclass
class Answer:
    """What goes back: `cut` is how many bytes of the body are sent before the connection ends."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""
    cut: int | None = None


def _error(status: int, code: str) -> Answer:
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'.encode()
    return Answer(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))], body)


def _flipped(answer: Answer) -> Answer:
    if answer.body:
        at = len(answer.body) // 2
        answer.body = answer.body[:at] + bytes([answer.body[at] ^ 1]) + answer.body[at + 1 :]
    return answer


def _truncated(answer: Answer) -> Answer:
    answer.cut = len(answer.body) // 2
    return answer


def _other_etag(answer: Answer) -> Answer:
    answer.headers = [(n, f'"{"0" * 32}"' if n.lower() == "etag" else v) for n, v in answer.headers]
    return answer


# Instead of asking the store; of its answer; None ends the connection.
INSTEAD: dict[str, Callable[[], Answer | None]] = {
    "500": lambda: _error(500, "InternalError"),
    "slow down": lambda: _error(503, "SlowDown"),
    "412": lambda: _error(412, "PreconditionFailed"),
    "403": lambda: _error(403, "RequestTimeTooSkewed"),
    "reset": lambda: None,
    "silence": lambda: time.sleep(3),
}
OF_ITS_ANSWER: dict[str, Callable[[Answer], Answer | None]] = {
    "lost answer": lambda answer: None,
    "500 afterwards": lambda answer: _error(500, "InternalError"),
    "truncated": _truncated,
    "flipped byte": _flipped,
    "wrong ETag": _other_etag,
}
ON_THE_WAY = "flipped on the way in"
FAULTS = (*INSTEAD, *OF_ITS_ANSWER, ON_THE_WAY)


class StoreProxy:
    """Breaks the calls `at` to `until` by `fault`, the first being 0; `calls` names those that came."""

    def __init__(self, url: str):
        self._parts = urlsplit(url)
        self.calls: list[str] = []
        self.fault, self.at, self.until = "", 0, 0
        self.broken = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *wire: _Handler(self, *wire))

    def __enter__(self) -> "StoreProxy":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The STORAGE_URL of the same bucket by way of this proxy."""
        account = self._parts.netloc.rpartition("@")[0]
        return urlunsplit(self._parts._replace(netloc=f"{account}@127.0.0.1:{self._server.server_port}"))

    def breaks(self, fault: str = "", at: int = 0, *, until: int | None = None) -> None:
        """From now on count anew, and break the call `at`, or all from there to before `until`."""
        self.fault, self.at, self.until = fault, at, at + 1 if until is None else until
        self.calls, self.broken = [], 0

    def next_fault(self, name: str) -> str:
        with self._lock:
            number = len(self.calls)
            self.calls.append(name)
            hit = bool(self.fault) and self.at <= number < self.until
            self.broken += hit
            return self.fault if hit else ""

    def asked(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> Answer:
        wire = http.client.HTTPConnection(self._parts.hostname, self._parts.port, timeout=30)
        try:
            wire.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                wire.putheader(name, value)
            wire.endheaders(body)
            answer = wire.getresponse()
            kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP]
            data = answer.read()
        finally:
            wire.close()
        if method != "HEAD":
            kept = [(n, v) for n, v in kept if n.lower() != "content-length"] + [("Content-Length", str(len(data)))]
        return Answer(answer.status, kept, data)


class _Handler(BaseHTTPRequestHandler):
    """The wire is the store's own: the signature covers the host that the client named."""

    protocol_version = "HTTP/1.1"

    def __init__(self, proxy: StoreProxy, *wire: object):
        self.proxy = proxy
        super().__init__(*wire)

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy.next_fault(self.command)
        if fault in INSTEAD:
            answer = INSTEAD[fault]()
        else:
            passed = [(name, value) for name, value in self.headers.items() if name.lower() not in HOP]
            body = bytes([body[0] ^ 1]) + body[1:] if body and fault == ON_THE_WAY else body
            answer = self.proxy.asked(self.command, self.path, passed, body)
            answer = OF_ITS_ANSWER[fault](answer) if fault in OF_ITS_ANSWER else answer
        self._send(answer)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer

    def _send(self, answer: Answer | None) -> None:
        if answer is None:
            # Without lingering the close is a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: answer.cut])
        self.close_connection = answer.cut is not None

    def log_message(self, *args: object) -> None:
        pass
