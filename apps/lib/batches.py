"""Long work on tables that are in use: short transactions, short waits, as often as it takes.

Nothing is remembered between two chunks but what the rows say, so work that was cut off anywhere is begun again and
goes on from there. Nobody queues behind a chunk for long: it takes about `CHUNK_S`, and where it would wait for
somebody longer than `WAIT_MS` it gives up everything it holds and comes back.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import errors

CHUNK_S = 0.1
WAIT_MS = 150
WORKERS = 2
PAUSE_S, LONGEST_PAUSE_S, PATIENCE_S = 0.02, 1.0, 900.0
FIRST_SIZE, LEAST_SIZE, MOST_SIZE = 1000, 50, 20_000
# Somebody was there first; seen anew, what they did is no hindrance.
IN_THE_WAY = (errors.LockNotAvailable, errors.DeadlockDetected, errors.UniqueViolation)

Made = TypeVar("Made")
Work = Callable[[CursorWrapper], Made]
Told = Callable[[int], None]


class Busy(Exception):
    """Somebody held what we needed for longer than our patience; what was done until then stays done."""


def checkpoint(name: str) -> None:
    """Wherever the work can be cut off with something done and something left: `cut_off` is called there."""
    if cut_off is not None:
        cut_off(name)


cut_off: Callable[[str], None] | None = None  # tests kill the process in it


@contextmanager
def unhurried() -> Iterator[None]:
    """No limit of time for single statements, on this connection, while the block runs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        before = cursor.fetchone()[0]
        cursor.execute("SET statement_timeout = 0")
        try:
            yield
        finally:
            if not connection.needs_rollback:
                cursor.execute("SELECT set_config('statement_timeout', %s, false)", [before])


def patiently(work: Work, name: str = "", *, again: bool = False) -> Made:
    """`work(cursor)` in a transaction of its own; begun anew as long as somebody else holds what it needs.

    `again`: what a crash of the server takes back is found and done by the next run, so nobody waits for the disk. The
    log keeps its order: nothing that is committed later can stay without it.
    """
    pause, until = PAUSE_S, time.monotonic() + PATIENCE_S
    while True:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = {WAIT_MS}; SET LOCAL statement_timeout = 0")
                if again:
                    cursor.execute("SET LOCAL synchronous_commit = off")
                made = work(cursor)
                checkpoint(f"{name}, not committed")
            checkpoint(name)
            return made
        except DatabaseError as error:
            if not isinstance(error.__cause__, IN_THE_WAY):
                raise
            if time.monotonic() > until:
                said = f"{name}: others were in the way for {PATIENCE_S:.0f} s. End what they do and run this again."
                raise Busy(said) from error
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


class Pace:
    """How many rows make a chunk that takes about `CHUNK_S`."""

    def __init__(self, first: int = FIRST_SIZE) -> None:
        self.size = min(first, MOST_SIZE)

    def took(self, seconds: float) -> None:
        factor = min(2.0, max(0.25, CHUNK_S / max(seconds, 0.001)))
        self.size = max(1, min(MOST_SIZE, max(LEAST_SIZE, int(self.size * factor))))


def by_key(
    table: str, work: Callable[[CursorWrapper, object, object], int], *, key: str = "id",
    told: Told = lambda rows: None,
) -> int:  # fmt: skip
    """`work(cursor, after, to)` over the whole table in the order of `key`, chunk by chunk; the sum of its answers.

    `WORKERS` chunks at a time, each on a connection of its own, but one after the other inside a transaction. `told`
    hears after each chunk how many rows of the table it went over. Rows that come meanwhile may be left out.
    """
    walk = _Walk(table, key, work, told)
    if connection.in_atomic_block or WORKERS == 1:
        walk.go()
    else:
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="batches") as pool:
            for going in [pool.submit(walk.go_apart) for _ in range(WORKERS)]:
                going.result()
    return walk.done


class _Walk:
    """One walk over a table, by one or by some who take the next chunk each."""

    def __init__(self, table: str, key: str, work: Callable, told: Told) -> None:
        self.table, self.key, self.work, self.told = table, key, work, told
        self.pace, self.after, self.done, self.lock = Pace(), None, 0, threading.Lock()

    def go(self) -> None:
        while (chunk := self._next()) is not None:
            after, to, rows = chunk
            started = time.monotonic()
            done = patiently(lambda cursor, a=after, b=to: self.work(cursor, a, b), f"{self.table} by key", again=True)
            with self.lock:
                self.pace.took(time.monotonic() - started)
                self.done += done
                self.told(rows)

    def go_apart(self) -> None:
        try:
            self.go()
        except BaseException:
            with self.lock:
                self.table = ""  # the others stop too
            raise
        finally:
            connection.close()

    def _next(self) -> tuple[object, object, int] | None:
        with self.lock:
            if not self.table:
                return None
            before = self.after
            to, rows = _reach(self.table, self.key, before, self.pace.size)
            self.after = to or before
        return (before, to, rows) if rows else None


def _reach(table: str, key: str, after, size: int) -> tuple[object, int]:
    """The last key of the next `size` rows behind `after`, and how many they are."""
    behind = f"WHERE {key} > %s" if after is not None else ""
    chunk = f"SELECT {key} FROM {table} {behind} ORDER BY {key} LIMIT {size}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {key}, count(*) OVER () FROM ({chunk}) AS chunk ORDER BY {key} DESC LIMIT 1",
            [after] if after is not None else [],
        )
        return cursor.fetchone() or (None, 0)


def until_none(
    work: Callable[[CursorWrapper, int], int], name: str, *, first: int = FIRST_SIZE, told: Told = lambda rows: None
) -> int:
    """`work(cursor, at_most)` again and again, each in its own transaction, until it finds nothing; how much it did."""
    pace, done = Pace(first), 0
    while True:
        started = time.monotonic()
        rows = patiently(lambda cursor: work(cursor, pace.size), name, again=True)
        if not rows:
            return done
        pace.took(time.monotonic() - started)
        told(rows)
        done += rows


class Bar:
    """How far the work is, how fast it goes and what is left, on one line of a terminal; nothing anywhere else."""

    WIDTH, EVERY_S = 30, 0.2

    def __init__(self, label: str, total: int, stream=None) -> None:
        self.label, self.total, self.stream = label, max(total, 1), stream or sys.stderr
        self.done, self.started, self.shown = 0, time.monotonic(), 0.0
        self.seen = self.stream.isatty()

    def __call__(self, rows: int) -> None:
        self.done += rows
        if self.seen and time.monotonic() - self.shown >= self.EVERY_S:
            self.shown = time.monotonic()
            self.stream.write(f"\r{self.line()}\x1b[K")
            self.stream.flush()

    def line(self) -> str:
        seconds = max(time.monotonic() - self.started, 0.001)
        rate, part = self.done / seconds, min(self.done / self.total, 1.0)
        full = round(part * self.WIDTH)
        left = max(self.total - self.done, 0) / rate if rate else 0
        bar = "#" * full + "." * (self.WIDTH - full)
        return f"{self.label:24} [{bar}] {part:4.0%}  {rate:9,.0f} rows/s  {left // 60:3.0f}:{left % 60:02.0f} left"

    def end(self) -> None:
        if self.seen:
            self.stream.write(f"\r{self.line()}\x1b[K\n")
            self.stream.flush()
