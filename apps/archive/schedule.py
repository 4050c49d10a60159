"""Which tracks need archiving, found by query: a missed tick, a crash or an import heals at the next look."""

import datetime as dt
from itertools import chain

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, DateTimeField, Exists, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce, Least

from apps.archive import alerts, hosts
from apps.archive.models import DUE_STATES, OPEN_STATES, ArchiveAsset, ArchiveJob
from apps.archive.retry import GRACE
from apps.catalog import derive, providers
from apps.catalog.models import Provider, ProviderSource, Track
from apps.lib import clock, leases, spool

PLANNER_LOCK = 7_201_303  # any number, the same everywhere
QUARANTINE, DEAD_PAUSE = dt.timedelta(hours=1), dt.timedelta(minutes=5)
ALONE = Q(state="quarantined") | Q(crashes__gte=leases.MOST_CRASHES)
# What was in hand when three workers died (the third counts with the next claim) killed them or was beside what did.
# A run has one of these in hand at a time, so that the innocent do not die with the poison until they look like it.
SUSPECT = Q(crashes__gte=2)
RUN = "archive"  # in the spool, held by the run of this machine
# A run that keeps up has claimed by then.
WAITED = dt.timedelta(seconds=5)


@transaction.atomic
def plan(*, now: dt.datetime | None = None, limit: int = 1000) -> int:
    """Give every finished generated track its asset rows and a job; returns how many tracks were new.

    Two planners at once are harmless: the second one leaves.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [PLANNER_LOCK])
        if not cursor.fetchone()[0]:
            return 0
    planned = ArchiveAsset.objects.filter(track=OuterRef("pk"))
    tracks = Track.objects.filter(~Exists(planned), source__isnull=False, status="ready")
    return plan_tracks(list(tracks.select_related("source__provider").order_by("source__expires_at")[:limit]), now=now)


def plan_tracks(tracks: list[Track], *, by=None, now: dt.datetime | None = None) -> int:
    """Asset rows, due at once, and a job for each of these tracks; saying it twice changes nothing."""
    now = now or clock.now()
    ArchiveAsset.objects.bulk_create(chain.from_iterable(_assets(t, now) for t in tracks), ignore_conflicts=True)
    ArchiveJob.objects.bulk_create([_job(t, by) for t in tracks], ignore_conflicts=True)
    return len(tracks)


def _assets(track: Track, now: dt.datetime) -> list[ArchiveAsset]:
    source = track.source
    return [
        ArchiveAsset(track=track, kind=kind, source_url=url, expires_at=providers.expires(source, kind), next_at=now)
        for kind, url in source.urls().items()
    ]


def _job(track: Track, by) -> ArchiveJob:
    urls = {f"original_{kind}_url": url for kind, url in track.source.urls().items()}
    return ArchiveJob(track=track, user_id=track.owner_id, requested_by=by, **urls)


def keep_house(*, now: dt.datetime | None = None) -> None:
    """What no worker will do any more: quarantine poison, drop what was removed, close jobs nobody works on."""
    now = now or clock.now()
    _quarantine(now)
    _give_up(now)
    drop_removed()
    hosts.forget(now=now)
    claimable = Q(state__in=DUE_STATES, next_at__lte=now) | Q(state__in=["pending", "running"])
    working = ArchiveAsset.objects.filter(claimable, track=OuterRef("track"))
    # A job of this moment may be of a row that falls due after `now` was read.
    old = now - dt.timedelta(minutes=1)
    idle = ArchiveJob.objects.filter(~Exists(working), status__in=["pending", "processing"], created_at__lt=old)
    ArchiveJob.machine.move_all(
        idle, "failed", completed_at=now, error_message="It ended without a result; the next run goes on."
    )


@transaction.atomic
def _quarantine(now: dt.datetime) -> None:
    """Set poison apart, and tell its owners of the first time; it may go on to kill its worker every hour."""
    machine = ArchiveAsset.machine
    keys = _hold(leases.poison(ArchiveAsset.objects.all(), machine, now=now))
    # The hourly class cannot wait for an hour: a quarter of what is left is waited at most.
    soon = Least(Value(now + QUARANTINE), Value(now) + (F("expires_at") - Value(now)) / 4, output_field=DateTimeField())
    soon = Case(When(expires_at__lte=now, then=Value(now + DEAD_PAUSE)), default=soon, output_field=DateTimeField())
    leases.set_apart(ArchiveAsset.objects.filter(pk__in=keys), machine, "quarantined", now=now, next_at=soon)
    first = ArchiveAsset.objects.filter(pk__in=keys, crashes=leases.MOST_CRASHES)
    alerts.given_up(first.values_list("pk", flat=True), now=now)


@transaction.atomic
def _give_up(now: dt.datetime) -> None:
    """What is quarantined beyond its grace is lost, and its owner is told."""
    keys = _hold(ArchiveAsset.objects.filter(state="quarantined", expires_at__lt=now - GRACE))
    ArchiveAsset.machine.move_all(ArchiveAsset.objects.filter(pk__in=keys), "lost", next_at=None)
    alerts.given_up(keys, now=now)


def _hold(rows) -> list:
    """Keys of these rows, ours and their owners' too until the transaction ends; those in other hands are left."""
    found = list(rows.values_list("pk", flat=True))
    alerts.hold_owners(found)
    still = rows.filter(pk__in=found).select_for_update(skip_locked=True, of=("self",))
    return list(still.values_list("pk", flat=True))


