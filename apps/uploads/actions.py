"""Bringing a file in: receive, check, store, then publish when the worker has made the served copy (S0-14).

The track exists and plays from its original as soon as the file is checked and stored; compression never blocks it.
"""

import hashlib
import os
from typing import BinaryIO

from django.db import transaction

from apps.accounts.access import may
from apps.catalog import derive
from apps.catalog.models import Derivation
from apps.lib import clock, spool
from apps.lib.arriving import Arrived
from apps.lib.errors import Conflict, Forbidden
from apps.lib.inflight import InFlight
from apps.uploads import checking, intake
from apps.uploads.models import Check, Upload

PIECE = 1 << 20


def receive(
    *, user, content: BinaryIO, file_name: str, content_type: str = "", way: str = Upload.Way.FORM, **facts
) -> Upload:
    """A file that is here as a whole becomes a track at once; `facts` as of `intake.begin`.

    Refusals: those of `intake.begin`; INVALID_FORMAT 415, MEDIA_UNREADABLE and MEDIA_TOO_COMPLEX 422, STORAGE_FAILED
    503. A refusal by content is kept as a `refused` upload for the person and staff, and takes nothing of the quota.
    """
    size = content.seek(0, os.SEEK_END)
    content.seek(0)
    upload = intake.begin(user=user, way=way, size=size, file_name=file_name, content_type=content_type, **facts)
    try:
        sha256 = _write(content, upload)
        with transaction.atomic():
            intake.completed(upload, sha256=sha256)
            (row,) = checking.claim(limit=1, upload=upload)
        if not checking.attempt(row):
            raise Conflict("The upload was taken back or is in other hands. See what became of it.")
    except checking.FAULTS as failure:
        refusal = spool.SpoolFull() if isinstance(failure, OSError) else checking.refusal_of(failure)
        intake.give_up(upload, refusal.code, refusal.message)
        refusal.extra.setdefault("upload", str(upload.pk))
        raise refusal from failure
    return row.upload


def _write(content: BinaryIO, upload: Upload) -> str:
    """The SHA-256 of what lies in the spool now. A form's file lies there already and gets its name."""
    if isinstance(content, Arrived):
        os.replace(content.temporary_file_path(), intake.spooled(upload))
        content.close()  # nobody writes to it from here on
        return content.sha256
    digest = hashlib.sha256()
    private = os.open(intake.spooled(upload), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(private, "wb") as file, InFlight(file, digest) as out:
        while piece := content.read(PIECE):
            out.write(piece)
    return digest.hexdigest()


def compress(upload: Upload) -> Upload:
    """Make the served copy, preview and waveform now, unless another worker has them in hand, then publish."""
    for row in derive.claim(limit=1, track=upload.track):
        derive.run(row)
    return publish(upload)


def publish(upload: Upload) -> Upload:
    """checked → compressed → ready once the derivation is over; a failed one leaves the original serving."""
    mine = Upload.objects.filter(pk=upload.pk)
    state = Derivation.objects.values_list("state", flat=True).get(track=upload.track_id)
    if state == "done" and upload.track.files.filter(role="audio").exists():
        Upload.machine.move_all(mine, "compressed")
    if state in ("done", "failed") or upload.track.removed_at:
        Upload.machine.move_all(mine, "ready")
    upload.refresh_from_db()
    return upload


def unfinished():
    """Uploads whose track plays but whose compression is not over, oldest first."""
    return Upload.objects.filter(state__in=["checked", "compressed"]).select_related("track").order_by("created_at")


@transaction.atomic
def retry(upload: Upload, by) -> Upload:
    """Staff have a hanging one tried again now: its check, or what is made of it. IN_WORK and NOTHING_TO_RETRY 409."""
    if not may(by, "uploads.retry"):
        raise Forbidden
    waiting = Check.objects.filter(upload=upload)
    if upload.state == "received":
        if not waiting.filter(state__in=["due", "retrying"]).update(next_at=clock.now()):
            raise Conflict("A worker is at it at this moment.", code="IN_WORK")
    elif upload.state in ("checked", "compressed"):
        derive.again(track=upload.track)
    else:
        raise Conflict(f"It is {upload.state}: there is nothing to try again.", code="NOTHING_TO_RETRY")
    return upload
