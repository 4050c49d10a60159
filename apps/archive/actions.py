"""Archiving: claim, fetch, verify, store, settle (S3-06).

Bytes before rows: a crash leaves an orphan object at worst, never a row without bytes. No network inside a transaction.
"""

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Coalesce, Now

from apps.archive import alerts, schedule
from apps.archive.models import ArchiveAsset, ArchiveJob
from apps.archive.retry import Life, decide
from apps.catalog import files, history, providers
from apps.catalog.models import Track
from apps.lib import clock, fetch, leases, media, spool
from apps.lib.errors import Conflict, Refusal
from apps.lib.fetch import FetchError
from apps.lib.media import MediaError, Probe
from apps.lib.storage import Stored

log = logging.getLogger(__name__)

LINGER_S = 0.25
# A provider that says the same wrong length this often means it: a file that may be wrong is better than none.
WRONG_DURATION, BELIEVED_AFTER = "WRONG_DURATION", 2

ADMIT = {"audio": media.AUDIO_FORMATS, "cover": media.IMAGE_FORMATS, "video": media.VIDEO_FORMATS}
# A copy may differ from the announced duration by this share or this long, whichever is more.
DURATION_SHARE, DURATION_MS = 0.02, 1000


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
        job = _lock_job(track.pk)
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
    chosen = list(Track.objects.filter(pk__in=list(tracks)[:limit]).select_related("source"))
    schedule.plan_tracks(chosen, by=by)
    return list(
        ArchiveJob.objects.filter(track__in=chosen, status__in=["pending", "processing"]).values_list("pk", flat=True)
    )


def work(*, limit: int, seconds: float, track: Track | None = None, told: Callable | None = None) -> int:
    """Claim and archive due assets in parallel until none is due, `limit` is reached or `seconds` are over.

    Returns how many assets were tried; `told(asset)` hears of each one when it is settled.
    """
    run = _Run(limit, clock.now() + dt.timedelta(seconds=seconds), track, told)
    with ThreadPoolExecutor(settings.ARCHIVE_PARALLEL, thread_name_prefix="archive") as pool:
        for done in [pool.submit(run.loop) for _ in range(min(settings.ARCHIVE_PARALLEL, limit))]:
            done.result()
    return run.taken


class _Run:
    """One run's claims, shared by its threads; each thread has its own database connection."""

    def __init__(self, limit: int, until: dt.datetime, track: Track | None, told: Callable | None):
        self.limit, self.until, self.track, self.told = limit, until, track, told
        self.taken = self.working = 0
        self.lock = threading.Lock()

    def loop(self) -> None:
        """Work while there is work. A thread with none stays while another has some: what falls due meanwhile
        must not wait for the slowest download."""
        try:
            while self._count(taken=1):
                if self._work():
                    continue
                self._count(taken=-1)
                if not self.working:
                    break
                time.sleep(LINGER_S)
        finally:
            connection.close()

    def _count(self, *, taken: int = 0, working: int = 0) -> bool:
        """False when nothing more may be taken: the limit is reached or the time is over."""
        with self.lock:
            if taken > 0 and (self.taken >= self.limit or clock.now() >= self.until):
                return False
            self.taken += taken
            self.working += working
            return True

    def _work(self) -> bool:
        # Counted before the claim: between a claim and its count the others would see nobody at work and leave.
        self._count(working=1)
        try:
            asset = self._claim()
            if asset is None:
                return False
            archive(asset)
        finally:
            self._count(working=-1)
        if self.told is not None:
            asset.refresh_from_db()
            self.told(asset)
        return True

    def _claim(self) -> ArchiveAsset | None:
        now = clock.now()
        for lane in schedule.lanes(now=now):
            rows = lane if self.track is None else lane.filter(track=self.track)
            for asset in leases.claim(rows, ArchiveAsset.machine, limit=1, now=now):
                return asset
        return None


def work_quarantined(*, track: Track | None = None) -> bool:
    """Try one quarantined asset, alone in its process: should it kill again, it takes no neighbour with it."""
    rows = schedule.quarantined() if track is None else schedule.quarantined().filter(track=track)
    for asset in leases.claim(rows, ArchiveAsset.machine, limit=1):
        archive(asset)
        return True
    return False


def archive(asset: ArchiveAsset) -> bool:
    """Work one claimed asset off. True when its bytes are ours, verified and attached to the track."""
    _open_job(asset)
    with ExitStack() as kept:
        try:
            with leases.held(asset):
                stored, probe = _bring_home(asset, kept)
            return _settle_archived(asset, stored, probe)
        # Also a track that somebody held for too long, such as a change of thousands: no fault of the asset.
        except (FetchError, Refusal, OSError, OperationalError) as failure:
            _settle_failed(asset, failure)
            return False


