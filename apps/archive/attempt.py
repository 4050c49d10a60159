"""One attempt at one asset: fetch, verify, store, settle (S3-06).

Bytes before rows: a crash leaves an orphan object at worst, never a row without bytes. No network inside a transaction.
"""

import logging
from contextlib import ExitStack

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Q
from django.db.models.functions import Coalesce, Now

from apps.archive import alerts, schedule
from apps.archive.models import ArchiveAsset, ArchiveJob
from apps.archive.retry import Life, decide
from apps.catalog import files, history, providers
from apps.lib import clock, fetch, leases, media, spool
from apps.lib.errors import Refusal
from apps.lib.fetch import FetchError
from apps.lib.media import MediaError, Probe
from apps.lib.storage import Stored

log = logging.getLogger(__name__)

# A provider that says the same wrong length this often means it: a file that may be wrong is better than none.
WRONG_DURATION, BELIEVED_AFTER = "WRONG_DURATION", 2

ADMIT = {"audio": media.AUDIO_FORMATS, "cover": media.IMAGE_FORMATS, "video": media.VIDEO_FORMATS}
# A copy may differ from the announced duration by this share or this long, whichever is more.
DURATION_SHARE, DURATION_MS = 0.02, 1000


def archive(asset: ArchiveAsset) -> bool:
    """Work one claimed asset off. True when its bytes are ours, verified and attached to the track."""
    _open_job(asset)
    with ExitStack() as kept:
        try:
            with leases.held(asset):
                stored, probe = _bring_home(asset, kept)
            return settle_archived(asset, stored, probe)
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
    else:
        check_length(probe, announced)


def check_length(probe: Probe, announced: int | None) -> None:
    """MediaError(WRONG_DURATION) when the sound is not as long as was announced, in milliseconds."""
    if announced and abs(probe.duration_ms - announced) > max(DURATION_MS, announced * DURATION_SHARE):
        seconds = f"{probe.duration_ms / 1000:.1f} s instead of {announced / 1000:.1f} s"
        raise MediaError(WRONG_DURATION, f"The sound has {seconds}.")


@transaction.atomic
def settle_archived(asset: ArchiveAsset, stored: Stored, probe: Probe, *, by=None) -> bool:
    """The claimed asset and the track's file name the bytes, or neither. `by` handed them in. False: not ours."""
    live = files.lock_live(asset.track_id)
    job = lock_job(asset.track_id)
    if not live:
        asset.settle("dropped", error_code="REMOVED", error_message="The track was removed.")
        _close_job(job, asset)
        return False
    blob = files.blob_for(stored, probe.format)
    if not asset.settle("archived", blob=blob, archived_at=Now(), next_at=None):
        log.warning("lost the lease on %s: another worker has it", asset.pk)
        return False
    if asset.kind == "audio":
        with history.said(by=by):
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
    job = lock_job(asset.track_id)
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


def lock_job(track_id) -> ArchiveJob | None:
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