@transaction.atomic
def apply_lifetimes(provider: Provider) -> int:
    """The provider's lifetimes of today for what is not archived yet, whatever was said of it; how many files."""
    changed = 0
    since = Coalesce("renewed_at", "generated_at")
    for kind in ArchiveAsset.Kind.values:
        waiting = unarchived(provider).filter(kind=kind)
        if kind == "audio":
            mine = ProviderSource.objects.filter(track__in=waiting.values("track"))
            mine.update(expires_at=since + Value(provider.lives(kind)))
        given = ProviderSource.objects.filter(track=OuterRef("track")).values(at=since + Value(provider.lives(kind)))
        changed += waiting.update(expires_at=Subquery(given))
    return changed


def unarchived(provider: Provider):
    """Files of this provider that are still to be fetched."""
    return ArchiveAsset.objects.filter(track__source__provider=provider, state__in=OPEN_STATES)


def drop_removed() -> None:
    """Of a removed track nothing is fetched any more and no bytes are held, nor a provider's address (C-07).

    A merged track keeps all that, for a merge can be undone.
    """
    gone = Q(track__status="removed")
    blank = {f"original_{kind}_url": "" for kind in ArchiveAsset.Kind.values}
    # Jobs before assets, as workers take them.
    ArchiveJob.objects.filter(gone).exclude(**blank).update(**blank)
    removed = ArchiveAsset.objects.filter(gone, state__in=[*OPEN_STATES, "archived"])
    facts = {"lease_until": None, "blob": None, "archived_at": None}
    ArchiveAsset.machine.move_all(
        removed, "dropped", error_code="REMOVED", error_message="The track was removed.", **facts
    )
    ArchiveAsset.objects.filter(gone).exclude(source_url="").update(source_url="")


def due(*, now: dt.datetime | None = None):
    """Assets that a worker may claim now, the next to expire first; what is quarantined has a lane of its own."""
    return _claimable(now or clock.now()).exclude(ALONE)


def behind(*, now: dt.datetime | None = None) -> bool:
    """Whether this machine archives and does not keep up: files that can still be saved wait for a worker, although
    their host would give them now.
    """
    if not spool.taken(RUN):
        return False
    now = now or clock.now()
    waiting = due(now=now).filter(next_at__lte=now - WAITED, expires_at__gt=now).exclude(SUSPECT)
    return hosts.shut(now=now).admitted(waiting).exists()


derive.gives_way("archive", behind)


def quarantined(*, now: dt.datetime | None = None):
    """What has killed its workers, also when its last try failed in an ordinary way."""
    return _claimable(now or clock.now()).filter(ALONE)


def lanes(*, now: dt.datetime, of=due) -> tuple:
    """What can still be saved goes before what is past its expiry, so that the dead never delay the living."""
    return of(now=now).filter(expires_at__gt=now), of(now=now).filter(expires_at__lte=now)


def _claimable(now: dt.datetime):
    # The open states follow from being due. Said in so many words, the index of open assets has them in their order;
    # without it each claim would sort the whole queue.
    rows = ArchiveAsset.objects.filter(leases.due(ArchiveAsset.machine, now), state__in=OPEN_STATES)
    return rows.filter(track__removed_at__isnull=True).order_by("expires_at", "pk")


def alarming(*, now: dt.datetime | None = None):
    """Open assets past the alarm day (S3-02), or within two days of their expiry (S3-10) with half of their life over:
    files of an hour are never further from it."""
    now = now or clock.now()
    old = Q(created_at__lt=now - dt.timedelta(days=settings.ARCHIVE_ALARM_DAYS))
    soon = Q(expires_at__lt=now + dt.timedelta(days=2), created_at__lt=now - (F("expires_at") - now))
    return ArchiveAsset.objects.filter(old | soon, state__in=OPEN_STATES)


def bring_forward(track: Track, *, now: dt.datetime) -> int:
    """Make the track's open assets due at once, also those given up; returns how many are due."""
    return hasten(ArchiveAsset.objects.filter(track=track), now=now)


def hasten(rows, *, now: dt.datetime) -> int:
    """Make these assets due at once where they are open or were given up; returns how many are due."""
    lost = rows.filter(state="lost")
    ArchiveAsset.machine.move_all(lost, "pending", next_at=now, attempts=0, crashes=0, gone_checks=0, gone_since=None)
    return rows.filter(state__in=DUE_STATES).update(next_at=now)
