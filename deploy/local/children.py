"""Child processes that cannot outlive the program: each leads a group, and ends with us or at the next start.

On Linux the kernel ends a child whose parent died. Everywhere a record of the children lets the next start
end what a kill left behind. Spawn from the main thread only: the kernel ties a child to the forking thread.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import interrupts

ROOT = Path(__file__).resolve().parents[2]
LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG = 1
POLITE = ((signal.SIGTERM, 6.0),)

Farewell = tuple[tuple[signal.Signals, float], ...]
_libc = ctypes.CDLL(None, use_errno=True) if LINUX else None


@dataclass
class Child:
    """One process group. `farewell`: the signals that ask it to end, each with the seconds it is given."""

    name: str
    process: subprocess.Popen
    log: Path
    offset: int
    farewell: Farewell
    born: float = field(default_factory=time.monotonic)

    def alive(self) -> bool:
        return self.process.poll() is None

    def age(self) -> float:
        return time.monotonic() - self.born

    def tail(self, lines: int = 15) -> str:
        """The last lines of this life's log, not of an earlier one's."""
        with self.log.open("rb") as log:
            log.seek(max(self.offset, log.seek(0, os.SEEK_END) - 20_000))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])


def spawn(
    name: str,
    command: list,
    *,
    env: dict[str, str],
    log: Path,
    farewell: Farewell = POLITE,
    become: Callable[[], None] | None = None,
    capture: bool = False,
) -> Child:
    """Start a process group in the project's root. Output goes to `log`; with `capture`, stdout to a pipe."""
    with log.open("ab") as output:
        offset = output.tell()  # before the start: the child moves the position that it shares with us
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if capture else output,
            stderr=output,
            start_new_session=True,
            preexec_fn=tied(farewell[0][0], become),
        )
        return Child(name, process, log, offset, farewell)


def tied(wish: signal.Signals, become: Callable[[], None] | None = None) -> Callable[[], None]:
    """What a child does before its program: change identity, then ask the kernel for `wish` when we die."""
    parent = os.getpid()

    def prepare() -> None:
        if become:
            become()
        if _libc:  # after the change of identity, which would undo it
            _libc.prctl(PR_SET_PDEATHSIG, int(wish))
            if os.getppid() != parent:
                os._exit(1)

    return prepare


# --- Ending -------------------------------------------------------------------------------------------------
def stop(children: Iterable[Child], hurried: Callable[[], bool] = lambda: False) -> None:
    """Ask all of them at once, give each what its farewell allows, then kill what is left of the groups."""
    waiting = list(children)
    began = time.monotonic()
    plans = {id(child): _schedule(child.farewell) for child in waiting}
    while any(child.alive() for child in waiting):
        hurry = hurried()
        for child in waiting:
            plan = plans[id(child)]
            if child.alive() and plan and (hurry or time.monotonic() - began >= plan[0][0]):
                _signal_leader(child, plan.pop(0)[1])
        time.sleep(0.02)
    for child in waiting:
        kill_group(child.process.pid)


def _schedule(farewell: Farewell) -> list[tuple[float, signal.Signals]]:
    """[(seconds after the beginning, signal)], with the kill that ends every farewell."""
    plan, at = [], 0.0
    for number, patience in farewell:
        plan.append((at, number))
        at += patience
    return [*plan, (at, signal.SIGKILL)]


def _signal_leader(child: Child, number: signal.Signals) -> None:
    if number == signal.SIGKILL:
        kill_group(child.process.pid)
    else:
        child.process.send_signal(number)


def kill_group(leader: int) -> None:
    """End every process of a group, also when its leader is gone already."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


# --- What an earlier run left -------------------------------------------------------------------------------
def started_at(pid: int) -> str:
    """A process's time of birth, which tells it from a later one of the same number; "" without a process."""
    if LINUX:
        try:
            cells = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if cells[0] == "Z" else cells[19]  # Z: it has ended, and its parent has not looked yet
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True)
    return answer.stdout.strip()


def record(path: Path, child: Child) -> None:
    with path.open("a") as lines:
        lines.write(f"{child.process.pid}\t{started_at(child.process.pid)}\t{child.name}\n")


def end_leftovers(path: Path) -> list[str]:
    """End the recorded children that still run and forget the record. Returns their names."""
    names = []
    for line in path.read_text().splitlines() if path.exists() else ():
        pid, _, rest = line.partition("\t")
        birth, _, name = rest.partition("\t")
        if birth and started_at(int(pid)) == birth:
            names.append(name)
            end_leftover(int(pid), name)
    path.unlink(missing_ok=True)
    return names


def end_leftover(pid: int, name: str = "") -> None:
    """The database ends itself (SIGQUIT: at once, and recovers from its log); anything else is killed."""
    birth = started_at(pid)
    if name == "database":
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT)
        interrupts.wait_until(lambda: started_at(pid) != birth, 5)
    if started_at(pid) == birth:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    kill_group(pid)
    interrupts.wait_until(lambda: started_at(pid) != birth, 5)
