"""A server on loopback that listens and answers with one status."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Heard:
    """One request, its headers in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Listener:
    """`heard` is what came so far, `status` what it answers; `silent` waits instead until the end."""

    def __init__(self):
        self.heard: list[Heard] = []
        self.status = 200
        self.over = threading.Event()
        self.silent = False

    def __enter__(self) -> "Listener":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *failure) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                listener.heard.append(Heard(self.command, self.path, headers, body))
                if listener.silent:
                    listener.over.wait(60)
                self.send_response(listener.status)
                self.send_header("Location", f"{listener.origin}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_GET

            def log_message(self, *args) -> None:
                pass

        return Handler
