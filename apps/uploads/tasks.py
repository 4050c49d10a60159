"""Celery's door to uploads. A message is a nudge; the rows are the queue."""

import time

from celery import shared_task

from apps.lib import nudges
from apps.uploads import actions, checking, direct, folders, intake
from apps.uploads.models import Upload

# A sweep leaves the worker before its time limit and comes back with the next beat.
CHECKS_S = 60
FOLDERS_S = 60


@shared_task(name="uploads.check")
def check(upload_id: str) -> None:
    for row in checking.claim(limit=1, upload=Upload(pk=upload_id)):
        if checking.run(row):
            nudge(row.upload)


@shared_task(name="uploads.compress")
def compress(upload_id: str) -> None:
    for upload in actions.unfinished().filter(pk=upload_id):
        actions.compress(upload)


def nudge(upload: Upload) -> None:
    """Wake a worker for the next step of this one."""
    if upload.state in NEXT:
        nudges.send(NEXT[upload.state], str(upload.pk))


NEXT = {"received": check, "checked": compress, "compressed": compress}


@shared_task(name="uploads.sweep")
def sweep() -> None:
    """Do what a lost nudge left behind, publish what is made, and end what did not come in time."""
    intake.expire()
    checking.give_up_poison()
    started = time.monotonic()
    while time.monotonic() - started < CHECKS_S and (rows := checking.claim(limit=1)):
        if checking.run(rows[0]):
            nudge(rows[0].upload)
    for upload in actions.unfinished()[:1000]:
        actions.publish(upload)
    intake.sweep_spool()
    direct.sweep()


@shared_task(name="uploads.sweep_bucket")
def sweep_bucket() -> None:
    """Remove what no upload knows from where the bucket keeps files on their way in."""
    direct.sweep_bucket()


@shared_task(name="uploads.import_folders")
def import_folders() -> None:
    """Bring in files of the folder that waits longest, for a minute; the next beat goes on."""
    folders.give_up_poison()
    if row := folders.claim():
        folders.work(row, seconds=FOLDERS_S)
