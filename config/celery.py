"""The Celery application. Messages are nudges that carry a primary key; the rows in PostgreSQL are the queue."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("keeptrack")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
