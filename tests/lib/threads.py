"""Threads that start at the same moment, each with a database connection of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

LONGEST_S = 20


def impatient(work: Callable[[], Any]) -> Callable[[], Any]:
    """The same by somebody who waits for no row as long as the settings let."""

    def hurried() -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        return work()

    return hurried


def side_by_side(*works: Callable[[], Any]) -> list[Any]:
    """What each returned, or the exception it raised, in the order given."""
    start = threading.Barrier(len(works), timeout=LONGEST_S)

    def run(work: Callable[[], Any]) -> Any:
        try:
            start.wait()
            return work()
        except Exception as failure:  # the outcome of a losing thread is what the test looks at
            return failure
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))
