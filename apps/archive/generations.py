"""Generations on their way: announced before they are finished, asked for until they are tracks (S3-01).

A row waits, is asked for under a lease, and ends as tracks, as failed or as expired. What the provider delivers by
itself ends it at once. No network inside a transaction; a row's owner is locked before the row, as notices need it.
"""

import datetime as dt
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DataError, connection, transaction
from django.db.models import F, Max, Q, QuerySet

from apps.accounts.models import User
from apps.archive import alerts
from apps.archive.models import Generation
from apps.archive.providers import CLIENTS, Answer, Delivery, Failed, Finished, ProviderError, Song, Unfinished, client
from apps.archive.providers.base import identity, named
from apps.catalog import actions as catalog
from apps.catalog import providers
from apps.catalog.models import ProviderSource, Track
from apps.lib import clock, leases, locks
from apps.lib.errors import Conflict, Refusal

log = logging.getLogger(__name__)

SOONEST, LATEST, SHARE, LIVES = dt.timedelta(seconds=5), dt.timedelta(minutes=10), 4, 20
MINUTE, SPELL, PAUSE_S = dt.timedelta(minutes=1), dt.timedelta(seconds=10), 0.25
MOST_WAITING = 500  # of one person
AT_ONCE, AT_A_TIME = 8, 100
OPEN = ("waiting", "running")


def announce(
    *, owner: User, provider: str, provider_track_id: str, title: str, now: dt.datetime | None = None, **facts
) -> tuple[Generation, bool]:
    """Wait for this generation, and whether that is new. Said again it changes nothing, but what failed waits anew.

    Refusals: INVALID, NO_PROVIDER_API, GENERATION_TAKEN, TOO_MANY_GENERATIONS.
    """
    now, service = now or clock.now(), providers.known(provider)
    asked = client(service.code)
    if not (asked.can_read() or asked.hears()):
        message = (
            f"{service.name} cannot be asked from here. Register the track with its addresses when it is finished."
        )
        raise Conflict(message, code="NO_PROVIDER_API")
    if not identity(provider_track_id):
        message = "The id of a generation is 1 to 90 letters, digits and -_. of ASCII, the first no sign."
        raise Refusal("INVALID", message, fields={"provider_track_id": [message]})
    waits = {
        "title": catalog.clean_title(title),
        "facts": facts,
        "next_at": now,
        "ends_at": now + settings.GENERATION_WAIT,
    }
    key = {"owner": owner, "provider": service, "provider_track_id": provider_track_id}
    with transaction.atomic():
        locks.until_commit(f"generation {service.code} {provider_track_id}")
        if is_anothers(owner.pk, service.code, provider_track_id):
            raise Conflict("This generation is somebody else's here.", code="GENERATION_TAKEN")
        row, new = Generation.objects.get_or_create(**key, defaults=waits)
        if new and Generation.objects.of(owner).filter(state__in=OPEN).count() > MOST_WAITING:
            raise Conflict(f"{MOST_WAITING} generations of yours are waited for already.", code="TOO_MANY_GENERATIONS")
        if not new:
            over = Generation.objects.filter(pk=row.pk, state__in=["failed", "expired"])
            afresh = {"attempts": 0, "crashes": 0, "error_code": "", "error_message": "", "said": "", "songs": []}
            Generation.machine.move_all(over, "waiting", **waits, **afresh)
            row.refresh_from_db()
        return row, new


def is_anothers(owner_id: UUID | None, code: str, provider_track_id: str) -> bool:
    """Whether somebody else announced this generation, or registered a song of it, before the owner announced it.

    An id may be guessed, so nobody gets by it, with the house's key, what somebody else made.
    """
    announced = Generation.objects.filter(provider=code, provider_track_id=provider_track_id)
    if announced.of(owner_id).exists():
        return False
    known = Q(provider_track_id=provider_track_id) | Q(provider_track_id__startswith=f"{provider_track_id}/")
    owners = ProviderSource.objects.filter(known, provider=code).values_list("owner_id", flat=True)
    return announced.exists() or any(other not in (None, owner_id) for other in owners)


def hasten(generation: Generation, *, now: dt.datetime | None = None) -> None:
    """Ask for it at once, also when it was over without a track. Conflict when there is nothing to wait for."""
    now = now or clock.now()
    mine = Generation.objects.filter(pk=generation.pk)
    moved = Generation.machine.move_all(
        mine.filter(state__in=["failed", "expired"]), "waiting", next_at=now, ends_at=now + settings.GENERATION_WAIT
    )
    if not (moved or mine.filter(state__in=OPEN).update(next_at=now)):
        raise Conflict("It is finished: there is nothing to wait for.", code="NOTHING_TO_ARCHIVE")


