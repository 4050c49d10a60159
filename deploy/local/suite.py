"""`bin/test`: the linters and the whole suite, on a PostgreSQL and a Valkey that belong to this run alone."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO
from urllib.parse import quote

from deploy.local import children, folder, interrupts, servers
from deploy.local.children import ROOT
from deploy.local.folder import Folder
from deploy.local.interrupts import Stopped
from deploy.local.screen import Screen, Trouble
from deploy.local.supervise import Supervisor

HELP = """usage: bin/test [PYTEST ARGUMENTS]

Without arguments: ruff, then the whole suite. With arguments: pytest with them, for example
  bin/test tests/archive -k lease -x

DATABASE_URL, REDIS_URL and STORAGE_URL, where they are set, name servers of yours to use instead of the
throw-away ones. KEEPTRACK_VENV names the virtual environment (default .venv), KEEPTRACK_TEST_DATA the
folder of the throw-away servers (default var/test). Returns pytest's exit code."""
SLOTS = 16
# The whole suite takes every core, and two processes more while tests wait for servers; a few tests need none of it.
WHOLE = ["-n", str((os.cpu_count() or 1) + 2), "--dist", "worksteal"]


def main(arguments: list[str]) -> int:
    if {"-h", "--help"} & set(arguments):
        print(HELP)
        return 0
    interrupts.install()
    try:
        return run(arguments, Screen())
    except Stopped:
        return 130


def run(arguments: list[str], screen: Screen) -> int:
    place, lock = take_slot(Path(os.environ.get("KEEPTRACK_TEST_DATA") or ROOT / "var" / "test"))
    with lock:
        children.end_leftovers(place.children)
        supervisor = Supervisor(place, screen, environment(place))
        try:
            start_servers(supervisor)
            screen.say()
            failed = 0 if arguments else lint()
            return pytest(supervisor, arguments or WHOLE) or failed
        finally:
            supervisor.stop()


def take_slot(base: Path) -> tuple[Folder, IO[str]]:
    """The first data folder that no other run holds. Folders are used again, so it is rarely a new one."""
    for number in range(1, SLOTS + 1):
        place = folder.prepare(base / str(number))
        lock = folder.hold(place.path, "bin/test")
        if lock:
            return place, lock
    raise Trouble(f"{SLOTS} test runs are under way in {base}.", "wait for one of them", "or set KEEPTRACK_TEST_DATA")


def environment(place: Folder) -> dict[str, str]:
    """What the tests read. Blobs of an earlier run are gone; a secret needs no keeping."""
    blobs = place.path / "blobs"
    shutil.rmtree(blobs)
    blobs.mkdir()
    env = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "STORAGE_URL": f"file://{quote(str(blobs))}",
        "REDIS_URL": servers.valkey_url(place),
        "SECRET_KEY": os.urandom(32).hex(),
    }
    env |= {name: value for name, value in os.environ.items() if value}
    return env | {"KEEPTRACK_VAR": str(place.path)}


def start_servers(supervisor: Supervisor) -> None:
    """What the caller did not name, side by side. A database that does not come up is made anew, once."""
    place, screen, spawn = supervisor.folder, supervisor.screen, supervisor.spawn
    broker = None if os.environ.get("REDIS_URL") else servers.start_valkey(place, spawn, throwaway=True)
    if not os.environ.get("DATABASE_URL"):
        postgres = servers.start_postgres(place, spawn, throwaway=True)
        try:
            servers.wait(postgres.child, postgres.ready)
        except Trouble:
            children.stop([postgres.child])
            shutil.rmtree(place.path / "pg")
            postgres = servers.start_postgres(place, spawn, throwaway=True)
            servers.wait(postgres.child, postgres.ready)
        supervisor.env["DATABASE_URL"] = postgres.url
        postgres.create_database()
        screen.done("database", f"PostgreSQL {postgres.version} ready")
    if broker:
        servers.wait(broker, lambda: servers.valkey_ready(place))
        screen.done("broker", f"Valkey {servers.valkey_version()} ready")


def lint() -> int:
    """Both of ruff's checks; 1 if either complains."""
    ruff = [sys.executable, "-m", "ruff"]
    codes = [subprocess.call([*ruff, *words], cwd=ROOT) for words in (["check", "."], ["format", "--check", "."])]
    return int(any(codes))


def pytest(supervisor: Supervisor, arguments: list[str]) -> int:
    """In the foreground, with the terminal: it hears Ctrl-C itself and reports before it ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=ROOT,
        env=supervisor.env,
        preexec_fn=children.tied(signal.SIGTERM),
    )
    while process.poll() is None:
        try:
            interrupts.pause()
        except Stopped:
            return end(process)
    return process.returncode


def end(process: subprocess.Popen) -> int:
    """Asked to stop: a terminal's Ctrl-C has reached pytest as well, any other signal has not."""
    if interrupts.last() != signal.SIGINT:
        process.send_signal(signal.SIGINT)
    for number in (signal.SIGINT, signal.SIGKILL):
        try:
            return process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
    return process.wait()
