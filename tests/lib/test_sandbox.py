"""Every limit of the sandbox, each met by a child that really breaks it."""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from apps.lib import sandbox
from apps.lib.errors import Refusal
from apps.lib.sandbox import MIB, Completed, Limits, SandboxFailure, run

ROOT = Path(__file__).parents[2]


def python(code: str, **options) -> Completed:
    return run([sys.executable, "-I", "-S", "-c", code], **options)


def failure(code: str, **limits) -> str:
    with pytest.raises(SandboxFailure) as caught:
        python(code, limits=Limits(**{"wall": 20, **limits}))
    return caught.value.kind


def is_gone(pid: int) -> bool:
    """Whether the process ended within five seconds; one that only waits to be collected has ended."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in "ZX":
            return True
        time.sleep(0.05)
    return False


def test_a_child_answers_with_its_output_and_return_code():
    done = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert done == Completed(3, b"out\n", b"err\n")


def test_a_child_reads_the_given_file_in_the_given_folder(tmp_path):
    (tmp_path / "input").write_bytes(b"some bytes")
    with open(tmp_path / "input", "rb") as file:
        done = python("import os, sys; print(os.getcwd(), sys.stdin.read())", stdin=file, cwd=tmp_path)
    assert done.stdout.decode() == f"{tmp_path} some bytes\n"


def test_a_sink_takes_the_output_piece_by_piece():
    pieces = []
    done = python("print('x' * 3_000_000)", sink=pieces.append)
    assert done.stdout == b""
    assert len(pieces) > 1
    assert sum(map(len, pieces)) == 3_000_001


def test_too_much_memory_is_named():
    assert failure("x = bytearray(900 * 1024 * 1024)") == "memory"


def test_the_memory_limit_can_be_lowered():
    assert failure("x = bytearray(120 * 1024 * 1024)", memory=100 * MIB) == "memory"


def test_too_much_cpu_is_named():
    assert failure("while True: pass", cpu=1) == "cpu"


def test_a_child_that_waits_forever_is_timed_out():
    assert failure("import time; time.sleep(60)", wall=0.5) == "timeout"


def test_a_child_that_closes_its_pipes_and_stays_is_timed_out():
    assert failure("import os, time; os.close(1); os.close(2); time.sleep(60)", wall=0.5) == "timeout"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_endless_output_is_stopped(stream):
    assert failure(f"import sys\nwhile True: sys.{stream}.write('x' * 10000)") == "output"


def test_a_child_may_write_no_file_unless_told(tmp_path):
    code = f"open({str(tmp_path / 'out')!r}, 'wb').write(bytes(5000))"
    assert run(["/bin/sh", "-c", f"printf hello > {tmp_path}/out"], limits=Limits(file_size=5)).returncode == 0
    with pytest.raises(SandboxFailure, match="output"):
        run(["/bin/sh", "-c", f"printf hello > {tmp_path}/out"])
    assert python(code).returncode != 0
    assert (tmp_path / "out").stat().st_size == 0


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_crash_is_named_and_stays_the_childs_own(number):
    assert failure(f"import os; os.kill(os.getpid(), {int(number)})") == "killed"


def test_the_other_limits_hold_in_the_child():
    code = "import resource as r; print(*(r.getrlimit(k)[0] for k in (r.RLIMIT_NOFILE, r.RLIMIT_CORE)))"
    assert python(code).stdout == b"32 0\n"


def test_what_nobody_waits_for_steps_back():
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    assert [int(python("import os; print(os.nice(0))", limits=Limits(nice=n)).stdout) - mine for n in (0, 10)] == [
        0,
        10,
    ]


def test_the_environment_stays_here(monkeypatch):
    monkeypatch.setenv("KEEPTRACK_SECRET", "do not tell")
    done = run(["/usr/bin/env"])
    assert dict(line.split("=") for line in done.stdout.decode().split()) == sandbox.ENVIRONMENT


def test_open_files_stay_here(tmp_path):
    with open(tmp_path / "secret", "w") as file:
        os.set_inheritable(file.fileno(), True)
        done = run(["/bin/ls", "-l", "/proc/self/fd"])
    assert "secret" not in done.stdout.decode()


def may_leave_the_network() -> bool:
    """Whether the kernel lets a child of ours have a network of its own."""
    code = "import ctypes, sys; u = ctypes.CDLL(None).unshare; sys.exit(bool(u(0x40000000) and u(0x50000000)))"
    return subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_child_reaches_no_server_where_the_kernel_allows_leaving_the_network():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = python(f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)")
    assert (done.returncode != 0) == may_leave_the_network()


FORKS = """
import os, time
pid = os.fork()
if pid == 0:
    time.sleep(60)
