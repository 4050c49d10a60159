"""Processes that die: at any statement that they send to the database."""

import itertools
from collections.abc import Callable, Iterator

from django.db import connection


class Killed(BaseException):
    """Nothing catches it, and what was not committed is lost, as with SIGKILL."""


def killed_at_every_statement(work: Callable[[], object]) -> Iterator[int]:
    """Do the work again and again, dying at its first statement, its second, …, until it comes to its end."""
    for number in itertools.count():
        sent = itertools.count()

        def die(execute, sql, params, many, context, sent=sent, number=number):
            if next(sent) == number:
                raise Killed
            return execute(sql, params, many, context)

        try:
            with connection.execute_wrapper(die):
                work()
        except Killed:
            yield number
        else:
            return
