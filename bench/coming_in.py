"""Row 15 of `bench/uploads.py`: a file on its way in, beside the plainest server that keeps what it is sent.

Both run as processes of their own on this machine and are sent the same bytes by the same socket; both answer when the
bytes are written and synced. The site is gunicorn as `bin/up` starts it, on the database of DATABASE_URL, with a spool
of its own and no worker behind it.
"""

import argparse
import base64
import contextlib
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

SIZE, CHUNK, AT_ONCE = 50 * 1024 * 1024, 5 * 1024 * 1024, 10
SLOWER, MORE_FOR_ONE, MORE_FOR_TEN = 1.8, 16.0, 40.0
ROOT = Path(__file__).resolve().parent.parent
PATH = "/api/v1/uploads/tus"
ACCOUNT = "uploads@bench.invalid"
GENEROUS = {
    "RATE_LIMITS": "read=0,write=0,upload=0,piece=0", "UPLOAD_QUOTA_FREE": str(10**15), "UPLOADS_AT_ONCE": "1000",
    "UPLOAD_SPOOL_BYTES": str(10**15),
}  # fmt: skip


# --- The plainest server ------------------------------------------------------------------------------------------
def plain_server(port: int, folder: Path) -> None:
    """PUT: the body into a file, synced. One thread a connection, one buffer a thread."""
    with socket.create_server(("127.0.0.1", port), backlog=64) as server:
        while True:
            wire, _ = server.accept()
            threading.Thread(target=_keep, args=(wire, folder), daemon=True).start()


def _keep(wire: socket.socket, folder: Path) -> None:
    buffer, head = memoryview(bytearray(1 << 20)), b""
    with wire, tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        while b"\r\n\r\n" not in head:
            head += wire.recv(8192)
        head, _, begun = head.partition(b"\r\n\r\n")
        left = int(re.search(rb"Content-Length: (\d+)", head)[1]) - len(begun)
        file.write(begun)
        while left > 0 and (count := wire.recv_into(buffer[:left], 0, socket.MSG_WAITALL)):
            file.write(buffer[:count])
            left -= count
        os.fsync(file.fileno())
        wire.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")


# --- The site -----------------------------------------------------------------------------------------------------
@contextlib.contextmanager
def site(port: int, folder: Path) -> Iterator[int]:
    """The process id of gunicorn, ready."""
    from deploy.local import up

    place = SimpleNamespace(folder=SimpleNamespace(path=folder, run=folder))
    options = argparse.Namespace(host="127.0.0.1", port=port, workers=2, no_demo=True)
    command = [str(word) for word in up.programs(place, options)["web"][0]]
    env = {**os.environ, **GENEROUS, "KEEPTRACK_VAR": str(folder), "STORAGE_URL": f"file://{folder}/blobs"}
    with running(command, port, env=env) as server:
        yield server


@contextlib.contextmanager
def running(command: list[str], port: int, **options) -> Iterator[int]:
    server = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, **options)
    try:
        for _ in range(300):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.1)
        yield server.pid
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


# --- The client ---------------------------------------------------------------------------------------------------
def ask(port: int, method: str, path: str, body: bytes | memoryview = b"", **headers) -> dict[str, str]:
    """Headers of an answer that is a success; a connection for each."""
    said = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{said}"
    with socket.create_connection(("127.0.0.1", port)) as wire:
        wire.sendall(f"{head}\r\n".encode())
        if body:
            wire.sendall(body)
        answer = b""
        while b"\r\n\r\n" not in answer and (more := wire.recv(65536)):
            answer += more
    lines = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    if lines[0].split()[1] not in ("200", "201", "204"):
        raise RuntimeError(answer.decode(errors="replace"))
    return dict(line.split(": ", 1) for line in lines[1:])


class Client:
    """Sends one file in several ways."""

    def __init__(self, port: int, key: str, data: bytes):
        self.port, self.data = port, memoryview(data)
        self.said = {"Authorization": f"Bearer {key}", "Tus_Resumable": "1.0.0"}

    def _begin(self, body=b"", **headers) -> dict[str, str]:
        name = base64.b64encode(b"bench.wav").decode()
        said = {**self.said, "Upload_Length": len(self.data), "Upload_Metadata": f"filename {name}", **headers}
        return ask(self.port, "POST", PATH, body, **said)

    def _piece(self, where: str, at: int, size: int) -> None:
        said = {**self.said, "Upload_Offset": at, "Content_Type": "application/offset+octet-stream"}
        ask(self.port, "PATCH", where, self.data[at : at + size], **said)

    def at_once(self) -> None:
        self._begin(self.data, Content_Type="application/offset+octet-stream")

    def announced(self) -> None:
        self._piece(self._begin()["Location"], 0, len(self.data))

    def in_pieces(self) -> None:
        where = self._begin()["Location"]
        for at in range(0, len(self.data), CHUNK):
            self._piece(where, at, CHUNK)


