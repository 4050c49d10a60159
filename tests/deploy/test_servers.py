"""Real PostgreSQL and Valkey in a folder of the test. The file is also the program that keeps them: see `keep`."""

import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deploy.local import children, folder, identity, interrupts, servers, suite
from deploy.local.screen import Screen, Trouble
from deploy.local.supervise import Service, Supervisor

ROOT = Path(__file__).resolve().parents[2]
GIVEN = ("DATABASE_URL", "REDIS_URL", "STORAGE_URL")


def make_supervisor(path: Path) -> Supervisor:
    place = folder.prepare(path)
    return Supervisor(place, Screen(io.StringIO()), dict(os.environ))


def keep(path: Path) -> int:
    """Run both servers in `path` until a signal, as `bin/up` does; print the database's URL when they answer."""
    interrupts.install()
    supervisor = make_supervisor(path)
    place, spawn = supervisor.folder, supervisor.spawn
    with folder.hold(place.path, "a test"):
        children.end_leftovers(place.children)
        try:
            broker = servers.start_valkey(place, spawn)
            postgres = servers.start_postgres(place, spawn)
            supervisor.keep(Service("broker", lambda: broker, restart=False))
            supervisor.keep(Service("database", lambda: postgres.child, restart=False))
            servers.wait(postgres.child, postgres.ready)
            servers.wait(broker, lambda: servers.valkey_ready(place))
            postgres.create_database()
            print(postgres.url, flush=True)
            while True:
                supervisor.watch()
                interrupts.pause()
        except interrupts.Stopped:
            return 0
        finally:
            supervisor.stop()


