"""Locks by name, between connections."""

import threading

import pytest
from django.db import connection, transaction

from apps.lib import locks
from tests.lib.threads import side_by_side

pytestmark = pytest.mark.django_db


def beside(ask):
    """What another connection gets meanwhile."""
    return side_by_side(ask)[0]


def alone(name: str = "thing", patience: float = 0) -> bool:
    with locks.alone(name, patience=patience) as taken:
        return taken


def together(name: str = "thing") -> bool:
    with locks.together(name, patience=0) as taken:
        return taken


def test_one_holds_a_name_alone():
    with locks.alone("thing") as taken:
        assert taken
        assert not beside(alone) and not beside(together)
        assert beside(lambda: alone("another thing"))
    assert beside(alone)


def test_many_hold_a_name_together_and_nobody_alone_meanwhile():
    with locks.together("thing", patience=0) as taken:
        assert taken
        assert beside(together) and not beside(alone)
    assert beside(alone)


def test_whoever_was_refused_gives_nothing_back():
    with locks.alone("thing"):
        beside(alone)
        beside(together)
        assert not beside(alone)


def test_a_name_is_given_back_when_the_block_fails():
    with pytest.raises(ZeroDivisionError), locks.alone("thing"):
        raise ZeroDivisionError
    assert beside(alone)


def test_whoever_is_patient_gets_it_when_it_is_given_back():
    held, waits = threading.Event(), threading.Event()

    def hold() -> None:
        with locks.alone("thing"):
            held.set()
            waits.wait(10)

    def wait() -> bool:
        held.wait(10)
        assert not together()
        waits.set()
        with locks.together("thing", patience=10) as taken:
            return taken

    assert side_by_side(hold, wait)[1] is True


def test_a_name_is_waited_for_as_long_as_one_says():
    over = threading.Event()

    def holding():
        with locks.alone("thing"):
            over.wait(0.3)

    def waiting(patience: float) -> bool:
        over.wait(0.1)
        with locks.alone("thing", patience=patience) as taken:
            return taken

    assert side_by_side(holding, lambda: waiting(0), lambda: waiting(5))[1:] == [False, True]


@pytest.mark.django_db(transaction=True)
def test_a_name_is_held_until_the_transaction_ends():
    with transaction.atomic():
        locks.until_commit("thing")
        assert not beside(alone) and not beside(together)
    assert beside(alone)


@pytest.mark.django_db(transaction=True)
def test_a_lock_goes_with_the_connection_that_broke_and_its_block_ends_well():
    for hold in (locks.alone("broken"), locks.together("broken", patience=0)):
        with hold as mine:
            connection.connection.close()
        # The server hears of it a little later.
        assert mine and beside(lambda: alone("broken", patience=20))