# --- Memory -------------------------------------------------------------------------------------------------------
def workers(server: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{server}/task/{server}/children").read_text().split()]


def _memory(pid: int, line: str) -> float:
    """MB of a line of /proc/…/status."""
    return int(re.search(rf"{line}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def more_memory(server: int, act: Callable[[], object]) -> float:
    """By how many MB all workers together grew at their highest, each while the act went on."""
    before = {pid: _memory(pid, "VmRSS") for pid in workers(server)}
    for pid in before:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # forget the highest so far
    act()
    return sum(max(0.0, _memory(pid, "VmHWM") - was) for pid, was in before.items())


def ten(act: Callable[[], object]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(act) for _ in range(AT_ONCE)]:
            done.result()


# --- The row ------------------------------------------------------------------------------------------------------
def measure(rounds: int, goals) -> None:
    """Prints a table and checks the goals."""
    from deploy.local.ports import free_port

    plain, ours = free_port(start=18900), free_port(start=18950)
    with tempfile.TemporaryDirectory() as folder, uploader() as (key, forget):
        command = [sys.executable, __file__, str(plain), folder]
        with running(command, plain), site(ours, Path(folder)) as server:
            client = Client(ours, key, os.urandom(SIZE))
            contenders = {
                "limit: a plain PUT": lambda: ask(plain, "PUT", "/", client.data),
                "ours, in one request": client.at_once,
                "ours, announced first": client.announced,
                "ours, in pieces of 5 MiB": client.in_pieces,
            }
            times = {name: [] for name in contenders}
            for act in (client.announced, lambda: ten(client.announced)):  # what is loaded once is no file's cost
                act()
                forget(Path(folder))
            for _ in range(rounds):
                for name, act in contenders.items():
                    started = time.perf_counter()
                    act()
                    times[name].append(time.perf_counter() - started)
                    forget(Path(folder))
            one = more_memory(server, client.announced)
            forget(Path(folder))
            many = more_memory(server, lambda: ten(client.announced))
            forget(Path(folder))
    _tell(times, one, many, goals)


def _tell(times: dict[str, list[float]], one: float, many: float, goals) -> None:
    limit, *ours = medians = {name: statistics.median(each) for name, each in times.items()}
    for name, median in medians.items():
        print(f"  {name:26}{median * 1000:8.0f} ms{SIZE / median / 1e6:8.0f} MB/s{median / medians[limit]:8.2f} times")
    print(f"  one upload takes {one:.1f} MB more memory, {AT_ONCE} at once {many:.1f} MB")
    for name in ours[:2]:
        ratio = medians[name] / medians[limit]
        goals.check(f"{name}: at most {SLOWER} times a plain PUT ({ratio:.2f})", ratio <= SLOWER)
    goals.check(f"one upload takes at most {MORE_FOR_ONE:.0f} MB more ({one:.1f})", one <= MORE_FOR_ONE)
    goals.check(f"{AT_ONCE} at once at most {MORE_FOR_TEN:.0f} MB ({many:.1f})", many <= MORE_FOR_TEN)


@contextlib.contextmanager
def uploader() -> Iterator[tuple[str, Callable[[Path], None]]]:
    """A key of somebody who is there for this alone, and how to forget what they brought."""
    from apps.accounts import actions as people
    from apps.accounts.models import User
    from apps.uploads.models import QuotaDay, Upload

    for left in User.objects.filter(email=ACCOUNT):
        _remove(left)
    user = people.register(email=ACCOUNT, password=os.urandom(12).hex(), username="bench-uploads", vouched=True)

    def forget(folder: Path) -> None:
        Upload.objects.filter(user=user).delete()
        QuotaDay.objects.filter(user=user).delete()
        for path in (folder / "spool" / "uploads").glob("*"):
            path.unlink()

    try:
        yield people.create_key(user=user, name="bench", scopes=["upload"])[1], forget
    finally:
        _remove(user)


def _remove(user) -> None:
    from apps.catalog.models import Track
    from apps.uploads.models import Upload

    Upload.objects.filter(user=user).delete()
    Track.objects.filter(owner=user).delete()
    user.delete()


if __name__ == "__main__":
    plain_server(int(sys.argv[1]), Path(sys.argv[2]))
