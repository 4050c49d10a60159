"""Every call of this process to the world outside, named and counted: statements, HTTP, object store, disk, children.

Patched in from outside, so that no line of the product knows of it. Before and after each call a hook is asked, which
may raise what such a call raises, or end the process.
"""

import io
import os
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import httpcore
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from django.conf import settings
from django.core.files.storage import storages
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.backends.utils import CursorWrapper
from httpcore._backends.sync import SyncStream
from psycopg import errors

from apps.archive.attempt import Attempt
from apps.archive.models import ArchiveAsset
from apps.lib import fetch, sandbox

# hook(name, kind of call, "before" or "after")
Hook = Callable[[str, str, str], None]
_AFTER = {"SELECT": " FROM ", "INSERT INTO": "INTO ", "UPDATE": "UPDATE ", "DELETE FROM": "FROM "}
TABLE = {verb: re.compile(word + r'"?(\w+)') for verb, word in _AFTER.items()}
TABLES = re.compile(r"^(?:archive|catalog|accounts)_")
WRITING = re.compile(r"[wxa+]")
ON_DISK = ("open", "fsync", "fdatasync", "link", "replace", "rename", "mkdir", "unlink", "rmdir")
TWO_PATHS = ("link", "replace", "rename")
RUN, LEASES = "run", "leases"
PATIENCE_S = 10


@contextmanager
def watched(hook: Hook) -> Iterator["Calls"]:
    """Ask the hook about every call while the block runs; of the disk, about those below the spool and a local store.

    A name says at whose work the call is made, and how often it was made there before: "cover: link in store",
    "audio: SELECT clock_timestamp 2". `run` is the thread that claims, `leases` the one that renews. An archiving of
    several files goes one after the other once they are claimed and held: so every run makes the same calls.
    """
    calls = Calls(hook, {"spool": settings.SPOOL, "store": Path(storages["blobs"].location)})
    with ExitStack() as patches:
        for owner, name, made in calls.patches():
            patches.enter_context(mock.patch.object(owner, name, made))
        yield calls


class Calls:
    """What is called, by whom."""

    def __init__(self, hook: Hook, places: dict[str, Path]):
        self.hook, self.places = hook, {name: str(place.resolve()) for name, place in places.items()}
        self.here = threading.local()
        self.counts: Counter[str] = Counter()
        self.first, self.over = "", threading.Event()
        self.lock = threading.Lock()

    def made(self, name: str, kind: str, call: Callable[[], Any] = lambda: None) -> Any:
        """Make the call between its two questions to the hook."""
        name = f"{self.subject}: {name}"
        with self.lock:
            self.counts[name] += 1
            number = self.counts[name]
        name = name if number == 1 else f"{name} {number}"
        self.hook(name, kind, "before")
        try:
            return call()
        finally:  # a folder that is there already fails to be made, and that is an answer too
            self.hook(name, kind, "after")

    @property
    def subject(self) -> str:
        usual = LEASES if threading.current_thread().name == LEASES else RUN
        return getattr(self.here, "subject", usual)

    @contextmanager
    def working_at(self, subject: str) -> Iterator[None]:
        former, self.here.subject = self.subject, subject
        try:
            yield
        finally:
            self.here.subject = former

    def patches(self) -> Iterator[tuple[object, str, Callable]]:
        yield Attempt, "download", self._download(Attempt.download)
        yield Attempt, "settle", self._settle(Attempt.settle)
        for name in ("execute", "executemany"):
            yield CursorWrapper, name, self._statement(getattr(CursorWrapper, name))
        yield BaseDatabaseWrapper, "_commit", self._commit(BaseDatabaseWrapper._commit)
        connect = self._as("connect database", "db", DatabaseWrapper.get_new_connection)
        yield DatabaseWrapper, "get_new_connection", connect
        yield fetch, "_in_time", self._look_up(fetch._in_time)
        dial = self._as("connect provider", "dial", httpcore.SyncBackend.connect_tcp)
        yield httpcore.SyncBackend, "connect_tcp", dial
        yield SyncStream, "write", self._as("send request", "http", SyncStream.write)
        yield SyncStream, "read", self._as("read answer", "http", SyncStream.read)
        yield URLLib3Session, "send", self._object(URLLib3Session.send)
        yield sandbox, "run", self._as("check media", "child", sandbox.run)
        yield io, "open", self._open(io.open)
        for name in ON_DISK:
            yield os, name, self._disk(name, getattr(os, name))

    def _download(self, call: Callable) -> Callable:
        def download(attempt):
            self.first = self.first or attempt.asset.kind
            if attempt.asset.kind != self.first:
                self.over.wait(PATIENCE_S)
            with self.working_at(attempt.asset.kind):
                return call(attempt)

        return download

    def _settle(self, call: Callable) -> Callable:
        def settle(attempt):
            try:
                with self.working_at(attempt.asset.kind):
                    return call(attempt)
            finally:
                self.over.set()

        return settle

    def _look_up(self, call: Callable) -> Callable:
        def in_time(lookup, clock):
            subject = self.subject

            def named():  # asked in a thread of its own
                with self.working_at(subject):
                    return self.made("look up the provider", "name", lookup)

            return call(named, clock)

        return in_time

    def _as(self, name: str, kind: str, call: Callable) -> Callable:
        return lambda *args, **options: self.made(name, kind, lambda: call(*args, **options))

    def _statement(self, call: Callable) -> Callable:
        def execute(cursor, sql, params=None):
            name = _statement_name(str(sql), params)
            if name.startswith(("INSERT", "UPDATE", "DELETE", "claim")):
                self.here.written = name
            return self.made(name, "db", lambda: call(cursor, sql, params))

        return execute

    def _commit(self, call: Callable) -> Callable:
        def commit(wrapper):
            written = getattr(self.here, "written", "nothing")
            return self.made(f"COMMIT after {written}", "db", lambda: call(wrapper))

        return commit

    def _object(self, call: Callable) -> Callable:
        def send(session, request):
            return self.made(f"{request.method} object", "s3", lambda: call(session, request))

        return send

    def _open(self, call: Callable) -> Callable:
        def opened(file, mode="r", *args, **options):
            place = self._place(file)
            if place is None:
                return call(file, mode, *args, **options)
            verb = "create in" if WRITING.search(mode) else "open in"
            made = self.made(f"{verb} {place}", "disk", lambda: call(file, mode, *args, **options))
            return _File(made, place, self) if WRITING.search(mode) else made

        return opened

    def _disk(self, name: str, call: Callable) -> Callable:
        def act(*args, **options):
            place = self._place(args[-1] if name in TWO_PATHS else args[0], options.get("dir_fd"))
            if place is None:
                return call(*args, **options)
            return self.made(f"{name} in {place}", "disk", lambda: call(*args, **options))

        return act

    def _place(self, path: Any, folder: int | None = None) -> str | None:
        """The name of the place that a path lies in, or an open file by its number."""
        if isinstance(path, int) or folder is not None:
            path = os.readlink(f"/proc/self/fd/{path if folder is None else folder}")
        text = os.fsdecode(os.fspath(path))
        return next((name for name, root in self.places.items() if text.startswith(root)), None)


