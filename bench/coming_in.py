"""Row 15 of `bench/uploads.py`: a file on its way in, beside the plainest server that keeps what it is sent.

Both run as processes of their own on this machine, take turns, and are sent the same bytes over the same loopback; both
answer when the bytes lie under a name on the same disk and are synced. The site is gunicorn as `bin/up` starts it, on
the database of DATABASE_URL, with a spool of its own and no worker behind it.

A form's answer waits for the check of the sound as well, by ffmpeg in a limited process. Its file is a second of sound
and a long chunk of none, and what the same form without that chunk takes is taken off it, and off the plain PUT.
"""

import argparse
import base64
import contextlib
import hashlib
import os
import random
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

SIZE, CHUNK, AT_ONCE = 50 * 1024 * 1024, 5 * 1024 * 1024, 10
SLOWER, MORE_FOR_ONE, MORE_FOR_TEN = 1.8, 16.0, 40.0
ROOT = Path(__file__).resolve().parent.parent
PATH = "/api/v1/uploads/tus"
ACCOUNT = "uploads@bench.invalid"
PLAIN, HASHED, VERIFIED = "plain-", "/hashed", "/verified"
STEP = 64 * 1024  # in one write: more takes the kernel longer
LIMIT, LIMIT_LITTLE = "limit: a plain PUT", "limit: a plain PUT of 64 KiB"
HASHING, VERIFYING = "a plain PUT that hashes", "and reads back and hashes again"
VERIFYING_LITTLE = f"{VERIFYING}, 64 KiB"
FORM, FORM_LITTLE = "ours, by form", "ours, by form, 64 KiB"
# Bytes of a second of sound, of a file with little more, and before the first that may change.
SECOND, LITTLE, JUNK, EDGE = 2 * 22050, 64 * 1024, 20, "edge-of-the-bench"
HEAD = f'--{EDGE}\r\nContent-Disposition: form-data; name="file"; filename="bench.wav"\r\n\r\n'.encode()
TAIL = f"\r\n--{EDGE}--\r\n".encode()
NONCE = len(HEAD) + JUNK
GENEROUS = {
    "RATE_LIMITS": "read=0,write=0,upload=0,piece=0", "UPLOAD_QUOTA_FREE": str(10**15), "UPLOADS_AT_ONCE": "1000",
    "UPLOAD_SPOOL_BYTES": str(10**15),
}  # fmt: skip


# --- The plainest server ------------------------------------------------------------------------------------------
def plain_server(port: int, folder: Path) -> None:
    """PUT: the body into a file, synced; hashed and read back if the path says so. A thread and a buffer for each."""
    with socket.create_server(("127.0.0.1", port), backlog=64) as server:
        while True:
            wire, _ = server.accept()
            threading.Thread(target=_keep, args=(wire, folder), daemon=True).start()


def _keep(wire: socket.socket, folder: Path) -> None:
    buffer, head = memoryview(bytearray(1 << 20)), b""
    with wire, tempfile.NamedTemporaryFile(dir=folder, prefix=PLAIN, buffering=0, delete=False) as file:
        while b"\r\n\r\n" not in head:
            if not (more := wire.recv(8192)):
                return
            head += more
        head, _, begun = head.partition(b"\r\n\r\n")
        left = int(re.search(rb"Content-Length: (\d+)", head)[1]) - len(begun)
        file.write(begun)
        digest = None if head.startswith(b"PUT / ") else hashlib.sha256()
        while left > 0 and (count := wire.recv_into(buffer[:left], 0, socket.MSG_WAITALL)):
            for at in range(0, count, STEP):
                file.write(buffer[at : min(at + STEP, count)])
            if digest:
                digest.update(buffer[:count])
            left -= count
        os.fsync(file.fileno())
        if head.startswith(f"PUT {VERIFIED} ".encode()):
            file.seek(0)
            hashlib.file_digest(file, "sha256")
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
        self.form = memoryview(bytearray(b"".join([HEAD, data, TAIL])))
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

    def by_form(self) -> None:
        """Other bytes each time, for what one has already is stored no more."""
        self.form[NONCE : NONCE + 16] = os.urandom(16)
        said = {"Authorization": self.said["Authorization"], "Content_Type": f"multipart/form-data; boundary={EDGE}"}
        ask(self.port, "POST", "/api/v1/uploads", self.form, **said)


def wav(size: int) -> bytes:
    """A second of hiss, and before it a chunk of random bytes that is no sound."""
    sound = os.urandom(SECOND)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SECOND // 2, SECOND, 2, 16)
    rest = form + struct.pack("<4sI", b"data", len(sound)) + sound
    junk = os.urandom(size - len(rest) - JUNK)
    return struct.pack("<4sI4s4sI", b"RIFF", size - 8, b"WAVE", b"JUNK", len(junk)) + junk + rest


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
class Meter:
    """Seconds and seconds of processor of each act, round by round."""

    def __init__(self, plain: int, server: int):
        self.seconds, self.processor = defaultdict(list), defaultdict(list)
        self._processes = lambda: [plain, *workers(server), *_backends()]

    def act(self, name: str, act: Callable[[], object]) -> None:
        used, started = _used(self._processes()), time.perf_counter()
        act()
        self.seconds[name].append(time.perf_counter() - started)
        self.processor[name].append(_used(self._processes()) - used)


