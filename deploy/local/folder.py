"""The data folder: everything a local installation keeps, used by one program at a time."""

import fcntl
import hashlib
import os
import re
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from deploy.local.screen import Trouble

ROOM_BYTES = 500_000_000
LOG_BYTES = 10_000_000
SOCKET_PATH_BYTES = 100  # the kernels allow 103 (macOS) and 107 (Linux)
LONGEST_SOCKET = ".s.PGSQL.5432.lock"


@dataclass(frozen=True)
class Folder:
    """`run` holds the sockets: below the data folder, or elsewhere and private if that path is too long."""

    path: Path
    run: Path

    @property
    def children(self) -> Path:
        return self.path / "children"

    def log(self, name: str) -> Path:
        """Where a child writes; a log that has grown too long is set aside, once."""
        path = self.path / "log" / f"{name}.log"
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path


def prepare(path: Path, room: int = ROOM_BYTES) -> Folder:
    """Make what is missing. Refuses a folder it cannot write to and a disk that is full."""
    path = path.expanduser().absolute()
    os.umask(0o077)  # for our children too: tracks, logs and keys are nobody else's
    try:
        path.mkdir(parents=True, exist_ok=True)
        for name in ("log", "blobs"):
            (path / name).mkdir(exist_ok=True)
        run = socket_folder(path)
    except OSError as error:
        raise Trouble(
            f"Cannot write to {path}: {error.strerror}.", "bin/up --data DIR with a folder of yours"
        ) from error
    free = shutil.disk_usage(path).free
    if free < room:
        raise Trouble(
            f"{path} has {free / 1e6:.0f} MB free, and the servers need {room / 1e6:.0f} MB.",
            "make room there",
            "or start with --data DIR on a larger disk",
        )
    return Folder(path, run)


def socket_folder(path: Path) -> Path:
    """A folder only we can enter, with a path short and plain enough for all that use the sockets."""
    run = path / "run"
    long = len(os.fsencode(run / LONGEST_SOCKET)) > SOCKET_PATH_BYTES
    if long or not re.fullmatch(r"[\w./-]+", str(run), re.ASCII):
        digest = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:12]
        run = Path(tempfile.gettempdir()) / f"keeptrack-{os.geteuid()}-{digest}"
    run.mkdir(exist_ok=True)
    found = run.lstat()
    # The name is predictable, so somebody else may have been there first.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise Trouble(f"{run} belongs to somebody else.", "remove it, or start with --data DIR of a shorter path")
    run.chmod(0o700)
    return run


def hold(path: Path, program: str) -> IO[str] | None:
    """Take the folder for this program until it ends. None when another one has it: see `holder`."""
    lock = (path / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    lock.truncate(0)
    lock.write(f"{program}, process {os.getpid()}")
    lock.flush()
    return lock


def holder(path: Path) -> str:
    return (path / "lock").read_text().strip() or "another program"
