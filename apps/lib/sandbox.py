"""Foreign bytes are parsed in a child process with hard limits; this is the only way to start one (S3-17).

The child has its own process group, no environment, no network where the kernel allows leaving it, and dies
with us. A limit that bites is a `SandboxFailure`; a child that simply fails is a `Completed`. Children are born in a
process of ours that waits beside us, the nursery: `sandbox_child` says why.
"""

import atexit
import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from apps.lib.errors import Refusal

MIB = 1024 * 1024
KEPT_ERRORS = 64 * 1024  # bytes of stderr, the last ones
# A nursery ends a child at once. One that says nothing for so long was stopped, and would hold us for ever.
PATIENCE_S = 10.0
NURSERY = str(Path(__file__).with_name("sandbox_child.py"))
# One malloc arena: a reserve of 64 MiB of address space per thread would eat the memory limit unused.
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1"}
# What a program prints when an allocation was refused; the kernel itself sends no signal for RLIMIT_AS.
OUT_OF_MEMORY = (b"MemoryError", b"Cannot allocate memory", b"std::bad_alloc")


@dataclass(frozen=True)
class Limits:
    """Hard limits of one child: bytes, seconds and counts. By default it may write no file at all."""

    memory: int = 512 * MIB
    cpu: int = 20
    wall: float = 60.0
    file_size: int = 0
    open_files: int = 32
    # Counted by the kernel over the whole user, so it only stops a fork bomb; root is exempt.
    processes: int = 4096
    output: int = 4 * MIB
    # How far it steps back behind others on a busy machine, as of nice(2): for what nobody waits for.
    nice: int = 0

    def of_kernel(self) -> dict[str, int]:
        """By the kernel's names; the others are watched over here."""
        values = {"AS": self.memory, "CPU": self.cpu, "FSIZE": self.file_size, "NOFILE": self.open_files}
        return values | {"NPROC": self.processes, "CORE": 0}


@dataclass(frozen=True)
class Completed:
    """How a child ended by itself: return code and what it wrote (`stdout` is empty when a sink took it)."""

    returncode: int
    stdout: bytes
    stderr: bytes


class SandboxFailure(Exception):
    """The child was stopped. `kind`: timeout, memory, cpu, output, killed (crash or kernel), orphaned (no nursery)."""

    def __init__(self, kind: str, stderr: bytes = b""):
        super().__init__(f"{kind}: {stderr[-500:].decode(errors='replace')}")
        self.kind = kind
        self.stderr = stderr

    def refusal(self, otherwise: Refusal) -> Refusal:
        """`otherwise`, or IO_ERROR (503) where it was no fault of the file: the machine was so busy that time ran out
        before the processor's, or took our nursery away."""
        if self.kind not in ("timeout", "orphaned"):
            return otherwise
        return Refusal("IO_ERROR", "The server is too busy to read this file now. Try again in a moment.", status=503)


def run(
    argv: list[str],
    *,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    stdin: IO[bytes] | None = None,
    cwd: str | Path | None = None,
    sink: Callable[[bytes], None] | None = None,
) -> Completed:
    """Run `argv` (its first word an absolute path) under `limits`; `sink` takes stdout piece by piece.

    Nothing of the child outlives the call, nor the process that calls. Raises SandboxFailure when a limit ends it and
    FileNotFoundError when there is no such program.
    """
    if not (os.path.isabs(argv[0]) and os.access(argv[0], os.X_OK)):
        raise FileNotFoundError(f"{argv[0]} is not an executable file given by its absolute path")
    deadline = time.monotonic() + limits.wall
    stdout, stderr = bytearray(), bytearray()
    wish = {"argv": argv, "limits": limits.of_kernel(), "nice": limits.nice, "cwd": cwd and str(cwd)}
    with _born(wish, stdin) as child:
        _listen(child, sink or stdout.extend, stderr, limits.output, deadline)
        returncode = child.returncode()
    _judge(returncode, bytes(stderr))
    return Completed(returncode, bytes(stdout), bytes(stderr))


@dataclass(frozen=True)
class _Child:
    """Our ends of it: the line on which its nursery tells how it ended, and the pipes it writes to."""

    line: socket.socket
    door: socket.socket  # of its nursery
    stdout: int
    stderr: int

    def returncode(self) -> int:
        """Waits for the end."""
        said = b""
        with contextlib.suppress(OSError):
            said = self.line.recv(100)
        if not said:
            raise SandboxFailure("orphaned")
        return int(said)

    def hang_up(self) -> None:
        """End it, should it not have ended, and wait until it is gone. A nursery that stands still ends with it."""
        try:
            self.line.settimeout(PATIENCE_S)
            self.line.shutdown(socket.SHUT_WR)
            self.line.recv(100)
        except TimeoutError:
            _nursery.gone(self.door)
        except OSError:
            pass


