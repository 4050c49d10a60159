"""What people ask of the archive, and how a run ended (S3-05)."""

import datetime as dt
from dataclasses import dataclass, field

from django.db import transaction

from apps.archive import attempt, schedule
from apps.archive.models import ArchiveAsset, ArchiveJob
from apps.catalog import files
from apps.catalog.models import Track
from apps.lib import clock
from apps.lib.errors import Conflict


@dataclass
class Results:
    """What a run did, by track (S3-05). A track succeeded when none of its assets is open or lost."""

    total: int = 0
    succeeded: int = 0
    failed: int = 0
    pending: int = 0
    errors: list[dict] = field(default_factory=list)

    @property
    def message(self) -> str:
        return f"Archived {self.succeeded}/{self.total} tracks"


def request(*, track: Track, by, now: dt.datetime | None = None) -> ArchiveJob:
    """Archive this track now, whatever its turn. Conflict when it has nothing to archive."""
    now = now or clock.now()
    with transaction.atomic():
        if not hasattr(track, "source") or not files.lock_live(track.pk):
            raise Conflict("This track has no provider to archive from.", code="NOTHING_TO_ARCHIVE")
        assets = ArchiveAsset.objects.filter(track=track)
        if assets.exists() and not assets.exclude(state="archived").exists():
            raise Conflict("Everything of this track is archived already.", code="ALREADY_ARCHIVED")
        job = _open(track, by=by, now=now)
        schedule.bring_forward(track, now=now)
        return job


def _open(track: Track, *, by, now: dt.datetime) -> ArchiveJob:
    """The track's open job, held until the transaction ends; a worker may close one just before we hold it."""
    while True:
        schedule.plan_tracks([track], by=by, now=now)
        job = attempt.lock_job(track.pk)
        if job is not None:
            return job


@transaction.atomic
def retry(*, asset: ArchiveAsset, by, now: dt.datetime | None = None) -> None:
    """Try this one asset again at once, also when it was given up. Conflict when there is nothing to try."""
    now = now or clock.now()
    if not files.lock_live(asset.track_id):
        raise Conflict("The track was removed.", code="NOTHING_TO_ARCHIVE")
    mine = ArchiveAsset.objects.filter(pk=asset.pk)
    _open(asset.track, by=by, now=now)
    if not schedule.hasten(mine, now=now):
        state = mine.values_list("state", flat=True).get()
        raise Conflict(f"It is {state}: there is nothing to try again.", code="NOTHING_TO_ARCHIVE")


def request_due(*, limit: int, by) -> list:
    """Plan, and open a job for up to `limit` tracks that are due, the next to expire first; the jobs' keys."""
    schedule.keep_house()
    schedule.plan()
    tracks = dict.fromkeys(schedule.due().values_list("track_id", flat=True)[: 3 * limit])
    chosen = list(Track.objects.filter(pk__in=list(tracks)[:limit]).select_related("source__provider"))
    schedule.plan_tracks(chosen, by=by)
    return list(
        ArchiveJob.objects.filter(track__in=chosen, status__in=["pending", "processing"]).values_list("pk", flat=True)
    )


def results(jobs) -> Results:
    """How these jobs ended, by track."""
    found = Results()
    for job in jobs.select_related("track"):
        found.total += 1
        found.succeeded += job.status == "completed"
        found.pending += job.status in ("pending", "processing")
        if job.status == "failed":
            found.failed += 1
            found.errors.append({"track_id": str(job.track_id), "title": job.track.title, "error": job.error_message})
    return found
