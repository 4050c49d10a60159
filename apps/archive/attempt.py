"""One attempt at one asset: fetch, verify, store, settle (S3-06).

Bytes before rows: a crash leaves an orphan object at worst, never a row without bytes. No network inside a transaction.
"""

import datetime as dt
import logging
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from django.conf import settings
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Coalesce, Now

from apps.archive import alerts, fresh, hosts, ledger, schedule
from apps.archive.models import ArchiveAsset, ArchiveJob
from apps.archive.providers import client
from apps.archive.providers.answers import HEAD_BYTES
from apps.archive.retry import Decision, Life, again_soon, decide
from apps.catalog import files, history, providers
from apps.lib import clock, fetch, formats, leases, media, spool
from apps.lib.errors import Refusal
from apps.lib.fetch import Fetched, FetchError
from apps.lib.media import MediaError, Probe

log = logging.getLogger(__name__)

# A provider that says the same wrong length this often means it: a file that may be wrong is better than none.
WRONG_DURATION, BELIEVED_AFTER = "WRONG_DURATION", 2

# What the database says that went away, or let somebody wait for too long.
AWAY = (OperationalError, InterfaceError)
# What it says of facts that it cannot hold.
UNFIT = (DataError, IntegrityError)

ADMIT = {"audio": media.AUDIO_FORMATS, "cover": media.IMAGE_FORMATS, "video": media.VIDEO_FORMATS}
# A copy may differ from the announced duration by this share or this long, whichever is more.
DURATION_SHARE, DURATION_MS = 0.02, 1000


def archive(asset: ArchiveAsset) -> bool:
    """Work one claimed asset off. True when its bytes are ours, verified and attached to the track."""
    try:
        open_jobs([asset])
        attempt = Attempt(asset, now=clock.now())
    except AWAY as away:
        _give_back(asset, away, {})
        return False
    try:
        done = None
        while done is None:
            while (pause := attempt.download()) is not None:
                time.sleep(pause)
            done = attempt.settle()
        return done
    finally:
        attempt.leave()