@contextlib.contextmanager
def _born(wish: dict, stdin: IO[bytes] | None) -> Iterator[_Child]:
    """A child, until the block ends: then nothing is left of it, not the group, not the zombie, not the pipes."""
    with contextlib.ExitStack() as ours:
        line, theirs = (ours.enter_context(end) for end in socket.socketpair(type=socket.SOCK_SEQPACKET))
        with contextlib.ExitStack() as given:
            given.enter_context(theirs)
            source = stdin or given.enter_context(open(os.devnull, "rb"))
            ends = []
            for _ in ("stdout", "stderr"):
                reading, writing = os.pipe()
                ours.callback(os.close, reading)
                given.callback(os.close, writing)
                ends.append((reading, writing))
            files = [theirs.fileno(), source.fileno(), *(writing for _, writing in ends)]
            door = _nursery.ask(json.dumps(wish).encode(), files)
        child = _Child(line, door, *(reading for reading, _ in ends))
        ours.callback(child.hang_up)
        yield child


class _Nursery:
    """The process that bears our children: started with the first one, and anew should it be gone."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.door: socket.socket | None = None
        self.process: subprocess.Popen | None = None
        self.starting = threading.Lock()

    def ask(self, wish: bytes, files: list[int]) -> socket.socket:
        """Hand it in, and the door at which that was done."""
        for _ in range(2):
            door = self.open()
            try:
                socket.send_fds(door, [wish], files)
            except OSError:
                self.gone(door)
            else:
                return door
        raise SandboxFailure("orphaned")

    def open(self) -> socket.socket:
        with self.starting:
            if self.door is None:
                self.door, self.process = self.born()
            return self.door

    @staticmethod
    def born() -> tuple[socket.socket, subprocess.Popen]:
        """Both or neither: a door that leads to nobody would stay for as long as this process lives."""
        with contextlib.ExitStack() as undone:
            door, theirs = (undone.enter_context(end) for end in socket.socketpair(type=socket.SOCK_SEQPACKET))
            argv = [sys.executable, "-I", "-B", NURSERY, str(theirs.fileno())]
            process = subprocess.Popen(
                argv, pass_fds=[theirs.fileno()], env=ENVIRONMENT, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            undone.pop_all()
            theirs.close()
            return door, process

    def gone(self, door: socket.socket) -> None:
        """Forget it. The door is left to the last thread that holds it, or its number could be somebody else's."""
        with self.starting:
            if self.door is door:
                self.process.kill()
                self.process.wait()
                self.door = None

    def left(self) -> None:
        """In a fork of this process: the nursery is not ours, and must not be kept alive by us."""
        if self.door:
            self.door.close()
            self.process.returncode = 0  # nor is it ours to wait for
        self.begin()

    def end(self) -> None:
        if self.door:
            self.door.close()
            self.process.wait()
            self.begin()


_nursery = _Nursery()
os.register_at_fork(after_in_child=_nursery.left)
atexit.register(_nursery.end)


def _listen(child: _Child, sink: Callable[[bytes], None], stderr: bytearray, allowed: int, deadline: float) -> None:
    """Read both pipes until they close and the child is gone; raise at the deadline or the output cap."""
    with selectors.DefaultSelector() as selector:
        selector.register(child.line, selectors.EVENT_READ)
        selector.register(child.stdout, selectors.EVENT_READ, sink)
        selector.register(child.stderr, selectors.EVENT_READ, stderr.extend)
        while selector.get_map():
            left = deadline - time.monotonic()
            ready = selector.select(left) if left > 0 else []
            if not ready:
                raise SandboxFailure("timeout", bytes(stderr))
            for key, _ in ready:
                data = os.read(key.fd, 256 * 1024) if key.data else b""
                allowed -= len(data)
                if allowed < 0:
                    raise SandboxFailure("output", bytes(stderr))
                if data:
                    key.data(data)
                    del stderr[:-KEPT_ERRORS]
                else:
                    selector.unregister(key.fileobj)


def _judge(returncode: int, stderr: bytes) -> None:
    """Raise when the return code or the last words say that a limit ended the child."""
    if returncode < 0:
        kinds = {signal.SIGXCPU: "cpu", signal.SIGXFSZ: "output"}
        raise SandboxFailure(kinds.get(-returncode, "killed"), stderr)
    if returncode and any(words in stderr for words in OUT_OF_MEMORY):
        raise SandboxFailure("memory", stderr)
