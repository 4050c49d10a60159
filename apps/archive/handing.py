"""Staff hand in a file that the provider does not give any more (mark_track_archived, S3-09).

The same verification, the same store and the same settling as for a fetched file: only where it comes from differs.
"""

from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import transaction
from django.db.models import F

from apps.accounts.access import may
from apps.archive import attempt, ledger, schedule
from apps.archive.models import ArchiveAsset, ArchiveJob
from apps.catalog import files
from apps.catalog.models import Track
from apps.lib import clock, doors, media, spool
from apps.lib.errors import Conflict, Forbidden, Refusal
from apps.lib.media import Probe

PIECE = 1024 * 1024


def hand_in(
    *, track: Track, kind: str, content: BinaryIO, file_name: str, by, any_length: bool = False
) -> ArchiveAsset:
    """The file becomes the track's audio, cover or video, verified, and its asset is archived; also a lost one.

    `any_length`: audio may be longer or shorter than the provider announced.
    Refusals: FORBIDDEN 403; NOTHING_TO_ARCHIVE, ALREADY_ARCHIVED 409; FILE_TOO_LARGE 413; INVALID_FORMAT 415;
    MEDIA_UNREADABLE, MEDIA_TOO_COMPLEX, WRONG_DURATION 422; DISK_FULL 507; STORAGE_FAILED 503.
    """
    if not may(by, "archive.run"):
        raise Forbidden
    _wanted(track, kind)
    size, most = content.seek(0, 2), settings.FETCH_MAX_BYTES[kind]
    if size > most:
        raise Refusal("FILE_TOO_LARGE", f"It has {size:,} bytes; {most:,} are allowed for a {kind}.", status=413)
    content.seek(0)
    with spool.workspace(size) as folder:
        path = _copied(content, folder / "incoming")
        probe = _probed(path, kind, track, any_length=any_length)
        with files.stored(path, form=probe.format) as stored:
            facts = {"kind": kind, "file_name": file_name[:200], "sha256": stored.sha256, "size": stored.size}
            return _settled(track, kind, stored, probe, by=by, facts=facts)


def _wanted(track: Track, kind: str) -> None:
    if not hasattr(track, "source") or track.removed_at:
        raise Conflict("This track has no provider to archive from.", code="NOTHING_TO_ARCHIVE")
    if ArchiveAsset.objects.filter(track=track, kind=kind, state="archived").exists():
        raise Conflict(f"The {kind} of this track is archived already.", code="ALREADY_ARCHIVED")


def _copied(content: BinaryIO, path: Path) -> Path:
    try:
        with path.open("wb") as out:
            while piece := content.read(PIECE):
                out.write(piece)
    except OSError as full:
        raise spool.SpoolFull from full
    return path


def _probed(path: Path, kind: str, track: Track, *, any_length: bool) -> Probe:
    probe = media.probe(path, admit=attempt.ADMIT[kind])
    if kind == "audio" and not any_length:
        attempt.check_length(probe, track.duration_ms)
    return probe


@transaction.atomic
def _settled(track: Track, kind: str, stored: files.Kept, probe: Probe, *, by, facts: dict) -> ArchiveAsset:
    """Whoever fetches it at this moment loses the lease; the track is locked first, as by everybody who settles."""
    if not files.lock_live(track.pk):
        raise Conflict("The track was removed.", code="NOTHING_TO_ARCHIVE")
    now = clock.now()
    schedule.plan_tracks([track], by=by, now=now)
    started = ArchiveJob.objects.filter(track=track, status="pending")
    ArchiveJob.machine.move_all(started, "processing", started_at=now)
    job = attempt.lock_job(track.pk)
    ArchiveAsset.objects.get_or_create(
        track=track, kind=kind, defaults={"expires_at": track.source.expires_at, "next_at": now}
    )
    mine, machine = ArchiveAsset.objects.filter(track=track, kind=kind), ArchiveAsset.machine
    machine.move_all(mine.filter(state="lost"), "pending", next_at=now)
    if not machine.move_all(mine, "running", token=F("token") + 1, lease_until=now + settings.LEASE, next_at=None):
        raise Conflict(f"The {kind} of this track is archived already.", code="ALREADY_ARCHIVED")
    if job is not None:
        given = {**facts, "by": str(by.pk), "door": doors.current(), "at": now.isoformat()}
        job.metadata = {**job.metadata, "handed_in": [*job.metadata.get("handed_in", ()), given]}
        job.save(update_fields=["metadata", "updated_at"])
    asset = mine.select_related("track__source").get()
    attempt.settle_archived(asset, stored, probe, {"handed_in": True, **ledger.read(probe)}, by=by)
    asset.refresh_from_db()
    return asset