# --- Asking -------------------------------------------------------------------------------------------------
def work(*, seconds: float) -> int:
    """Ask for what is due until nothing is or `seconds` are over; returns how often."""
    until, asked = time.monotonic() + seconds, 0
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="generations") as pool:
        while time.monotonic() < until and (codes := [code for code in CLIENTS if due(code).exists()]):
            rows = [row for code in codes for row in claim(code, limit=AT_ONCE)]
            list(pool.map(_ask_and_leave, rows))
            asked += len(rows)
            if not rows:  # no provider may be asked again yet
                time.sleep(PAUSE_S)
    return asked


def due(code: str, *, now: dt.datetime | None = None) -> QuerySet[Generation]:
    """What may be asked for now, the longest waiting first."""
    rows = Generation.objects.filter(provider=code).order_by("next_at", "pk")
    return rows.filter(leases.due(Generation.machine, now or clock.now())) if client(code).can_read() else rows.none()


def claim(code: str, *, limit: int, now: dt.datetime | None = None) -> list[Generation]:
    """Due rows of this provider, as many as it may be asked for since the last question, whoever asked that.

    A row knows of its last question alone and is asked for again within seconds: to count rows would not be to count
    questions. So they are spaced: at most a sixth of a minute's at once, and in no minute more than are allowed.
    """
    now = now or clock.now()
    with transaction.atomic():
        locks.until_commit(f"asking {code}")
        last = Generation.objects.filter(provider=code).aggregate(last=Max("asked_at"))["last"]
        rested = min(now - last, SPELL) if last else SPELL
        room = int(client(code).asks_a_minute * (rested / (MINUTE + SPELL)))
        if min(limit, room) <= 0:
            return []
        mine = leases.claim(due(code, now=now), Generation.machine, limit=min(limit, room), now=now)
        Generation.objects.filter(pk__in=[row.pk for row in mine]).update(asked_at=now)
        return mine


def _ask_and_leave(generation: Generation) -> None:
    try:
        ask(generation)
    finally:
        connection.close()


def ask(generation: Generation, *, now: dt.datetime | None = None) -> bool:
    """Ask the provider about one claimed row and settle it. False when the lease was lost meanwhile."""
    try:
        with leases.held(generation):
            answer = client(generation.provider_id).read(generation.provider_track_id)
    except ProviderError as failure:
        answer = failure
    with transaction.atomic():
        _hold_owners(Generation.objects.filter(pk=generation.pk))
        held = Generation.objects.filter(pk=generation.pk, state=leases.RUNNING, token=generation.token)
        row = held.select_for_update(of=("self",)).select_related("provider", "owner").first()
        if row is None:
            return False
        _settle(row, answer, now or clock.now())
        return True


def _hold_owners(rows: QuerySet[Generation]) -> None:
    """Before the rows themselves, as whoever leaves does."""
    owners = User.objects.select_for_update(no_key=True).filter(pk__in=rows.order_by().values("owner")).order_by("pk")
    list(owners.values_list("pk"))


def delivered(code: str, delivery: Delivery, *, now: dt.datetime | None = None) -> str:
    """What a verified delivery changed: `finished`, `failed`, `due` (asked for next), `waiting`, or `unknown`.

    `unknown` has no effect: what is announced after its delivery is asked for at once, so nothing is to be kept.
    """
    now, outcome = now or clock.now(), "unknown"
    about = Generation.objects.filter(provider=code, provider_track_id=delivery.provider_track_id)
    with transaction.atomic():
        _hold_owners(about)
        rows = about.select_for_update(of=("self",)).select_related("provider", "owner").order_by("pk")
        for row in rows:
            outcome = _take(row, delivery.answer, now)
    return outcome


def _take(row: Generation, answer: Answer | None, now: dt.datetime) -> str:
    if row.state in OPEN and isinstance(answer, Finished | Failed):
        _settle(row, answer, now)
    elif row.state == "waiting" and answer is None:
        Generation.objects.filter(pk=row.pk, state="waiting").update(next_at=now)
        return "due"
    return "waiting" if row.state in OPEN else row.state


# --- Settling -----------------------------------------------------------------------------------------------
def _settle(row: Generation, answer: Answer | ProviderError, now: dt.datetime) -> None:
    """The row is held, as is its owner's. What is there becomes tracks, also when more is to come."""
    if isinstance(answer, Failed):
        said = answer.reason or alerts.NO_REASON[alerts.ENGLISH]
        _end(row, "failed", error_code="GENERATION_FAILED", error_message=said)
        alerts.will_not_come(row, answer.reason or alerts.NO_REASON, now=now)
    elif isinstance(answer, Finished):
        refused = _register(row, answer, now)
        if refused is None:
            _end(row, "finished", said="")
        else:
            _later(row, refused, now)
    else:
        _later(row, answer, now)


def _later(row: Generation, why: Unfinished | ProviderError, now: dt.datetime) -> None:
    code, message = getattr(why, "code", ""), getattr(why, "message", "")[:500]
    facts = {"error_code": code, "error_message": message, "said": getattr(why, "said", "")[:40]}
    if now < row.ends_at:
        delay = _delay(row, now, getattr(why, "retry_after", None))
        # Somebody else's delivery may settle it while a worker is at it; both leave it as waiting.
        Generation.machine.move(
            row, "waiting", next_at=now + delay, attempts=F("attempts") + 1, lease_until=None, **facts
        )
    elif row.tracks.exists():
        _end(row, "finished", **facts)
    else:
        _end(row, "expired", **facts)
        alerts.will_not_come(row, alerts.TOO_LATE, now=now)


