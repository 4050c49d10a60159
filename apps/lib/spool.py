"""Working folders for bytes in flight: private, bounded, swept."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.conf import settings

from apps.lib.errors import Refusal

# No job runs for longer than its lease; what is older than this was left by a killed one.
ABANDONED_AFTER_S = 24 * 3600


class SpoolFull(Refusal):
    def __init__(self):
        super().__init__("DISK_FULL", "There is no room to work on this file now. Try again later.", status=507)


def check_room(needed: int = 0) -> None:
    """Raises SpoolFull when the spool's disk would fall below its reserve after `needed` more bytes."""
    root = _root()
    disk = os.statvfs(root)
    if disk.f_bavail * disk.f_frsize - needed < settings.SPOOL_RESERVE_BYTES:
        raise SpoolFull


@contextmanager
def workspace(needed: int = 0) -> Iterator[Path]:
    """An empty private folder that is gone afterwards."""
    check_room(needed)
    folder = Path(tempfile.mkdtemp(prefix="job-", dir=_root()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def file() -> IO[bytes]:
    """A private file with a name, which goes when it is closed unless it was moved away."""
    return tempfile.NamedTemporaryFile(prefix="job-", dir=_root(), buffering=0)


def may_change(file: IO[bytes]) -> bool:
    """Whether anybody has the file open for writing: only then the kernel refuses a lease on it (fcntl(2), F_SETLEASE).

    `file` is open for reading. True too where the file system gives no leases.
    """
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError:
        return True
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


@contextmanager
def alone(name: str) -> Iterator[bool]:
    """True for the first process of this machine that holds the name; the lock ends with its process at the latest."""
    with (_root() / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def taken(name: str) -> bool:
    """Whether a process of this machine holds the name. Who takes it at this very moment is turned away once."""
    with (_root() / f"{name}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def sweep(*, now: float | None = None) -> int:
    """Remove folders and files that killed jobs left behind; returns how many."""
    limit = (now or time.time()) - ABANDONED_AFTER_S
    stale = [path for path in _root().glob("job-*") if _changed_at(path) < limit]
    for path in stale:
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    return len(stale)


def _changed_at(path: Path) -> float:
    """Its job may remove it just now: then it is not stale."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()


def _root() -> Path:
    if not settings.SPOOL.is_dir():
        settings.SPOOL.mkdir(parents=True, exist_ok=True, mode=0o700)
    return settings.SPOOL