print(pid, flush=True)
"""


def test_a_timeout_ends_the_whole_group():
    said = []
    with pytest.raises(SandboxFailure, match="timeout"):
        python(FORKS + "time.sleep(60)", limits=Limits(wall=1), sink=said.append)
    assert is_gone(int(b"".join(said)))


def test_what_a_child_leaves_running_ends_with_it():
    done = python(FORKS, limits=Limits(wall=20))
    assert is_gone(int(done.stdout))


STUBBORN = {
    "deaf to signals": """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
while True:
    time.sleep(1)
""",
    "stopped": "os.kill(os.getpid(), signal.SIGSTOP)",
    # Until what it starts has opened its input, which no one ever writes, the kernel wakes it for nothing but SIGKILL.
    "held in the kernel": "os.posix_spawn('/bin/true', ['true'], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 0, FIFO, 0, 0)])",
    "never silent": """
while True:
    os.write(1, bytes(65536))
""",
    "with a child that has its pipes": """
if os.fork():
    os.waitpid(-1, 0)
time.sleep(60)
""",
}


@pytest.mark.parametrize("code", STUBBORN.values(), ids=STUBBORN)
def test_no_child_outlives_its_time(tmp_path, code):
    os.mkfifo(tmp_path / "fifo")
    head = f"import os, signal, time\nFIFO = {str(tmp_path / 'fifo')!r}\nprint(os.getpid(), flush=True)\n"
    said = []
    with pytest.raises(SandboxFailure, match="timeout"):
        limits, sink = Limits(wall=1, output=1 << 40), lambda data: said or said.append(data)
        python(head + code + "\ntime.sleep(60)", limits=limits, sink=sink)
    assert not Path("/proc", said[0].split()[0].decode()).exists()


def test_pipes_kept_open_by_a_process_that_left_the_group_do_not_hold_us():
    code = """
import os, time
gone, tell = os.pipe()
if os.fork() == 0:
    os.setsid()
    os.write(tell, b".")
    print(os.getpid(), flush=True)
    time.sleep(60)
os.read(gone, 1)
"""
    said = []
    with pytest.raises(SandboxFailure, match="timeout"):
        python(code, limits=Limits(wall=1), sink=said.append)
    os.kill(int(b"".join(said)), signal.SIGKILL)  # it is there: it would have kept us for a minute


def test_an_error_in_the_sink_ends_the_child():
    said = []

    def refuse(data):
        said.append(data)
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        python("import os, time; print(os.getpid(), flush=True); time.sleep(60)", sink=refuse)
    assert is_gone(int(said[0]))


def test_a_child_dies_with_the_process_that_started_it():
    child = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    caller = f"""
