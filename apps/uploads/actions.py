"""Bringing a file in: receive, check, store, then publish when the worker has made the served copy (S0-14).

The track exists and plays from its original as soon as the file is checked and stored; compression never blocks it.
"""

import datetime as dt
import hashlib
import unicodedata
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from apps.accounts.access import may
from apps.catalog import actions as catalog
from apps.catalog import derive, files, history
from apps.catalog.models import Derivation, Track
from apps.lib import clock, media, spool
from apps.lib.errors import Forbidden, Refusal
from apps.lib.media import Probe
from apps.lib.storage import Stored
from apps.uploads.models import Upload

PIECE = 1 << 20


def receive(
    *, user, content: BinaryIO, file_name: str, content_type: str = "", title: str = "", library: bool = False, **facts
) -> Upload:
    """A file becomes a track. `facts` are the track's words and switches.

    With `library` it is nobody's and the house's own, which only staff who curate may do (S1-03).
    Refusals: FORBIDDEN 403, FILE_TOO_LARGE 413, EMPTY_FILE 400, INVALID_FORMAT 415, MEDIA_UNREADABLE and
    MEDIA_TOO_COMPLEX 422, STORAGE_FAILED 503, INVALID 400. A refusal by content is kept as a `refused` upload for the
    person and staff.
    """
    facts |= _whose(user, library, facts)
    file_name = tidy_name(file_name)
    title = catalog.clean_title(title.strip() or Path(file_name).stem[:255])
    with spool.workspace(needed=settings.UPLOAD_MAX_BYTES) as folder:
        path = folder / "incoming"
        sha256, size = _write(content, path)
        upload = Upload(
            user=user,
            file_name=file_name,
            content_type=tidy_name(content_type)[:100],
            size_bytes=size,
            sha256=sha256,
            received_bytes=size,
            expires_at=clock.now() + settings.UPLOAD_EXPIRES,
            title=title,
        )
        upload.file_key = f"uploads/{user.pk}/{upload.pk}"
        upload.save(force_insert=True)
        Upload.machine.move(upload, "received")
        try:
            probe = media.probe(path, admit=media.UPLOAD_FORMATS)
            with files.stored(path, form=probe.format, sha256=sha256) as stored:
                return _admit(upload, stored, probe, facts)
        except (Refusal, OSError) as failure:
            refusal = failure if isinstance(failure, Refusal) else spool.SpoolFull()
            Upload.machine.move(upload, "refused", error_code=refusal.code, error_message=refusal.message[:500])
            refusal.extra.setdefault("upload", str(upload.pk))
            raise refusal from failure


def _whose(user, library: bool, facts: dict) -> dict:
    """The owner and kind of the track that is coming in."""
    if library and not may(user, "catalog.curate"):
        raise Forbidden("Only staff who curate add tracks to the library. Upload it as your own.")
    if library:
        return {"owner": None, "kind": Track.Kind.LIBRARY, "by": user}
    if facts.pop("is_pro_only", False):
        message = "Only tracks of the library are for pro members alone."
        raise Refusal("INVALID", message, fields={"is_pro_only": [message]})
    return {"owner": user, "kind": Track.Kind.UPLOADED}


def tidy_name(name: str) -> str:
    """A file name for showing only, never for a path: the last part, no control or bidi characters, 255 at most."""
    name = name.replace("\\", "/").rpartition("/")[2]
    name = "".join(c for c in name if unicodedata.category(c)[0] != "C").strip()
    return name[:255] or "untitled"


def _write(content: BinaryIO, path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as out:
        while piece := content.read(PIECE):
            size += len(piece)
            if size > settings.UPLOAD_MAX_BYTES:
                raise too_large()
            digest.update(piece)
            out.write(piece)
    if size == 0:
        raise Refusal("EMPTY_FILE", "The file is empty. Choose another one.")
    return digest.hexdigest(), size


def too_large() -> Refusal:
    limit = settings.UPLOAD_MAX_BYTES // (1024 * 1024)
    return Refusal("FILE_TOO_LARGE", f"The file is larger than {limit}MB.", status=413)


def _admit(upload: Upload, stored: Stored, probe: Probe, facts: dict) -> Upload:
    """The bytes are stored and verified: now the rows, all or none."""
    with history.said(by=upload.user):
        track = catalog.create(title=upload.title, **facts)
        files.attach_original(track=track, blob=files.blob_for(stored, probe.format), probe=probe)
        Track.machine.move(track, "ready")
        Upload.machine.move(upload, "checked", track=track)
    return upload


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


def abandon(*, before: dt.datetime) -> int:
    """Refuse what a killed server left at `received`; returns how many."""
    left = Upload.objects.filter(state="received", created_at__lt=before)
    message = "The upload broke off. Upload the file again."
    return Upload.machine.move_all(left, "refused", error_code="ABANDONED", error_message=message)
