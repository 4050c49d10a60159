"""Foreign bytes are parsed in a child process with hard limits; this is the only way to start one (S3-17).

The child has its own process group, no environment, no network where the kernel allows leaving it, and dies
with us. A limit that bites is a `SandboxFailure`; a child that simply fails is a `Completed`.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from apps.lib.errors import Refusal

MIB = 1024 * 1024
KEPT_ERRORS = 64 * 1024  # bytes of stderr, the last ones
LAUNCHER = str(Path(__file__).with_name("sandbox_child.py"))
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

    def words(self) -> list[str]:
        """The launcher's arguments."""
        values = {"AS": self.memory, "CPU": self.cpu, "FSIZE": self.file_size, "NOFILE": self.open_files}
        values |= {"NPROC": self.processes, "CORE": 0, "parent": os.getpid()}
        return [f"{name}={int(value)}" for name, value in values.items()]


@dataclass(frozen=True)
class Completed:
    """How a child ended by itself: return code and what it wrote (`stdout` is empty when a sink took it)."""

    returncode: int
    stdout: bytes
    stderr: bytes


class SandboxFailure(Exception):
    """The child was stopped. `kind`: timeout, memory, cpu, output or killed (crash or kernel)."""

    def __init__(self, kind: str, stderr: bytes = b""):
        super().__init__(f"{kind}: {stderr[-500:].decode(errors='replace')}")
        self.kind = kind
        self.stderr = stderr

    def refusal(self, otherwise: Refusal) -> Refusal:
        """`otherwise`, or IO_ERROR (503) where a machine was so busy that time ran out before the processor's, which is
        no fault of the file."""
        if self.kind != "timeout":
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

    The child is tied to the calling thread, which waits here: should that thread end, the kernel kills the child.
    Raises SandboxFailure when a limit ends it and FileNotFoundError when there is no such program.
    """
    if not (os.path.isabs(argv[0]) and os.access(argv[0], os.X_OK)):
        raise FileNotFoundError(f"{argv[0]} is not an executable file given by its absolute path")
    deadline = time.monotonic() + limits.wall
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", LAUNCHER, *limits.words(), "--", *argv],
        stdin=stdin or subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        cwd=cwd,
        start_new_session=True,
    )
    stdout, stderr = bytearray(), bytearray()
    try:
        _listen(process, sink or stdout.extend, stderr, limits.output, deadline)
    finally:
        _end(process)
    _judge(process.returncode, bytes(stderr))
    return Completed(process.returncode, bytes(stdout), bytes(stderr))


def _listen(
    process: subprocess.Popen,
    sink: Callable[[bytes], None],
    stderr: bytearray,
    allowed: int,
    deadline: float,
) -> None:
    """Read both pipes until they close and the child is gone; raise at the deadline or the output cap."""
    gone = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(gone, selectors.EVENT_READ)
            selector.register(process.stdout, selectors.EVENT_READ, sink)
            selector.register(process.stderr, selectors.EVENT_READ, stderr.extend)
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
                        continue
                    if key.fd == gone:  # whatever it left running goes too, or its pipes would keep us here
                        _kill_group(process)
                    selector.unregister(key.fileobj)
    finally:
        os.close(gone)


def _kill_group(process: subprocess.Popen) -> None:
    """Kill the child's whole group. Only before the child is reaped: until then its id is not reused."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _end(process: subprocess.Popen) -> None:
    """Nothing of the child survives the call: not the group, not the zombie, not the pipes."""
    _kill_group(process)
    process.wait()
    process.stdout.close()
    process.stderr.close()


def _judge(returncode: int, stderr: bytes) -> None:
    """Raise when the return code or the last words say that a limit ended the child."""
    if returncode < 0:
        kinds = {signal.SIGXCPU: "cpu", signal.SIGXFSZ: "output"}
        raise SandboxFailure(kinds.get(-returncode, "killed"), stderr)
    if returncode and any(words in stderr for words in OUT_OF_MEMORY):
        raise SandboxFailure("memory", stderr)
