import socket

import pytest
from celery import Celery
from django.db import transaction

from apps.lib import nudges
from tests.make import make_user


def task_at(broker: str, **transport):
    """A real task of an application of its own, which sends its messages to this broker."""
    app = Celery("nudged", broker=broker, set_as_current=False)
    app.conf.broker_transport_options = transport
    return app.task(nudged, name="nudged", shared=False)


def nudged(key: str) -> None:
    """What the worker would do."""


def waiting(task) -> list:
    """The arguments of the messages at the broker, taken off it."""
    with task.app.connection() as connection, connection.SimpleQueue("celery") as queue:
        return [queue.get_nowait().payload[0] for _ in range(queue.qsize())]


@pytest.fixture
def task():
    made = task_at("memory://")
    waiting(made)
    return made


@pytest.fixture
def unreachable():
    """A task whose broker is not there: the port was free a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return task_at(f"redis://127.0.0.1:{port}", max_retries=1, interval_start=0, interval_step=0, interval_max=0)


@pytest.mark.django_db(transaction=True)
def test_a_message_is_sent_when_the_transaction_holds_and_not_before(task):
    """Else a worker could look for a row that nobody else can see yet."""
    with transaction.atomic():
        nudges.send(task, "one")
        assert waiting(task) == []
    assert waiting(task) == [["one"]]


@pytest.mark.django_db(transaction=True)
def test_no_message_is_sent_for_what_was_rolled_back(task):
    with pytest.raises(ValueError, match="changed my mind"), transaction.atomic():
        nudges.send(task, "one")
        raise ValueError("changed my mind")
    assert waiting(task) == []


@pytest.mark.django_db(transaction=True)
def test_without_a_transaction_a_message_is_sent_at_once(task):
    nudges.send(task, "one")
    assert waiting(task) == [["one"]]


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_costs_nothing_but_a_line_in_the_log(unreachable, caplog):
    with transaction.atomic():
        user = make_user()
        nudges.send(unreachable, "one")
    user.refresh_from_db()
    assert "nudged not nudged" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_mistake_of_ours_is_not_taken_for_an_absent_broker(task):
    with pytest.raises(TypeError):
        nudges.send(task, "one", "too many")
