"""A wire to PostgreSQL that is cut at a COMMIT: before it arrives, or after it was done and before anybody hears so."""

import contextlib
import select
import socket
import threading
from collections.abc import Iterator

from django.db import connection, connections

PIECE = 1 << 16
READY = b"Z\x00\x00\x00\x05I"  # the server's last word after a COMMIT: idle, in no transaction
MOMENTS = ("before", "after")


class Wire:
    """Everybody's connections go through it inside `with`. `cuts` says at which COMMIT, the first being 0."""

    def __init__(self) -> None:
        self.commits, self.cut, self._at, self._moment = 0, False, -1, ""
        self._lock = threading.Lock()

    def __enter__(self) -> "Wire":
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._facts = connection.settings_dict
        self._direct = {name: self._facts[name] for name in ("HOST", "PORT", "OPTIONS")}
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._listener.close()

    @contextlib.contextmanager
    def cuts(self, at: int = -1, moment: str = "") -> Iterator[None]:
        self.commits, self.cut, self._at, self._moment = 0, False, at, moment
        connections.close_all()
        host, port = self._listener.getsockname()
        options = {name: value for name, value in self._direct["OPTIONS"].items() if name != "host"}
        self._facts |= {
            "HOST": host,
            "PORT": port,
            "OPTIONS": options | {"sslmode": "disable", "gssencmode": "disable"},
        }
        try:
            yield
        finally:
            connections.close_all()
            self._facts |= self._direct

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _upstream(self) -> socket.socket:
        host = self._direct["HOST"] or self._direct["OPTIONS"].get("host", "") or "127.0.0.1"
        port = int(self._direct["PORT"] or 5432)
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        wire = socket.socket(socket.AF_UNIX)
        wire.connect(f"{host}/.s.PGSQL.{port}")
        return wire

    def _carry(self, client: socket.socket) -> None:
        muted = False
        with contextlib.suppress(OSError), client, self._upstream() as server:
            while True:
                for one in select.select([client, server], [], [])[0]:
                    data = one.recv(PIECE)
                    if not data or (muted and data.endswith(READY)):
                        return
                    if one is client:
                        moment = self._cut_here() if b"COMMIT" in data else ""
                        if moment == "before":
                            return
                        muted = muted or moment == "after"
                        server.sendall(data)
                    elif not muted:
                        client.sendall(data)

    def _cut_here(self) -> str:
        with self._lock:
            here, self.commits = self.commits == self._at and not self.cut, self.commits + 1
            self.cut = self.cut or here
            return self._moment if here else ""
