"""`bin/up` and `bin/test` as people run them."""

import io
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from deploy.local import folder, ports, suite, up
from deploy.local.screen import Screen
from deploy.local.supervise import Supervisor
from tests.deploy.test_servers import kept, processes_of

ROOT = Path(__file__).resolve().parents[2]
OURS = ("DATABASE_URL", "REDIS_URL", "STORAGE_URL", "SECRET_KEY", "SITE_URL", "KEEPTRACK_VAR", "KEEPTRACK_DATA")


def make_environment(**more: str) -> dict[str, str]:
    """A person's environment: nothing of the running suite, and the packages that are installed already."""
    plain = {name: value for name, value in os.environ.items() if name not in OURS}
    return {**plain, "KEEPTRACK_VENV": sys.prefix, **more}


def bin_up(data: Path, *words: str, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, ROOT / "bin" / "up", "--data", data, *words]
    return subprocess.run(command, capture_output=True, text=True, env=make_environment(**environment), timeout=100)


def make_options(*words: str):
    return up.parse(list(words))


def test_a_taken_port_is_a_clear_message_and_nothing_is_started(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        answer = bin_up(tmp_path, "--port", str(port))
    assert answer.returncode == 2
    assert f"Port {port} is taken by process {os.getpid()}" in answer.stdout
    assert "bin/up --port" in answer.stdout
    assert processes_of(tmp_path) == []
    assert not (tmp_path / "pg").exists()


def test_a_data_folder_in_use_is_refused_and_its_holder_named(tmp_path):
    with folder.hold(tmp_path, "bin/up"):
        answer = bin_up(tmp_path, "--port", str(ports.free_port()))
    assert answer.returncode == 2
    assert f"{tmp_path} is in use by bin/up, process {os.getpid()}" in answer.stdout


@pytest.mark.parametrize(
    ("name", "url"),
    [("DATABASE_URL", "postgresql://u:hidden@127.0.0.1:1/x"), ("REDIS_URL", "redis://:hidden@127.0.0.1:1/0")],
)
def test_a_named_server_that_does_not_answer_is_refused_without_its_password(tmp_path, name, url):
    answer = bin_up(tmp_path, "--port", str(ports.free_port()), "--no-demo", **{name: url})
    assert answer.returncode == 2
    assert f"The server that {name} names does not answer" in answer.stdout
    assert f"unset it to use the embedded {'database' if name == 'DATABASE_URL' else 'broker'}" in answer.stdout
    assert "hidden" not in answer.stdout + answer.stderr
    assert processes_of(tmp_path) == []


@pytest.mark.servers
def test_a_first_start_tells_the_new_password_ctrl_c_ends_it_and_a_second_start_finds_everything(tmp_path):
    words = ["--data", tmp_path, "--no-demo", "--port", str(ports.free_port())]
    command = [sys.executable, ROOT / "bin" / "up", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=make_environment()) as process:
        first = "".join(iter(process.stdout.readline, "  stop       Ctrl-C\n"))
        process.send_signal(signal.SIGINT)
        first += process.stdout.read()
        assert process.wait(30) == 0
    assert "Keeptrack is running" in first
    assert "Password" in first
    assert "everything is stopped" in first
    assert processes_of(tmp_path) == []

    second = bin_up(tmp_path, "--check", *words)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "worker     answers" in second.stdout and "archiver   answers" in second.stdout
    assert "Password" not in second.stdout
    assert "collected" not in second.stdout
    assert processes_of(tmp_path) == []


@pytest.mark.servers
def test_servers_that_the_environment_names_are_used_and_none_are_started(tmp_path):
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    with kept(theirs) as (_, database):
        broker = f"unix://{folder.socket_folder(theirs)}/valkey.sock"
        words = ("--check", "--no-demo", "--port", str(ports.free_port()))
        answer = bin_up(ours, *words, DATABASE_URL=database, REDIS_URL=broker)
        with psycopg.connect(database) as connection:
            assert connection.execute("SELECT count(*) FROM django_migrations").fetchone() > (0,)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "yours" in answer.stdout
    assert not (ours / "pg").exists()
    assert not (ours / "valkey").exists()


def test_what_the_environment_says_stands(tmp_path, monkeypatch):
    for name in OURS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STORAGE_URL", "s3://key:secret@127.0.0.1/bucket")
    monkeypatch.setenv("SITE_URL", "https://music.example.org")
    env = up.environment(folder.prepare(tmp_path), make_options("--no-demo"))
    assert env["STORAGE_URL"] == "s3://key:secret@127.0.0.1/bucket"
    assert env["SITE_URL"] == "https://music.example.org"
    assert env["REDIS_URL"] == f"unix://{tmp_path}/run/valkey.sock"
    assert env["KEEPTRACK_VAR"] == str(tmp_path)
    assert "KEEPTRACK_FETCH_ORIGINS" not in env


def test_the_demo_provider_gets_a_free_port_and_the_programs_learn_it(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        monkeypatch.setattr(up, "PROVIDER_PORT", taken)
        options = make_options()
        env = up.environment(folder.prepare(tmp_path), options)
    origin, port = env["KEEPTRACK_FETCH_ORIGINS"], env["KEEPTRACK_FETCH_ORIGINS"].rpartition(":")[2]
    assert origin.startswith("http://127.0.0.1:")
    assert port != str(taken)
    supervisor = Supervisor(folder.prepare(tmp_path), Screen(io.StringIO()), env)
    command, _ = up.programs(supervisor, options)["provider"]
    assert int(port) in command


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
        ("music.lan", "http://music.lan:8000"),
    ],
)
def test_the_printed_address_works_on_this_machine(host, url):
    assert up.local_url(make_options("--host", host)) == url


@pytest.mark.parametrize("words", [("--port", "65536"), ("--port", "0"), ("--workers", "many")])
def test_a_number_that_makes_no_sense_is_refused(words, capsys):
    with pytest.raises(SystemExit) as end:
        make_options(*words)
    assert end.value.code == 2
    assert "whole number from 1 to" in capsys.readouterr().err


def test_two_test_runs_at_once_do_not_share_a_folder(tmp_path):
    first, lock = suite.take_slot(tmp_path)
    second, other = suite.take_slot(tmp_path)
    assert first.path != second.path
    lock.close()
    third, again = suite.take_slot(tmp_path)
    assert third.path == first.path
    other.close()
    again.close()


def test_bin_test_passes_its_arguments_on_and_returns_pytests_own_exit_code(tmp_path):
    command = [sys.executable, ROOT / "bin" / "test", "-q", "tests/deploy/no_such_file.py"]
    environment = make_environment(KEEPTRACK_TEST_DATA=str(tmp_path))
    answer = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert answer.returncode == pytest.ExitCode.USAGE_ERROR, answer.stdout + answer.stderr
    assert "PostgreSQL" in answer.stdout
    assert "no_such_file.py" in answer.stdout + answer.stderr
    assert processes_of(tmp_path) == []


def test_the_seconds_of_the_set_up_count(monkeypatch):
    monkeypatch.setenv("KEEPTRACK_BEGAN", str(time.time() - 90))
    out = io.StringIO()
    Screen(out).done("database", "ready")
    assert out.getvalue().split()[:2] == ["database", "ready"]
    assert float(out.getvalue().split()[2]) >= 90
    assert "KEEPTRACK_BEGAN" not in os.environ
