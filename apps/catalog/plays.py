"""Plays: who heard what is a row, and a beat counts the rows (C-17, S0-12, decision 0037).

A play counts once per listener and track within a window. `play_count`, the plays of a day and the popularity follow
from the rows within a minute; rows that were counted are dropped after a while and what was counted of them stays.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import CharField, QuerySet, Sum, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone
from django.utils.crypto import salted_hmac

from apps.catalog.models import Play, PlayDay, Track

AT_ONCE = 5000
# A play is worth half after this many days; a million plays of today are a popularity of 100.
HALF_LIFE_DAYS = 30
FULL = 1_000_000
DAYS, MOST_DAYS = 30, 366

ADD_TO_TRACKS = """
UPDATE catalog_track SET play_count = play_count + counted.plays
FROM unnest(%s::uuid[], %s::bigint[]) AS counted (id, plays) WHERE catalog_track.id = counted.id
"""
ADD_TO_DAYS = """
INSERT INTO catalog_playday (track_id, day, plays) SELECT * FROM unnest(%s::uuid[], %s::date[], %s::bigint[])
ON CONFLICT (track_id, day) DO UPDATE SET plays = catalog_playday.plays + excluded.plays
"""
# 100 · ln(1 + decayed plays) / ln(1 + FULL), at most 100: the same plays are worth the same, whatever others have.
# What stands there fades at least as fast as a number of plays alone, for ln is concave: it never holds such a one up.
WEIGH = """
UPDATE catalog_track SET popularity_score = weighed.score FROM (
    SELECT track.id, greatest(
        trunc(track.popularity_score * power(0.5, %(days)s / %(half)s::numeric), 2),
        round(least(100, 100 * ln(1 + sum(
            plays * power(0.5::float8, greatest(0, %(today)s::date - day) / %(half)s::float8)
        )) / ln(1 + %(full)s::float8))::numeric, 2)
    ) AS score
    FROM catalog_track AS track JOIN catalog_playday ON track_id = track.id
    WHERE track.id = ANY (%(tracks)s::uuid[]) GROUP BY track.id
) AS weighed
WHERE catalog_track.id = weighed.id AND catalog_track.popularity_score <> weighed.score
"""


@dataclass(frozen=True)
class Day:
    """Plays counted on one UTC day."""

    day: dt.date
    plays: int


def listener(user, network: str, *, now: dt.datetime | None = None) -> str:
    """Who listens, as a keyed hash: the person, or the visitor's network on this day. It leads back to no address."""
    day = (now or timezone.now()).astimezone(dt.UTC).date()
    who = f"person {user.pk}" if user.is_authenticated else f"network {network} on {day}"
    return salted_hmac("apps.catalog.plays", who, algorithm="sha256").hexdigest()


def play(*, track: Track, user, network: str, now: dt.datetime | None = None) -> bool:
    """Somebody heard the track; whether it counts. `track` came through `visible_to(user)`.

    Again within the window does not count, nor does the owner's own listening. Two at once are one: they meet at the
    unique key.
    """
    if user.is_authenticated and track.owner_id == user.pk:
        return False
    now = now or timezone.now()
    who, length = listener(user, network, now=now), window(track)
    if Play.objects.filter(track=track, listener=who, played_at__gt=now - length).exists():
        return False
    known = {"user": user if user.is_authenticated else None, "played_at": now}
    _, new = Play.objects.get_or_create(track=track, listener=who, window=_start(now, length), defaults=known)
    return new


def window(track: Track) -> dt.timedelta:
    """How long a listener counts once: the setting, or the track's length when that is more."""
    return max(settings.PLAY_WINDOW, dt.timedelta(milliseconds=track.duration_ms or 0))


def _start(now: dt.datetime, length: dt.timedelta) -> dt.datetime:
    zero = dt.datetime.fromtimestamp(0, dt.UTC)
    return zero + (now - zero) // length * length


