"""Who the database server runs as. PostgreSQL refuses to be root, so a root's server gets another identity.

In a user namespace the server sees itself as an ordinary user while its files stay root's: no user is made,
nothing is handed over, and it works inside a closed home. Where the kernel or a container forbids namespaces,
a named user takes the place, and the database's files are given to it.
"""

import ctypes
import os
import pwd
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deploy.local.screen import Trouble

CLONE_NEWUSER = 0x10000000
INSIDE_UID = 1000
NAMES = ("postgres", "nobody")
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Identity:
    """`become` runs in the child before its program; `uid` and `gid` own the server's files."""

    become: Callable[[], None] | None
    uid: int
    gid: int


def choose() -> Identity:
    """Ourselves, unless we are root."""
    if os.geteuid() != 0:
        return Identity(None, os.geteuid(), os.getegid())
    if sys.platform == "linux" and namespaces_work():
        return Identity(enter_namespace, 0, 0)
    for name in NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Identity(partial(drop_to, entry.pw_uid, entry.pw_gid), entry.pw_uid, entry.pw_gid)
    raise _no_identity("this machine has neither user namespaces nor a user called postgres or nobody")


def _no_identity(why: str) -> Trouble:
    return Trouble(
        f"PostgreSQL refuses to run as root, and {why}.",
        "run this as an ordinary user",
        "or put the project and its data where every user may read, such as /srv",
        "or set DATABASE_URL to a PostgreSQL server of yours",
    )


def enter_namespace() -> None:
    """In a child of root: be an ordinary user to oneself, and root to the file system."""
    if _libc.unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{INSIDE_UID} 0 1")
    Path("/proc/self/gid_map").write_text(f"{INSIDE_UID} 0 1")


def drop_to(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def namespaces_work() -> bool:
    return succeeds(enter_namespace)


def succeeds(action: Callable[[], object]) -> bool:
    """Try something irrevocable in a child; whether it went well (False counts as badly)."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = int(action() is False)
        except OSError:
            pass
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def hand_over(identity: Identity, program: Path, *folders: Path) -> None:
    """Give the server its folders, and make sure that its identity can reach them and the program."""
    for folder in folders:
        if folder.stat().st_uid != identity.uid:
            _chown_tree(folder, identity)
    if identity.uid == os.geteuid():
        return

    def reach() -> bool:
        identity.become()
        return os.access(program, os.X_OK) and all(os.access(folder, os.X_OK) for folder in folders)

    if not succeeds(reach):
        name = pwd.getpwuid(identity.uid).pw_name
        raise _no_identity(f"the user {name}, which takes its place, cannot reach {program.parent} or {folders[0]}")


def _chown_tree(folder: Path, identity: Identity) -> None:
    for path, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.lchown(os.path.join(path, name), identity.uid, identity.gid)
    os.lchown(folder, identity.uid, identity.gid)
