"""All stored bytes are read again within SCRUB_DAYS, in every place; the rows say what was read when.

The longest unread comes first, so a run that was killed or never came is nothing but the next one's beginning.
"""

import datetime as dt
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import Count, F, Min, Q, QuerySet, Sum

from apps.archive import copies, repairs
from apps.archive.models import PRESSING, Finding
from apps.archive.repairs import VERIFIED
from apps.catalog import files
from apps.catalog.models import Blob
from apps.lib import clock, locks, storage
from apps.lib.errors import Refusal
from apps.lib.storage import COPY, MAIN

log = logging.getLogger(__name__)

DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
# What did not answer is read again after an hour, what stays damaged is tried again after a day.
UNREAD_FOR, DAMAGED_FOR = HOUR, DAY
TIRED = 3  # failures in a row after which a place is left alone until the next run
NO_END = float("inf")
# Since when a place has it: what was read since is read again. A blob's own reading back is of the same moment.
SINCE = {MAIN: "created_at", COPY: "copied_at"}
FIRST = dt.timedelta(minutes=1)


@dataclass
class Looked:
    """What a run read and found. `damaged` counts places of files, `unread` those where the store did not answer."""

    files: int = 0
    bytes: int = 0
    damaged: int = 0
    repaired: int = 0
    unread: int = 0
    tired: Counter = field(default_factory=Counter, repr=False)


class _Pace:
    """Keeps the reading to so many bytes a second, on the whole."""

    def __init__(self, most: int):
        self.most, self.read, self.began = most, 0, time.monotonic()

    def __call__(self, size: int) -> None:
        self.read += size
        if self.most:
            time.sleep(max(0.0, self.read / self.most - (time.monotonic() - self.began)))


def run(
    *,
    now: dt.datetime | None = None,
    seconds: float = NO_END,
    place: str = "",
    most: float | None = None,
    repair: bool = True,
    told: Callable[[Looked], None] | None = None,
) -> Looked | None:
    """Read what is due: what was asked for, then the longest unread. None when somebody else is at it.

    With `most` so many bytes whether they are due or not (`NO_END`: all of them), of one `place` or of each.
    """
    now, until = now or clock.now(), time.monotonic() + seconds
    looked, pace = Looked(), _Pace(settings.SCRUB_BYTES_PER_SECOND)
    wanted = [name for name in storage.places() if place in ("", name)]
    left = {name: _allowance(name, now) if most is None else most for name in wanted}
    with locks.alone("scrub") as first:
        if not first:
            return None
        repairs.settle_gone()
        for blob, names in _next(wanted, left, now, every=most == NO_END, looked=looked):
            if time.monotonic() > until:
                break
            attend(blob, names, now=now, repair=repair, looked=looked, pace=pace)
            if told is not None:
                told(looked)
    return looked


def _next(
    wanted: list[str], left: dict[str, float], now: dt.datetime, *, every: bool, looked: Looked
) -> Iterator[tuple[Blob, list[str]]]:
    asked = Blob.objects.filter(check_at__isnull=False) if every else Blob.objects.filter(check_at__lte=now)
    for blob in list(asked.order_by("check_at", "pk")):
        if any(looked.tired[name] < TIRED for name in wanted):
            yield blob, wanted
    late, going = now - dt.timedelta(days=settings.SCRUB_DAYS) + DAY, list(wanted)
    while going:
        for name in list(going):
            blob = in_turn(name).filter(**{f"{VERIFIED[name]}__lt": now}).first()
            overdue = blob is not None and getattr(blob, VERIFIED[name]) < late
            if blob is None or looked.tired[name] >= TIRED or (left[name] <= 0 and not overdue):
                going.remove(name)
                continue
            left[name] -= blob.size
            yield blob, [name]


def in_turn(place: str) -> QuerySet[Blob]:
    """What this place should have, the longest unread first, but for what has a time of its own to be looked at."""
    column = VERIFIED[place]
    return Blob.objects.filter(check_at__isnull=True, **{f"{column}__isnull": False}).order_by(column, "pk")


def _allowance(place: str, now: dt.datetime) -> float:
    """Bytes that may be read now: a day's share less what was read within a day, and no more than an hour's likewise.

    What is about to be overdue is read beyond it, so that neither growth nor a standstill breaks the promise.
    """
    total = in_turn(place).aggregate(n=Sum("size"))["n"] or 0
    daily = total / settings.SCRUB_DAYS
    return min(daily - _read(place, now - DAY), daily / 24 - _read(place, now - HOUR))


