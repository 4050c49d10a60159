"""Celery's door to uploads. A message is a nudge; the rows are the queue."""

import datetime as dt

from celery import shared_task
from django.utils import timezone

from apps.lib import nudges
from apps.uploads import actions
from apps.uploads.models import Upload


@shared_task(name="uploads.compress")
def compress(upload_id: str) -> None:
    for upload in actions.unfinished().filter(pk=upload_id):
        actions.compress(upload)


def nudge(upload: Upload) -> None:
    nudges.send(compress, str(upload.pk))


@shared_task(name="uploads.sweep")
def sweep() -> None:
    """Publish what a lost nudge left behind, and close what a killed server left open."""
    for upload in actions.unfinished()[:1000]:
        actions.publish(upload)
    actions.abandon(before=timezone.now() - dt.timedelta(hours=1))