# --- Counting -----------------------------------------------------------------------------------------------------
def count(*, track: UUID | None = None, limit: int = AT_ONCE, now: dt.datetime | None = None) -> int:
    """Count up to `limit` rows that were not counted yet; returns how many. 0: nothing is left that nobody has in hand.

    With `track` those of one track, before it is merged into another.

    One transaction: a row is marked and its track, day and popularity move with it, or nothing does. What another
    worker counts is left to it, and plays of a track that somebody holds to the next time: who waited here would have
    rows in hand that a merge waits for.
    """
    now = now or timezone.now()
    with transaction.atomic():
        mine = {"track": track} if track else {}
        waiting = Play.objects.filter(counted_at__isnull=True, **mine).select_related("track").order_by("pk")
        taken = waiting.select_for_update(skip_locked=True, of=("self", "track"), no_key=True)[:limit]
        found = list(taken.only("track__status", "played_at"))
        there = [row for row in found if row.track.status != "removed"]
        # Begun before its track's removal, written behind it.
        Play.objects.filter(pk__in={row.pk for row in found} - {row.pk for row in there}).delete()
        if there:
            Play.objects.filter(pk__in=[row.pk for row in there]).update(counted_at=now)
            _add(Counter((row.track_id, row.played_at.astimezone(dt.UTC).date()) for row in there))
            weigh(tracks={row.track_id for row in there}, now=now)
    return len(found)


def _add(plays: Counter[tuple[UUID, dt.date]]) -> None:
    days = sorted(plays)
    tracks = sorted({track for track, _ in days})
    totals = Counter()
    for (track, _), number in plays.items():
        totals[track] += number
    with connection.cursor() as cursor:
        cursor.execute(ADD_TO_TRACKS, [tracks, [totals[track] for track in tracks]])
        cursor.execute(ADD_TO_DAYS, [*map(list, zip(*days, strict=True)), [plays[day] for day in days]])


def _hold(tracks: Iterable[UUID]) -> None:
    """In the order in which everybody holds tracks, so that nobody waits for somebody who waits for them."""
    held = Track.objects.filter(pk__in=tracks).select_for_update(no_key=True).order_by("pk")
    list(held.values_list("pk"))


def weigh(*, tracks: Iterable[UUID], now: dt.datetime | None = None, days: int = 0) -> int:
    """Popularity of these tracks from their plays by day; returns how many changed.

    What stands there, such as what an import said, fades by `days` and holds until plays are worth more. A track that
    was never played keeps it as it is.
    """
    today, keys = (now or timezone.now()).astimezone(dt.UTC).date(), sorted(tracks)
    with transaction.atomic(), connection.cursor() as cursor:
        _hold(keys)
        cursor.execute(WEIGH, {"today": today, "half": HALF_LIFE_DAYS, "full": FULL, "tracks": keys, "days": days})
        return cursor.rowcount


def weigh_all(*, now: dt.datetime | None = None) -> int:
    """Daily: every track that was ever played, in portions; returns how many changed."""
    changed, last = 0, UUID(int=0)
    while keys := list(_played_after(last)[:AT_ONCE]):
        changed += weigh(tracks=keys, now=now, days=1)
        last = keys[-1]
    return changed


def _played_after(track: UUID) -> QuerySet:
    return PlayDay.objects.filter(track__gt=track).order_by("track").values_list("track", flat=True).distinct()


def forget(*, now: dt.datetime | None = None) -> int:
    """Daily: drop rows that were counted long ago; what was counted stays. Returns how many went."""
    old = Play.objects.filter(counted_at__isnull=False, played_at__lt=(now or timezone.now()) - settings.PLAY_KEPT)
    return old.delete()[0]


def disown(user) -> None:
    """The person leaves: of what is still to be counted nobody is known any more, what was counted goes."""
    theirs, nobody = Play.objects.filter(user=user), Concat(Value("left "), Cast("pk", CharField()))
    theirs.filter(counted_at__isnull=True).update(user=None, listener=nobody)
    theirs.delete()


# --- Telling ------------------------------------------------------------------------------------------------------
def by_day(*, track: Track, days: int = DAYS, now: dt.datetime | None = None) -> list[Day]:
    """The last `days` UTC days with today, oldest first, days without plays as 0."""
    today = (now or timezone.now()).astimezone(dt.UTC).date()
    first = today - dt.timedelta(days=days - 1)
    rows = PlayDay.objects.filter(track=track, day__range=(first, today))
    counted: dict[dt.date, int] = dict(rows.values_list("day").annotate(Sum("plays")))
    each = (first + dt.timedelta(days=number) for number in range(days))
    return [Day(day, counted.get(day, 0)) for day in each]


def told_to(user, track: Track) -> Sequence[Day]:
    """The plays by day for who may know them: the owner and staff who curate. For others nothing."""
    mine = user.is_authenticated and Track.objects.editable_by(user).filter(pk=track.pk).exists()
    return by_day(track=track) if mine else ()