class Attempt:
    """An attempt in two halves. `download` waits for the network and needs no database; `settle` needs one, and a core.

    The lease is kept from the beginning until `settle` is done or `leave` ends it.
    """

    def __init__(self, asset: ArchiveAsset, *, now: dt.datetime):
        """`now` is the database's. What of the asset's track and provider is not loaded yet is read here."""
        self.asset, self.owner = asset, asset.track.owner_id  # as claimed: tracks change hands meanwhile
        self._rules = providers.rules(asset.track.source.provider)
        self._life = (asset.expires_at - now).total_seconds() + time.monotonic()
        self._tries, self._fetched, self._failure = 0, None, None
        self._asks, self._asked, self._given = False, False, None  # for another address: next, once, and the answer
        self._facts, self._started = {}, time.monotonic()  # what is to stand in the ledger, as far as it came
        self._kept = ExitStack()
        self._kept.enter_context(leases.held(asset))

    def download(self) -> float | None:
        """Fetch into the spool. Seconds to wait before asking once more, or None when there is nothing more to ask.

        Or ask for another address: that is waiting for the network too.
        """
        if self._asks:
            self._asks, self._given = False, fresh.given(self.asset)
            return None
        self._tries += 1
        with ExitStack() as kept:
            try:
                folder = kept.enter_context(spool.workspace())
                self._fetched, self._failure = self._fetch(folder), None
            except (FetchError, Refusal, OSError) as failure:
                self._fetched, self._failure = None, failure
                return self._pause()
            self._kept.push(kept.pop_all())
            return None

    def _fetch(self, folder: Path) -> Fetched:
        kind = self.asset.kind
        return fetch.fetch(
            self.asset.source_url,
            folder / "incoming",
            rules=self._rules,
            max_bytes=settings.FETCH_MAX_BYTES[kind],
            deadline=settings.FETCH_DEADLINE_S[kind],
            room=spool.check_room,
        )

    def _pause(self) -> float | None:
        """What passes is asked for again, a little later each time, and never after the file has died."""
        facts = (getattr(self._failure, name, None) for name in ("code", "status", "retry_after"))
        pause = settings.ARCHIVE_TRY_PAUSE_S * self._tries
        in_time = time.monotonic() + pause < self._life
        return pause if self._tries < settings.ARCHIVE_TRIES and in_time and again_soon(*facts) else None

    def settle(self) -> bool | None:
        """Verify, store, write the rows, and tell the gate of the host.

        None when there is more to download: the address that the provider gives in place of a dead one, for which it is
        asked once at most, and then the file from there.
        """
        if self._renewed():
            return None
        try:
            done, failure = self._bring_home(), None
        # Also a track that somebody held for too long, such as a change of thousands: no fault of the asset.
        except (FetchError, Refusal, OSError, *AWAY) as caught:
            if self._may_ask(caught):
                self._failure = caught
                return None
            done, failure = False, caught
            facts = {"seconds": self._seconds(), "tries": self._tries, **ledger.refused(failure)}
            _give_back(self.asset, failure, self._facts | facts)
        self.leave()
        with suppress(*AWAY):
            # What came is an answer, whatever became of it here.
            hosts.heard(self.asset, None if self._fetched else failure)
        return done

    def _may_ask(self, failure: Exception) -> bool:
        if not self._asked:
            self._asked = True
            with suppress(*AWAY):
                self._asks = fresh.helps(self.asset, failure)
        return self._asks

    def _renewed(self) -> bool:
        given, self._given = self._given, None
        with suppress(*AWAY):
            return given is not None and fresh.taken(self.asset, given)
        return False

    def _bring_home(self) -> bool:
        if self._failure is not None:
            raise self._failure
        fetched = self._fetched
        self._facts |= ledger.answered(fetched)
        probe = _decoded(self.asset, fetched)
        self._facts |= ledger.read(probe)
        _check_duration(self.asset, probe)
        try:
            # The bytes stay in the store until their rows are written.
            with files.stored(fetched.path, form=probe.format, sha256=fetched.sha256, spare=True) as stored:
                self._facts |= {"seconds": self._seconds(), "tries": self._tries}
                return settle_archived(self.asset, stored, probe, self._facts)
        except UNFIT as unfit:
            words = str(unfit).partition("\n")[0]
            raise Refusal("NOT_RECORDED", f"The database refused what was read of it: {words}") from unfit

    def _seconds(self) -> float:
        return round(time.monotonic() - self._started, 3)

    def leave(self) -> None:
        """Keep the lease no longer. What is not settled is due again when it runs out, as if the worker had died."""
        self._kept.close()


def _give_back(asset: ArchiveAsset, failure: Exception, facts: dict) -> None:
    """Settle as failed, on a new connection if the database broke ours; where it is away, the lease ends by itself."""
    connection.close_if_unusable_or_obsolete()
    try:
        _settle_failed(asset, failure, facts)
    except AWAY as away:
        log.error("%s of track %s left to its lease: %s", asset.kind, asset.track_id, away)