class _File:
    """A file whose writes are calls too."""

    def __init__(self, file: Any, place: str, calls: Calls):
        self.__dict__.update(_file=file, _place=place, _calls=calls)

    def write(self, data: bytes) -> int:
        return self._calls.made(f"write in {self._place}", "disk", lambda: self._file.write(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._file, name, value)

    def __enter__(self) -> "_File":
        self._file.__enter__()
        return self

    def __exit__(self, *failure: Any) -> Any:
        return self._file.__exit__(*failure)


def _statement_name(sql: str, params: Any) -> str:
    """`claim archiveasset`, `UPDATE archiveasset to archived`, `SELECT archivejob to hold`, `SELECT clock_timestamp`."""
    sql = sql.strip()
    if claiming := re.search(r'UPDATE "(\w+)" AS claimed', sql):
        return f"claim {TABLES.sub('', claiming[1])}"
    if sql.startswith("SELECT") and (function := re.match(r"SELECT (\w+)\(", sql)) and " FROM " not in sql:
        return f"SELECT {function[1]}"
    verb = re.match(r"INSERT INTO|DELETE FROM|\w+", sql)[0]
    table = (TABLE[verb].search(sql) or [None, ""])[1] if verb in TABLE else ""
    name = f"{verb} {TABLES.sub('', table)}".strip()
    if verb == "UPDATE" and table == ArchiveAsset._meta.db_table:
        known = [value for value in params or () if value in ArchiveAsset.machine.states]
        name += f" to {known[0]}" if known and "state" in sql.partition(" WHERE ")[0] else ""
    return f"{name} to hold" if "FOR UPDATE" in sql or "FOR NO KEY UPDATE" in sql else name


# --- What goes wrong ------------------------------------------------------------------------------------------------


def broken(kind: str) -> Exception:
    """What such a call raises when the other side is gone."""
    if kind == "db":
        if connection.connection is not None:
            connection.connection.close()
        connection.errors_occurred = True
        return OperationalError("server closed the connection unexpectedly")
    return {
        "name": socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        "dial": httpcore.ConnectError("refused"),
        "http": httpcore.ReadError("reset"),
        "s3": EndpointConnectionError(endpoint_url="http://store"),
        "disk": OSError(28, "No space left on device"),
        "child": sandbox.SandboxFailure("killed"),
    }[kind]


def late(kind: str) -> Exception:
    """What such a call raises when nobody answers in time."""
    if kind == "db":
        failure = OperationalError("canceling statement due to statement timeout")
        failure.__cause__ = errors.QueryCanceled()
        return failure
    return {
        "name": socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        "dial": httpcore.ConnectTimeout("no answer"),
        "http": httpcore.ReadTimeout("no answer"),
        "s3": ReadTimeoutError(endpoint_url="http://store"),
        "disk": TimeoutError(110, "Connection timed out"),
        "child": sandbox.SandboxFailure("timeout"),
    }[kind]


class Script:
    """A hook that writes down what is called, and does `act(kind)` once: at the call named `at`, at that moment."""

    def __init__(self, at: str = "", moment: str = "before", act: Callable[[str], None] | None = None):
        self.names: list[str] = []
        self.at, self.moment, self.act = at, moment, act
        self.reached = False

    def __call__(self, name: str, kind: str, moment: str) -> None:
        if moment == "before":
            self.names.append(name)
        if (name, moment) == (self.at, self.moment) and not self.reached:
            self.reached = True
            self.act(kind)
