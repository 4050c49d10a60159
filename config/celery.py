"""The Celery application. Messages are nudges that carry a primary key; the rows in PostgreSQL are the queue."""

import os

from celery import Celery
from kombu.transport import redis

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("keeptrack")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# When the broker dies, kombu puts back what a worker has not acknowledged, over the dead connection, and that ends the
# worker. Nothing needs to be put back: the rows are the queue.
redis.Channel.do_restore = False
