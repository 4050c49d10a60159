"""Every stored file has its copy in a second place, where one is set: the rows without one are the queue."""

import datetime as dt
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet, Sum

from apps.archive.models import STANDING, Finding
from apps.catalog import files
from apps.catalog.models import Blob
from apps.lib import clock, locks, storage
from apps.lib.errors import Refusal
from apps.lib.storage import COPY, MAIN

log = logging.getLogger(__name__)

AT_ONCE = 50
# After so many failures in a row it is a place that is away, and no file.
TIRED = 3
AGAIN = dt.timedelta(hours=1)
LATE = dt.timedelta(days=1)
NO_END = float("inf")


@dataclass
class Copied:
    """What a run did; `left` is still without a copy."""

    files: int = 0
    bytes: int = 0
    failed: int = 0
    left: int = 0


def _uncopied() -> QuerySet[Blob]:
    """Without a copy, but for what is damaged: of that the findings tell."""
    damaged = Finding.objects.filter(sha256=OuterRef("sha256"), place=MAIN, state__in=STANDING)
    return Blob.objects.filter(~Exists(damaged), copied_at__isnull=True)


def waiting() -> QuerySet[Blob]:
    """Without a copy, the oldest first; what is damaged or did not answer waits until it was looked at."""
    return _uncopied().filter(check_at__isnull=True).order_by("pk")


def run(
    *,
    now: dt.datetime | None = None,
    seconds: float = NO_END,
    most: float = NO_END,
    told: Callable[[Copied], None] | None = None,
) -> Copied:
    """Copy what has no copy yet, one run at a time, until the seconds or so many bytes are used up."""
    done, until = Copied(), time.monotonic() + seconds
    if COPY not in storage.places():
        return done
    with locks.alone("copies") as first:
        tired = 0
        while first and tired < TIRED and (blobs := list(waiting()[:AT_ONCE])):
            for blob in blobs:
                if tired == TIRED or done.bytes >= most or time.monotonic() > until:
                    first = False
                    break
                tired = 0 if _copied(blob, done, now or clock.now()) else tired + 1
                if told is not None:
                    told(done)
    done.left = waiting().count()
    return done


def _copied(blob: Blob, done: Copied, now: dt.datetime) -> bool:
    try:
        with files.kept(blob) as there:
            if there:
                files.copy(blob, source=MAIN, target=COPY)
                Blob.objects.filter(pk=blob.pk).update(copied_at=now, copy_verified_at=now)
                done.files += 1
                done.bytes += blob.size
        return True
    except (Refusal, OSError) as failure:
        log.warning("blob %s was not copied: %s", blob.sha256, getattr(failure, "message", failure))
        # Looked at then: whichever place it was, what is damaged is found and what is not comes back.
        Blob.objects.filter(pk=blob.pk).update(check_at=now + AGAIN)
        done.failed += 1
        return False


def missing() -> dict:
    """How many files and bytes have no copy; nothing where there is no second place."""
    if COPY not in storage.places():
        return {"copies_missing": 0, "bytes_without_copy": 0}
    rows = Blob.objects.filter(copied_at__isnull=True)
    return {"copies_missing": rows.count(), "bytes_without_copy": rows.aggregate(n=Sum("size"))["n"] or 0}


def late(*, now: dt.datetime) -> QuerySet[Blob]:
    """What has had no copy for more than a day; nothing where there is no second place."""
    if COPY not in storage.places():
        return Blob.objects.none()
    return _uncopied().filter(created_at__lt=now - LATE)


def forget() -> int:
    """The second place is another one now: every file is to be copied anew; returns how many."""
    return Blob.objects.filter(copied_at__isnull=False).update(copied_at=None, copy_verified_at=None)
