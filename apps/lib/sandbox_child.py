"""The nursery: `sandbox_child.py FD` starts the children of the sandbox, for whoever is at the other end of the socket.

A request is a JSON message, {"argv", "limits", "nice", "cwd"}, with four files: a line to whoever asks, then the
child's input, output and errors. The child is forked here, where there are no threads and the tag reader is loaded
already, limits itself and becomes its program: to start Python anew for each would take longer than to read most files.
On the line goes back how it ended. Who hangs up ends it with its group; when the process that asks is gone, all of them
end, and so does this one. No limit holds here, so nothing foreign is ever looked at on this side of the fork.
"""

import ctypes
import json
import os
import resource
import runpy
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
MESSAGE = 64 * 1024
FILES = 4

libc = ctypes.CDLL(None, use_errno=True)


def limit(name: str, value: int) -> None:
    """Set one rlimit, never above what this process already has."""
    kind = getattr(resource, f"RLIMIT_{name}")
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    # SIGXCPU comes at the soft limit; the second of grace lets it name the cause before SIGKILL.
    resource.setrlimit(kind, (value, value + 1 if name == "CPU" and hard == resource.RLIM_INFINITY else value))


def confine(wish: dict, files: list[int], nursery: int) -> None:
    """In the child: nothing of ours but the three files, no privileges, and then the limits."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != nursery:  # it died before the line above, so nothing will ever signal us
        os._exit(1)
    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    if wish["cwd"]:
        os.chdir(wish["cwd"])
    os.nice(wish["nice"])
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for name, value in wish["limits"].items():
        limit(name, value)


def leave_the_network() -> None:
    """Once, for all children: the kernel takes longer to make and unmake an empty network than a child lives.

    Root may leave at once, others through a user namespace; where both are refused, the protocol whitelist of the
    program is the wall that is left.
    """
    if libc.unshare(CLONE_NEWNET) != 0:
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)


def become(argv: list[str], here: dict) -> int:
    """Run the program, in place when it is loaded here already; its return code, if it comes back."""
    for program, main in here.items():
        if argv[: len(program)] == list(program):
            main(*argv[len(program) :])
            sys.stdout.flush()
            return 0
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these two and exec would hand that on
        signal.signal(number, signal.SIG_DFL)
    os.execv(argv[0], argv)


def live(wish: dict, files: list[int], nursery: int, here: dict) -> None:
    """The whole life of a child. It never returns."""
    code = 1
    try:
        confine(wish, files, nursery)
        code = become(wish["argv"], here)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


@dataclass
class Child:
    """Its id is its own until it is reaped: nobody is killed in its place."""

    pid: int
    line: socket.socket
    gone: int
    reaped: bool = False


class Nursery:
    """Starts children and tells how they ended, one event after the other."""

    def __init__(self, requests: socket.socket, here: dict):
        self.requests, self.here, self.me = requests, here, os.getpid()
        self.children: dict[int, Child] = {}
        self.selector = selectors.DefaultSelector()
        self.selector.register(requests, selectors.EVENT_READ, self.start)

    def serve(self) -> None:
        while True:
            for key, _ in self.selector.select():
                key.data()

    def start(self) -> None:
        message, files, _, _ = socket.recv_fds(self.requests, MESSAGE, FILES)
        if not message:  # nobody asks any more
            self.close()
        pid = fork() if len(files) == FILES else None
        if pid == 0:
            live(json.loads(message), files[1:], self.me, self.here)
        for file in files if pid is None else files[1:]:
            os.close(file)
        if pid is None:  # no room for another one: the line that is cut says so
            return
        child = self.children[pid] = Child(pid, socket.socket(fileno=files[0]), os.pidfd_open(pid))
        self.selector.register(child.line, selectors.EVENT_READ, lambda: self.hung_up(child))
        self.selector.register(child.gone, selectors.EVENT_READ, lambda: self.ended(child))

    def close(self) -> None:
        for pid in self.children:
            end(pid)
        os._exit(0)

    def hung_up(self, child: Child) -> None:
        if not child.reaped:
            self.selector.unregister(child.line)
            end(child.pid)

    def ended(self, child: Child) -> None:
        """What it left running goes too, while its id still names its group."""
        end(child.pid)
        _, status = os.waitpid(child.pid, 0)
        child.reaped = True
        del self.children[child.pid]
        for file in (child.line, child.gone):
            with suppress(KeyError):  # who hung up is listened to no more
                self.selector.unregister(file)
        os.close(child.gone)
        with child.line, suppress(OSError):  # whoever asked may be gone
            child.line.send(str(os.waitstatus_to_exitcode(status)).encode())


def fork() -> int | None:
    try:
        return os.fork()
    except OSError:
        return None


def end(pid: int) -> None:
    """The child and its group; also before it has made the group its own."""
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def loaded() -> dict[tuple[str, ...], Callable]:
    """The one program whose start takes longer than its work: Python with the parser of tags."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "probe_child.py")
    return {(sys.executable, "-I", "-B", path): runpy.run_path(path)["main"]}


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for whoever asks
    leave_the_network()
    Nursery(socket.socket(fileno=int(sys.argv[1])), loaded()).serve()