@contextlib.contextmanager
def kept(path: Path) -> Iterator[tuple[subprocess.Popen, str]]:
    """(the supervising process, the database's URL)."""
    command = [sys.executable, "-m", "tests.deploy.test_servers", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def processes_of(path: Path) -> list[str]:
    """The command lines of living processes that were started for this folder or work in it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().decode(errors="replace")
            if str(path) in words or str(path) in os.readlink(entry / "cwd"):
                found.append(words.replace("\0", " "))
    return found


def wait_for(condition, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def broker_says(path: Path, *words: str) -> str:
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(str(folder.socket_folder(path) / "valkey.sock"))
        wire.sendall(" ".join(words).encode() + b"\r\n")
        return wire.recv(100).decode()


def test_a_second_start_finds_the_data_of_the_first(tmp_path):
    (tmp_path / "pg.new").mkdir()
    (tmp_path / "pg.new" / "left by a set-up that was cut off").touch()
    with kept(tmp_path) as (process, url):
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE note AS SELECT 'kept' AS text")
        assert broker_says(tmp_path, "SET", "note", "kept").startswith("+OK")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert processes_of(tmp_path) == []
    with kept(tmp_path) as (_, url):
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT text FROM note").fetchall() == [("kept",)]
        assert "kept" in broker_says(tmp_path, "GET", "note")
    assert "ERROR" not in folder.prepare(tmp_path).log("database").read_text()


def test_the_database_knows_the_letters_of_every_script(tmp_path):
    with kept(tmp_path) as (_, url), psycopg.connect(url) as connection:
        assert connection.execute("SELECT lower('ЖÉ'), upper('ñ')").fetchone() == ("жé", "Ñ")
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect("postgresql://keeptrack@127.0.0.1:5432/keeptrack?connect_timeout=1")


def test_a_killed_supervisor_leaves_no_process_and_the_next_start_heals(tmp_path):
    with kept(tmp_path) as (process, url):
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE note AS SELECT 'kept' AS text")
        process.kill()
        assert wait_for(lambda: processes_of(tmp_path) == [])
    with kept(tmp_path) as (_, url), psycopg.connect(url) as connection:
        assert connection.execute("SELECT text FROM note").fetchall() == [("kept",)]


def test_locks_that_a_crash_left_behind_do_not_stop_the_next_start(tmp_path):
    """As after a power cut: nothing was put away, and the old process number belongs to somebody else by now."""
    with kept(tmp_path) as (process, _):
        postmaster = int((tmp_path / "pg" / "postmaster.pid").read_text().split()[0])
        os.kill(process.pid, signal.SIGSTOP)
        os.kill(postmaster, signal.SIGKILL)
        assert wait_for(lambda: not any("/pg" in words for words in processes_of(tmp_path)))
        process.kill()
    stale = (tmp_path / "pg" / "postmaster.pid").read_text().split("\n")
    (tmp_path / "pg" / "postmaster.pid").write_text("\n".join([str(os.getpid()), *stale[1:]]))
    (tmp_path / "run" / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    with kept(tmp_path) as (_, url), psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_what_the_kernel_did_not_end_the_next_start_ends(tmp_path):
    supervisor = make_supervisor(tmp_path)
    left = supervisor.spawn("worker", ["sleep", "60"])
    assert children.end_leftovers(supervisor.folder.children) == ["worker"]
    assert left.process.wait(5) == -signal.SIGKILL
    assert children.end_leftovers(supervisor.folder.children) == []


def test_a_process_that_only_has_the_number_of_an_old_child_is_left_alone(tmp_path):
    supervisor = make_supervisor(tmp_path)
    innocent = supervisor.spawn("other", ["sleep", "60"])
    (tmp_path / "children").write_text(f"{innocent.process.pid}\t1\tworker\n")
    assert children.end_leftovers(tmp_path / "children") == []
    assert innocent.alive()
    children.stop([innocent])


@pytest.mark.parametrize("damage", ["broken", "in use"])
def test_the_throw_away_database_of_the_tests_is_made_anew_when_it_is_not_sound(tmp_path, monkeypatch, damage):
    for name in GIVEN:
        monkeypatch.delenv(name, raising=False)
    supervisor = make_supervisor(tmp_path)
    try:
        suite.start_servers(supervisor)
        with psycopg.connect(supervisor.env["DATABASE_URL"]) as connection:
            connection.execute("CREATE TABLE note AS SELECT 1")
        pid_file = (tmp_path / "pg" / "postmaster.pid").read_text()
        supervisor.stop()
        if damage == "broken":
            (tmp_path / "pg" / "global" / "pg_control").write_bytes(b"\0" * 8192)
        else:
            (tmp_path / "pg" / "postmaster.pid").write_text(pid_file)
        suite.start_servers(supervisor)
        with psycopg.connect(supervisor.env["DATABASE_URL"]) as connection:
            assert connection.execute("SELECT to_regclass('note')").fetchone() == (None,)
    finally:
        supervisor.stop()


def test_data_of_another_major_version_is_left_alone(tmp_path):
    (tmp_path / "pg").mkdir()
    (tmp_path / "pg" / "PG_VERSION").write_text("9\n")
    with pytest.raises(Trouble, match="written by PostgreSQL 9") as trouble:
        servers.start_postgres(folder.prepare(tmp_path), make_supervisor(tmp_path).spawn)
    assert "pg_dump" in str(trouble.value)


def test_files_that_are_no_database_are_left_alone(tmp_path):
    (tmp_path / "pg").mkdir()
    (tmp_path / "pg" / "thesis.txt").write_text("three years of work")
    with pytest.raises(Trouble, match="holds files, but no database"):
        servers.start_postgres(folder.prepare(tmp_path), make_supervisor(tmp_path).spawn)
    assert (tmp_path / "pg" / "thesis.txt").exists()


def test_a_server_that_dies_at_its_start_shows_why(tmp_path):
    supervisor = make_supervisor(tmp_path)
    child = supervisor.spawn("broker", ["sh", "-c", "echo the disk is made of cheese; exit 3"])
    with pytest.raises(Trouble, match="made of cheese"):
        servers.wait(child, lambda: False)


def test_a_machine_without_the_servers_is_told_the_ways_out(monkeypatch):
    monkeypatch.setattr(servers, "_package_folder", lambda name: None)
    monkeypatch.setattr(servers, "_postgres_candidates", lambda: iter(()))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Trouble) as trouble:
        servers.postgres_programs()
    assert "DATABASE_URL" in str(trouble.value)
    with pytest.raises(Trouble) as trouble:
        servers.valkey_program()
    assert "REDIS_URL" in str(trouble.value)


def test_a_root_without_any_other_identity_is_told_the_ways_out(monkeypatch):
    monkeypatch.setattr(identity.os, "geteuid", lambda: 0)
    monkeypatch.setattr(identity, "namespaces_work", lambda: False)
    monkeypatch.setattr(identity, "NAMES", ("no-such-user",))
    with pytest.raises(Trouble, match="refuses to run as root") as trouble:
        identity.choose()
    assert "DATABASE_URL" in str(trouble.value)


def test_a_user_who_cannot_reach_the_program_is_noticed_before_the_start(tmp_path, monkeypatch):
    def nowhere() -> None:
        raise PermissionError

    tmp_path.chmod(0o700)
    stranger = identity.Identity(nowhere, os.getuid(), os.getgid())
    monkeypatch.setattr(identity.os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(Trouble, match="cannot reach"):
        identity.hand_over(stranger, Path(sys.executable), tmp_path)


if __name__ == "__main__":
    sys.exit(keep(Path(sys.argv[1])))