def _used(processes: list[int]) -> float:
    return sum(time.clock_gettime(~pid << 3 | 2) for pid in processes)  # the clock of another process's processor


def _backends() -> list[int]:
    """The database's processes for others than us, where they are of this machine."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return [pid for (pid,) in cursor.fetchall() if "postgres" in _name(pid)]


def _name(pid: int) -> str:
    path = Path(f"/proc/{pid}/comm")
    return path.read_text() if path.exists() else ""


def measure(rounds: int, goals) -> None:
    """Prints a table and checks the goals."""
    from deploy.local.ports import free_port

    plain, ours = free_port(start=18900), free_port(start=18950)
    with tempfile.TemporaryDirectory() as folder, uploader() as (key, forget):
        command = [sys.executable, __file__, str(plain), folder]
        with running(command, plain) as limit, site(ours, Path(folder)) as server:
            client, little = Client(ours, key, wav(SIZE)), Client(ours, key, wav(LITTLE))
            contenders = {
                LIMIT: lambda: ask(plain, "PUT", "/", client.data),
                HASHING: lambda: ask(plain, "PUT", HASHED, client.data),
                "ours, in one request": client.at_once,
                "ours, announced first": client.announced,
                "ours, in pieces of 5 MiB": client.in_pieces,
                LIMIT_LITTLE: lambda: ask(plain, "PUT", "/", little.data),
                VERIFYING: lambda: ask(plain, "PUT", VERIFIED, client.data),
                VERIFYING_LITTLE: lambda: ask(plain, "PUT", VERIFIED, little.data),
                FORM: client.by_form,
                FORM_LITTLE: little.by_form,
            }
            # What is loaded once is no file's cost.
            for act in (client.announced, client.by_form, lambda: ten(client.announced), *[little.by_form] * 4):
                act()
                forget(Path(folder))
            meter = Meter(limit, server)
            for _ in range(rounds):
                for name, act in random.sample(list(contenders.items()), len(contenders)):
                    meter.act(name, act)
                    forget(Path(folder))
            one = more_memory(server, client.announced)
            forget(Path(folder))
            many = more_memory(server, lambda: ten(client.announced))
            forget(Path(folder))
    _tell(meter, one, many, goals)


def _tell(meter: Meter, one: float, many: float, goals) -> None:
    """On the clock beside the plain PUT; of the processor beside the one that hashes, which costs as much again.

    A form's file is in the store at the end, read back and hashed once more.
    """
    print(f"  {'':40}{'ms':>8}{'times':>8}{'cpu ms':>9}{'times':>8}")
    found = {}
    for name, seconds in sorted(meter.seconds.items()):
        processor = meter.processor[name]
        found[name] = (
            _times(meter.seconds, name, LIMIT),
            _times(meter.processor, name, VERIFYING if name == FORM else HASHING),
        )
        wall, used = statistics.median(seconds) * 1000, statistics.median(processor) * 1000
        print(f"  {name:40}{wall:8.0f}{found[name][0]:8.2f}{used:9.0f}{found[name][1]:8.2f}")
    print(f"  one upload takes {one:.1f} MB more memory, {AT_ONCE} at once {many:.1f} MB")
    for name in ("ours, in one request", "ours, announced first", FORM):
        wall, used = found[name]
        goals.check(f"{name}: at most {SLOWER} times a plain PUT ({wall:.2f})", wall <= SLOWER)
        goals.check(
            f"{name}: at most {SLOWER} times the processor of one that hashes as often ({used:.2f})", used <= SLOWER
        )
    goals.check(f"one upload takes at most {MORE_FOR_ONE:.0f} MB more ({one:.1f})", one <= MORE_FOR_ONE)
    goals.check(f"{AT_ONCE} at once at most {MORE_FOR_TEN:.0f} MB ({many:.1f})", many <= MORE_FOR_TEN)


def _times(measured: dict[str, list[float]], name: str, limit: str) -> float:
    """How many times the limit of the same round, in the median; of a form what its length adds to either."""
    theirs, ours = measured[limit], measured[name]
    if name == FORM:
        theirs = _added(theirs, measured[{LIMIT: LIMIT_LITTLE, VERIFYING: VERIFYING_LITTLE}[limit]])
        ours = _added(ours, measured[FORM_LITTLE])
    return statistics.median(mine / their for mine, their in zip(ours, theirs, strict=True))


def _added(long: list[float], short: list[float]) -> list[float]:
    return [whole - part for whole, part in zip(long, short, strict=True)]


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
        for path in [*(folder / "spool" / "uploads").glob("*"), *folder.glob(f"{PLAIN}*")]:
            path.unlink()

    try:
        yield people.create_key(user=user, name="bench", scopes=["upload"])[1], forget
    finally:
        _remove(user)


def _remove(user) -> None:
    from apps.accounts import departure
    from apps.catalog.models import Blob
    from apps.uploads.models import Upload

    Upload.objects.filter(user=user, track=None).delete()
    blobs = list(Blob.objects.filter(files__track__owner=user).values_list("pk", flat=True))
    departure.part(user=user, tracks="remove")
    Blob.objects.filter(pk__in=blobs, files=None).delete()  # their objects lay in the bench's own folder


if __name__ == "__main__":
    plain_server(int(sys.argv[1]), Path(sys.argv[2]))