def _bring_home(asset: ArchiveAsset, kept: ExitStack) -> tuple[Stored, Probe]:
    """Fetched, verified and stored; `kept` holds the bytes in the store until their rows are written."""
    provider = asset.track.source.provider
    with spool.workspace() as folder:
        fetched = fetch.fetch(
            asset.source_url,
            folder / "incoming",
            rules=providers.rules(provider),
            max_bytes=settings.FETCH_MAX_BYTES[asset.kind],
            deadline=settings.FETCH_DEADLINE_S[asset.kind],
        )
        probe = media.probe(fetched.path, admit=ADMIT[asset.kind])
        _check_duration(asset, probe)
        stored = files.stored(fetched.path, form=probe.format, sha256=fetched.sha256)
        return kept.enter_context(stored), probe


def _check_duration(asset: ArchiveAsset, probe: Probe) -> None:
    """A provider's error page can be real audio: a spoken notice, or the first seconds of the song."""
    announced = asset.track.duration_ms
    if asset.kind != "audio" or not announced or asset.track.file("original"):
        return
    if asset.error_code == WRONG_DURATION and asset.attempts >= BELIEVED_AFTER:
        log.warning("audio of track %s kept although it is not as long as announced", asset.track_id)
    elif abs(probe.duration_ms - announced) > max(DURATION_MS, announced * DURATION_SHARE):
        seconds = f"{probe.duration_ms / 1000:.1f} s instead of {announced / 1000:.1f} s"
        raise MediaError(WRONG_DURATION, f"The provider sent {seconds}.")


@transaction.atomic
def _settle_archived(asset: ArchiveAsset, stored: Stored, probe: Probe) -> bool:
    live = files.lock_live(asset.track_id)
    job = _lock_job(asset.track_id)
    if not live:
        asset.settle("dropped", error_code="REMOVED", error_message="The track was removed.")
        _close_job(job, asset)
        return False
    blob = files.blob_for(stored, probe.format)
    if not asset.settle("archived", blob=blob, archived_at=Now(), next_at=None):
        log.warning("lost the lease on %s: another worker has it", asset.pk)
        return False
    if asset.kind == "audio":
        with history.said(by=None):
            files.attach_original(track=asset.track, blob=blob, probe=probe)
    else:
        files.attach(track=asset.track, role=files.ROLE_OF[asset.kind], blob=blob, probe=probe)
    _close_job(job, asset)
    return True


@transaction.atomic
def _settle_failed(asset: ArchiveAsset, failure: Exception) -> None:
    code, message = getattr(failure, "code", "IO_ERROR"), str(getattr(failure, "message", failure))[:500]
    life = Life(asset.created_at, asset.expires_at, asset.attempts, asset.gone_checks, asset.gone_since)
    now = clock.now()
    asked = getattr(failure, "retry_after", None)
    decision = decide(code, life, now=now, retry_after=asked, jitter=leases.jitter())
    if decision.state == "lost":
        alerts.hold_owners([asset.pk])
    job = _lock_job(asset.track_id)
    kept = asset.settle(
        decision.state, next_at=decision.next_at, attempts=decision.attempts, gone_checks=decision.gone_checks,
        gone_since=decision.gone_since, error_code=code, error_message=message,
    )  # fmt: skip
    log.warning("%s of track %s: %s (%s), %s", asset.kind, asset.track_id, code, message, decision.state)
    if kept:
        _close_job(job, asset)
        if decision.state == "lost":
            alerts.given_up([asset.pk], now=now)


def _open_job(asset: ArchiveAsset) -> None:
    """The track's open job moves to processing; a later try opens a job of its own."""
    track = asset.track
    schedule.plan_tracks([track])
    mine = ArchiveJob.objects.filter(track=track, status="pending")
    ArchiveJob.machine.move_all(mine, "processing", started_at=Now())


def _lock_job(track_id) -> ArchiveJob | None:
    """Settling one track's assets goes one by one, so that the last one sees itself as the last.

    Whoever holds the track too takes the track first.
    """
    open_ = ArchiveJob.objects.filter(track=track_id, status__in=["pending", "processing"])
    return open_.select_for_update().first()


def _close_job(job: ArchiveJob | None, asset: ArchiveAsset) -> None:
    siblings = ArchiveAsset.objects.filter(track=asset.track_id)
    if job is None or siblings.filter(state__in=["pending", "running"]).exists():
        return
    failed = siblings.exclude(state="archived").order_by("kind")
    reasons = "; ".join(f"{row.kind}: {row.error_message or row.state}" for row in failed)
    facts = {
        "completed_at": Now(),
        "started_at": Coalesce("started_at", Now()),
        "error_message": reasons[:1000],
    }
    ArchiveJob.machine.move(job, "failed" if reasons else "completed", where=Q(track=asset.track_id), **facts)


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
