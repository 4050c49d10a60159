"""The move is killed wherever it can be cut off, and begun again: it ends as if nobody had disturbed it (S0-36, R12)."""

import os
import signal
from collections.abc import Callable
from contextlib import contextmanager

from django.db import connection

from apps.lib import batches
from tests.moves import world

# Points at which it was cut off, at least.
FORWARD, BACK = 50, 30


@contextmanager
def in_small_chunks(rows: int):
    """As many chunks as a big house has, in a small one."""
    before = batches.MOST_SIZE
    batches.MOST_SIZE = rows
    try:
        yield
    finally:
        batches.MOST_SIZE = before


def killed(work: Callable[[], None], at: int) -> bool:
    """Run `work` in a process that is killed at its checkpoint of this number; False when it came to its end."""
    connection.close()
    pid = os.fork()
    if not pid:
        _die(work, at)
    status = os.waitpid(pid, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "it failed by itself"
    return os.WIFSIGNALED(status)


def _die(work: Callable[[], None], at: int) -> None:
    left = at

    def cut_off(name: str) -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    batches.cut_off = cut_off
    try:
        work()
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(1)
    os._exit(0)


def kill_until_done(work: Callable[[], None]) -> int:
    """Each process comes one checkpoint further than the last one before it dies; how many died."""
    deaths = 0
    while killed(work, at=deaths + 1):
        deaths += 1
    return deaths


def test_killed_at_every_checkpoint_the_move_and_the_way_back_end_alike(old, unbroken):
    with in_small_chunks(4):
        deaths = kill_until_done(world.forward)
        assert deaths >= FORWARD
        assert world.checksums(world.NEW_ROWS) == unbroken[1]
        deaths = kill_until_done(world.back)
        assert deaths >= BACK
    assert world.checksums(world.OLD_ROWS) == unbroken[0]
    world.forward()
    assert world.checksums(world.NEW_ROWS) == unbroken[1]