import sys
from apps.lib.sandbox import run
run([sys.executable, "-c", {child!r}], sink=lambda data: (sys.stdout.buffer.write(data), sys.stdout.flush()))
"""
    with subprocess.Popen([sys.executable, "-c", caller], cwd=ROOT, stdout=subprocess.PIPE) as process:
        pid = int(process.stdout.readline())
        process.kill()
    assert is_gone(pid)


def test_many_threads_may_run_children_at_once():
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: python(f"print({number})").stdout, range(24)))
    assert answers == [f"{number}\n".encode() for number in range(24)]


def test_nothing_stays_open_after_a_run():
    nursery_id()  # one file for all runs
    before = len(os.listdir("/proc/self/fd"))
    python("print(1)")
    assert failure("import time; time.sleep(60)", wall=0.2) == "timeout"
    assert len(os.listdir("/proc/self/fd")) == before


def test_only_a_program_by_its_absolute_path_is_started(tmp_path):
    (tmp_path / "text").write_text("no program")
    for program in ("env", "/no/such/program", str(tmp_path / "text")):
        with pytest.raises(FileNotFoundError):
            run([program])


def nursery_id() -> int:
    """Its process, which is there after the first run."""
    python("pass")
    return sandbox._nursery.process.pid


def test_a_nursery_that_is_killed_takes_its_children_along_and_is_no_fault_of_their_files():
    said, nursery = [], nursery_id()

    def kill(data: bytes) -> None:
        said.append(data)
        os.kill(nursery, signal.SIGKILL)

    with pytest.raises(SandboxFailure, match="orphaned") as caught:
        python("import os, time; print(os.getpid(), flush=True); time.sleep(60)", sink=kill)
    assert is_gone(int(said[0]))
    assert caught.value.refusal(Refusal("MEDIA_TOO_COMPLEX", "")).code == "IO_ERROR"
    assert python("print(1)").stdout == b"1\n", "the next one is born in another"


def test_a_nursery_that_stands_still_holds_nobody_beyond_his_time(monkeypatch):
    monkeypatch.setattr(sandbox, "PATIENCE_S", 0.2)
    said, nursery = [], nursery_id()

    def stop(data: bytes) -> None:
        said.append(data)
        os.kill(nursery, signal.SIGSTOP)

    with pytest.raises(SandboxFailure, match="timeout"):
        python("import os, time; print(os.getpid(), flush=True); time.sleep(60)", limits=Limits(wall=0.5), sink=stop)
    assert is_gone(int(said[0])) and is_gone(nursery)
    assert python("print(1)").stdout == b"1\n", "the next one is born in another"


def test_a_nursery_that_could_not_be_started_is_started_when_it_can_be(monkeypatch):
    """The machine had no room for another process, or no file left: that passes."""
    monkeypatch.setattr(sandbox, "_nursery", sandbox._Nursery())
    with monkeypatch.context() as full:
        full.setattr(sandbox.sys, "executable", "/nowhere")
        with pytest.raises(OSError):
            run(["/bin/true"])
    assert run(["/bin/true"]).returncode == 0
    sandbox._nursery.end()


def test_nothing_of_a_child_stays_in_its_nursery():
    pid = nursery_id()
    before = held_by(pid)
    for _ in range(20):
        python("print(1)")
    failure("import time; time.sleep(60)", wall=0.2)
    for _ in range(100):  # it tells the end first, and then closes
        if held_by(pid) == before:
            break
        time.sleep(0.05)
    assert held_by(pid) == before and nursery_id() == pid


def held_by(pid: int) -> tuple[int, str]:
    """How many files, and which children."""
    return len(os.listdir(f"/proc/{pid}/fd")), Path(f"/proc/{pid}/task/{pid}/children").read_text()


def test_a_forked_worker_has_a_nursery_of_its_own_and_keeps_no_other_alive():
    caller = """
import os, sys, time
from apps.lib import sandbox
from apps.lib.errors import Refusal
sandbox.run(["/bin/true"])
first = sandbox._nursery.process.pid
if os.fork() == 0:
    sandbox.run(["/bin/true"])
    print(first, sandbox._nursery.process.pid, os.getpid(), flush=True)
    time.sleep(60)
os.wait()
"""
    with subprocess.Popen([sys.executable, "-c", caller], cwd=ROOT, stdout=subprocess.PIPE) as process:
        first, second, fork = map(int, process.stdout.readline().split())
        process.kill()
        assert first != second and is_gone(first) and Path(f"/proc/{second}").exists()
        os.kill(fork, signal.SIGKILL)
    assert is_gone(second)
