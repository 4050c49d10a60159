"""What a broker that dies does to its workers; that they live on is proven for real in `tests/faults/test_broker.py`."""

import io
import uuid

import pytest
from django.conf import settings
from kombu import Connection, Queue

QUEUE = f"test {uuid.uuid4()}"


@pytest.fixture
def received():
    """A channel and a message on it that is not acknowledged."""
    with Connection(settings.CELERY_BROKER_URL) as wire:
        channel = wire.channel()
        queue = Queue(QUEUE, channel=channel)
        queue.declare()
        wire.Producer().publish({}, routing_key=QUEUE)
        yield channel, queue.get()
    with Connection(settings.CELERY_BROKER_URL) as wire:
        wire.channel().client.delete(QUEUE, f"_kombu.binding.{QUEUE}")


def test_a_message_may_be_acknowledged_after_its_connection_has_gone(received):
    """In both states that a worker leaves it in: taken apart, and closed."""
    channel, message = received
    wire = channel.connection.client
    wire.collect()
    message.ack()
    channel.connection = None
    message.channel.qos.ack(message.delivery_tag)


def test_what_was_not_acknowledged_is_not_put_back(received):
    """Over a dead connection that would end the worker; the next look finds the row."""
    channel, message = received
    channel.qos.restore_unacked_once(stderr=io.StringIO())
    assert Queue(QUEUE, channel=channel).get() is None and message.delivery_tag in channel.qos._delivered