def _decoded(asset: ArchiveAsset, fetched: Fetched) -> Probe:
    """MediaError in the provider's terms where it can be told what came in place of the file."""
    try:
        return media.probe(fetched.path, admit=ADMIT[asset.kind])
    except MediaError as unknown:
        if formats.sniff(fetched.path) is not None:  # a picture or a broken song is just that, whatever its label
            raise
        with fetched.path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        named = client(asset.track.source.provider_id).is_not_audio(head, fetched.content_type)
        if named is None:
            raise
        raise MediaError(named.code, named.message) from unknown


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
def settle_archived(asset: ArchiveAsset, stored: files.Kept, probe: Probe, facts: dict, *, by=None) -> bool:
    """The claimed asset and the track's file name the bytes, or neither. `by` handed them in. False: not ours."""
    live = files.lock_live(asset.track_id)
    job = lock_job(asset.track_id)
    if not live:
        asset.settle("dropped", error_code="REMOVED", error_message="The track was removed.", facts=facts)
        _close_job(job, asset)
        return False
    blob, facts = stored.blob, {**facts, "key": stored.key, "stored_anew": stored.created}
    if not asset.settle("archived", blob=blob, archived_at=Now(), next_at=None, facts=facts):
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
def _settle_failed(asset: ArchiveAsset, failure: Exception, facts: dict) -> None:
    code, message = getattr(failure, "code", "IO_ERROR"), str(getattr(failure, "message", failure))[:500]
    alerts.hold_owners([asset.pk])
    job = lock_job(asset.track_id)
    now = clock.now()
    decision = _decided(asset, failure, code, now)
    # Owners hear of the end, and of the first suspicion: then they may still have the file (F10).
    news = decision.state == "lost" or decision.state == "gone_suspect" and decision.gone_checks == 1
    kept = asset.settle(
        decision.state, next_at=decision.next_at, attempts=decision.attempts, gone_checks=decision.gone_checks,
        gone_since=decision.gone_since, error_code=code, error_message=message, facts=facts,
    )  # fmt: skip
    log.warning("%s of track %s: %s (%s), %s", asset.kind, asset.track_id, code, message, decision.state)
    if kept:
        _close_job(job, asset)
        if news:
            alerts.given_up([asset.pk], now=now)


def _decided(asset: ArchiveAsset, failure: Exception, code: str, now: dt.datetime) -> Decision:
    """By the row as it is now, held: its address or its expiry may have been changed while the old one was tried."""
    rows = ArchiveAsset.objects.select_related("track__source__provider").select_for_update(of=("self",))
    row = rows.get(pk=asset.pk)
    if row.source_url != asset.source_url or fresh.caught_up(row):  # what failed says nothing of this one
        return Decision("retrying", now, row.attempts, row.gone_checks, row.gone_since)
    seen_at = max(row.created_at, row.track.source.renewed_at or row.created_at)  # where the ladder begins
    life = Life(seen_at, row.expires_at, row.attempts, row.gone_checks, row.gone_since)
    asked = getattr(failure, "retry_after", None)
    return decide(code, life, now=now, retry_after=asked, jitter=leases.jitter())


def open_jobs(assets: list[ArchiveAsset]) -> None:
    """The open jobs of their tracks move to processing; a later try opens a job of its own."""
    tracks = list({asset.track_id: asset.track for asset in assets}.values())
    schedule.plan_tracks(tracks)
    mine = ArchiveJob.objects.filter(track__in=tracks, status="pending")
    ArchiveJob.machine.move_all(mine, "processing", started_at=Now())


def lock_job(track_id) -> ArchiveJob | None:
    """Settling one track's assets goes one by one, so that the last one sees itself as the last.

    Whoever holds the track too takes the track first.
    """
    open_ = ArchiveJob.objects.filter(track=track_id, status__in=["pending", "processing"])
    return open_.select_for_update().first()


def _close_job(job: ArchiveJob | None, asset: ArchiveAsset) -> None:
    if job is None:
        return
    missing = ArchiveAsset.objects.filter(track=asset.track_id).exclude(state="archived").order_by("kind")
    missing = list(missing.values_list("kind", "state", "error_message"))
    if any(state in ("pending", "running") for _, state, _ in missing):
        return
    reasons = "; ".join(f"{kind}: {message or state}" for kind, state, message in missing)
    facts = {
        "completed_at": Now(),
        "started_at": Coalesce("started_at", Now()),
        "error_message": reasons[:1000],
    }
    ArchiveJob.machine.move(job, "failed" if reasons else "completed", where=Q(track=asset.track_id), **facts)