def _delay(row: Generation, now: dt.datetime, retry_after: float | None) -> dt.timedelta:
    """A quarter of its age so far; never so long that a good part of what its files live would pass unseen."""
    age = now - (row.ends_at - settings.GENERATION_WAIT)
    most = max(SOONEST, min(LATEST, row.provider.lives("audio") / LIVES))
    delay = min(max(age / SHARE, SOONEST), most) * leases.jitter()
    return max(delay, min(dt.timedelta(seconds=retry_after or 0), LATEST))


def _end(row: Generation, state: str, **facts) -> None:
    clean = {"error_code": "", "error_message": "", "next_at": None, "lease_until": None}
    Generation.machine.move(row, state, **{**clean, **facts})


def _register(row: Generation, answer: Finished, now: dt.datetime) -> ProviderError | Unfinished | None:
    """Each song becomes a track; what keeps one of them from it, if anything does."""
    missing = Unfinished("some songs without audio") if answer.listed > len(answer.songs) else None
    for place, song in enumerate(answer.songs):
        name = named(row.provider_track_id, song, answer)
        if name in row.songs:  # also when its track was removed since: who removed it does not want it back
            continue
        title = row.title if place == 0 else f"{row.title[:240]} ({place + 1})"
        try:
            row.tracks.add(_track(row, answer, song, name, title, now))
            row.songs.append(name)
        except Refusal as refusal:
            log.warning("a song of %s is refused: %s (%s)", row, refusal.message, refusal.code)
            missing = ProviderError(refusal.code, refusal.message)
    row.save(update_fields=["songs"])
    return missing


def _track(row: Generation, answer: Finished, song: Song, name: str, title: str, now: dt.datetime) -> Track:
    generated_at = min(answer.finished_at or now, now)
    expires_at = providers.sooner(song.expires_at, row.provider, generated_at)
    where = {"audio_url": song.urls["audio"], "generated_at": generated_at, "expires_at": expires_at}
    for kind in song.urls.keys() - {"audio"}:
        if _may_be_fetched(row, kind, song.urls[kind]):
            where[f"{kind}_url"] = song.urls[kind]
    track = {"owner": row.owner, "provider": row.provider_id, "provider_track_id": name, "title": title, **where}
    facts = {field: Track._meta.get_field(field).to_python(value) for field, value in row.facts.items()}
    if song.duration_ms:
        facts["duration_ms"] = song.duration_ms
    try:
        with transaction.atomic():
            return catalog.register_generated(**track, **facts)[0]
    except (Refusal, ValidationError, DataError) as refused:
        if getattr(refused, "code", "") == "URL_REFUSED":
            raise
        # Music is worth more than what was said of it.
        log.warning("%s becomes a track by its title alone: %s", row, refused)
        return catalog.register_generated(**track)[0]


def _may_be_fetched(row: Generation, kind: str, url: str) -> bool:
    try:
        providers.check_urls(row.provider, {f"{kind}_url": url})
    except Refusal as refusal:
        log.warning("the %s of %s is left out: %s", kind, row, refusal.message)
        return False
    return True


def keep_house(*, now: dt.datetime | None = None) -> int:
    """Set apart what takes its workers down, and end what nobody can be asked about any more; returns how many."""
    now, machine = now or clock.now(), Generation.machine
    over = Generation.objects.filter(state="waiting", ends_at__lt=now).exclude(
        provider__in=[code for code, asked in CLIENTS.items() if asked.can_read()]
    )
    crashed = leases.poison(Generation.objects.all(), machine, now=now)
    return _end_all(
        crashed, lambda rows: leases.set_apart(rows, machine, "failed", now=now), alerts.UNREADABLE, now
    ) + _end_all(over, lambda rows: machine.move_all(rows, "expired", next_at=None), alerts.TOO_LATE, now)


def _end_all(rows: QuerySet[Generation], end: Callable, reason: dict[str, str], now: dt.datetime) -> int:
    """End these rows and tell their owners, both or neither, a hundred at a time; returns how many."""
    keys, ended = list(rows.order_by("owner", "pk").values_list("pk", flat=True)), 0
    for start in range(0, len(keys), AT_A_TIME):
        lot = Generation.objects.filter(pk__in=keys[start : start + AT_A_TIME])
        with transaction.atomic():
            _hold_owners(lot)
            held = rows.filter(pk__in=lot.values("pk")).select_for_update(of=("self",), skip_locked=True)
            mine = list(held.select_related("provider", "owner__profile").order_by("pk"))
            ended += end(Generation.objects.filter(pk__in=[row.pk for row in mine]))
            for row in mine:
                alerts.will_not_come(row, reason, now=now)
    return ended
