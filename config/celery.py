"""The Celery application. Messages are nudges that carry a primary key; the rows in PostgreSQL are the queue."""

import os

from celery import Celery
from kombu.transport import redis

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("keeptrack")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


class _Acknowledging(redis.QoS):
    """Says nothing over a connection that has gone: kombu fails at that in a way that ends the worker, in the moment
    when a task is done that outlived its broker. Nobody would hear it anyway."""

    def ack(self, delivery_tag: str) -> None:
        if getattr(self.channel.connection, "client", None) is not None:
            super().ack(delivery_tag)


# Nor is put back what was not acknowledged when the broker died: the rows are the queue.
redis.Channel.QoS, redis.Channel.do_restore = _Acknowledging, False
