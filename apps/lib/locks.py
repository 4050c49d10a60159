"""Locks by name, across all processes and hosts: the database's advisory locks, held by its connection.

They end with the connection at the latest, so whoever dies holds nothing. And what it means to wait for a row in vain.
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError, connection

PAUSE_S = 0.05
# lock_not_available, deadlock_detected
IN_VAIN = ("55P03", "40P01")


@contextmanager
def alone(name: str, *, patience: float = 0) -> Iterator[bool]:
    """True for the one who holds the name, with nobody beside them. Waits so many seconds for whoever else does."""
    taken = _taken("SELECT pg_try_advisory_lock(%s)", name, patience)
    try:
        yield taken
    finally:
        if taken:
            _given_back("SELECT pg_advisory_unlock(%s)", name)


@contextmanager
def together(name: str, *, patience: float) -> Iterator[bool]:
    """True with everybody who holds the name like this. Waits so many seconds for the one who holds it alone."""
    taken = _taken("SELECT pg_try_advisory_lock_shared(%s)", name, patience)
    try:
        yield taken
    finally:
        if taken:
            _given_back("SELECT pg_advisory_unlock_shared(%s)", name)


def until_commit(name: str) -> None:
    """Hold the name alone until the transaction ends; waits for whoever has it. Holds nothing outside of one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_number(name)])


def waited_in_vain(failure: OperationalError) -> bool:
    """Whether somebody held the row for longer than anybody waits, or each waited for the other."""
    return getattr(failure.__cause__, "sqlstate", None) in IN_VAIN


def _taken(statement: str, name: str, patience: float) -> bool:
    until = time.monotonic() + patience
    while not (taken := _asked(statement, name)) and time.monotonic() < until:
        time.sleep(PAUSE_S)
    return taken


def _given_back(statement: str, name: str) -> None:
    """A connection that broke took the lock with it; one that cannot say so is closed, or it would hold it for ever."""
    try:
        _asked(statement, name)
    except (OperationalError, InterfaceError):
        connection.close()


def _asked(statement: str, name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [_number(name)])
        return cursor.fetchone()[0]


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
