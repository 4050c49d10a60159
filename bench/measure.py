"""Timing side by side: the contenders take turns, so that what the machine does meets all of them.

In its turn each meets all cases several times over, as a server does that answers such requests all day: right after
another contender the processor holds that one's code and rows.
"""

import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from django.db import connection
from django.test.utils import CaptureQueriesContext

WIDTH = 26
ROUNDS_A_TURN = 6


class Times(NamedTuple):
    """Milliseconds and milliseconds of processor of every run, and how many queries one run made."""

    runs: list[float]
    cpu: list[float]
    queries: int

    @property
    def median(self) -> float:
        return statistics.median(self.runs)

    @property
    def p99(self) -> float:
        return sorted(self.runs)[min(len(self.runs) - 1, round(len(self.runs) * 0.99))]


def compare(contenders: dict[str, Callable], cases: Iterable, rounds: dict[str, int] | int) -> dict[str, Times]:
    """Each contender called with each case, `rounds` times; some may be given fewer, for they take long."""
    cases = list(cases)
    times = {}
    for name, call in contenders.items():
        with CaptureQueriesContext(connection) as made:
            call(cases[0])
        times[name] = Times([], [], len(made))
    wanted = rounds if isinstance(rounds, dict) else dict.fromkeys(contenders, rounds)
    backend = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
    for done in range(0, max(wanted.values()), ROUNDS_A_TURN):
        for name, call in contenders.items():
            for case in cases * min(ROUNDS_A_TURN, max(0, wanted[name] - done)):
                _once(call, case, times[name], backend)
    return times


def _once(call: Callable, case, times: Times, backend: Path) -> None:
    used, started = _processor(backend), time.perf_counter()
    call(case)
    times.runs.append((time.perf_counter() - started) * 1000)
    times.cpu.append(_processor(backend) - used)


def _processor(backend: Path) -> float:
    """Milliseconds of processor so far, of this process and of its database backend where that is at hand.

    A busy machine makes everything take longer and use as much as ever.
    """
    theirs = int(backend.read_text().split()[0]) / 1e6 if backend.exists() else 0.0
    return time.process_time() * 1000 + theirs


def table(measured: dict[str, Times], ours: str = "ours") -> None:
    """How many times the median of `ours` each takes, and how many times its processor."""
    print(f"  {'':{WIDTH}}{'median ms':>10}{'p99 ms':>9}{'cpu ms':>9}{'queries':>9}{'times ours':>12}{'its cpu':>9}")
    least = statistics.median(measured[ours].cpu)
    for name, times in measured.items():
        cpu = statistics.median(times.cpu)
        print(
            f"  {name:{WIDTH}}{times.median:10.2f}{times.p99:9.2f}{cpu:9.2f}{times.queries:9}"
            f"{times.median / measured[ours].median:12.2f}{cpu / least:9.2f}"
        )


class Goals:
    """What was promised and whether it holds; failed ones make the command's exit code."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def check(self, what: str, holds: bool) -> None:
        print(f"  {'holds ' if holds else 'MISSED'}  {what}")
        if not holds:
            self.missed.append(what)