def _read(place: str, since: dt.datetime) -> int:
    column = VERIFIED[place]
    again = {f"{column}__gt": since, f"{column}__gte": F(SINCE[place]) + FIRST}
    return Blob.objects.filter(**{f"{column}__gt": since}).filter(**again).aggregate(n=Sum("size"))["n"] or 0


def attend(
    blob: Blob,
    places: list[str],
    *,
    now: dt.datetime | None = None,
    repair: bool = True,
    looked: Looked | None = None,
    pace: Callable[[int], None] | None = None,
) -> Looked:
    """Read this one blob in these places, repair what is wrong, and note when it is to be looked at again."""
    now, looked = now or clock.now(), looked if looked is not None else Looked()
    again, facts, places = None, {}, list(places)
    for place in places:
        if getattr(blob, VERIFIED[place]) is None:
            continue  # has no copy yet
        outcome = _look(blob, place, now, repair, looked, pace)
        looked.tired[place] = looked.tired[place] + 1 if outcome == "unread" else 0
        if outcome == "well":
            facts |= repairs.read_at(place, now)
        elif outcome != "gone":
            # What stays damaged waits for its day; then all that there is of it is known.
            places += [other for other in storage.places() if other not in places]
            wait = now + (DAMAGED_FOR if outcome == "damaged" else UNREAD_FOR)
            again = min(filter(None, (again, wait)))
    Blob.objects.filter(pk=blob.pk).update(check_at=again, **facts)
    return looked


def _look(blob: Blob, place: str, now: dt.datetime, repair: bool, looked: Looked, pace) -> str:
    """well, damaged, unread, gone, or waiting: a damage whose repair met a place that does not answer."""
    looked.files += 1
    try:
        verdict = storage.examine(blob.key, size=blob.size, place=place, told=pace)
        looked.bytes += verdict.size
        if verdict.what:
            with files.kept(blob) as there:
                if not there:
                    return "gone"
                # Once more while nobody deletes it: one wrong answer may be the network's, or the memory's.
                verdict = storage.examine(blob.key, size=blob.size, place=place)
                finding = repairs.note(blob, place, verdict, now=now) if verdict.what else None
    except (Refusal, OSError) as failure:
        looked.unread += 1
        log.warning("blob %s was not read in %s: %s", blob.sha256, place, getattr(failure, "message", failure))
        return "unread"
    if not verdict.what:
        repairs.settle_well(blob, place, now=now)
        return "well"
    looked.damaged += 1
    return _mended(finding, now, looked) if repair else "damaged"


def _mended(finding: Finding, now: dt.datetime, looked: Looked) -> str:
    try:
        if repairs.mend(finding, now=now) != "repaired":
            return "damaged"
    except (Refusal, OSError) as failure:
        log.warning("%s waits for its repair: %s", finding, getattr(failure, "message", failure))
        return "waiting"
    looked.repaired += 1
    return "well"


def standing(*, now: dt.datetime | None = None) -> dict:
    """How well the bytes are looked after, over all places.

    `bytes_total`, `bytes_checked` (read within SCRUB_DAYS), `oldest_check` (time, None for an empty store), `unread`
    (the store did not answer), `open_findings`, `unrepairable_findings`, `copies_missing`, `bytes_without_copy`.
    """
    now = now or clock.now()
    since, found = now - dt.timedelta(days=settings.SCRUB_DAYS), {"bytes_total": 0, "bytes_checked": 0}
    oldest = []
    for place in storage.places():
        column = VERIFIED[place]
        rows = Blob.objects.filter(**{f"{column}__isnull": False})
        fresh = Sum("size", filter=Q(**{f"{column}__gte": since}))
        sums = rows.aggregate(total=Sum("size"), checked=fresh, oldest=Min(column))
        found["bytes_total"] += sums["total"] or 0
        found["bytes_checked"] += sums["checked"] or 0
        oldest += filter(None, [sums["oldest"]])
    damages = Finding.objects.filter(state__in=PRESSING).aggregate(
        open_findings=Count("pk"), unrepairable_findings=Count("pk", filter=Q(state="unrepairable"))
    )
    waiting = Blob.objects.filter(check_at__isnull=False).count()
    return {**found, "oldest_check": min(oldest, default=None), "to_check": waiting, **damages, **copies.missing()}
