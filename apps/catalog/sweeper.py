"""Bytes leave the store here and nowhere else: those that no row has held for two days (design rule 4)."""

import datetime as dt
import logging
import time
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet, Sum

from apps.catalog import files
from apps.catalog.models import Blob
from apps.lib import clock, locks, storage
from apps.lib.storage import COPY

log = logging.getLogger(__name__)

# As long as a removal by mistake can be put right from the store.
KEPT = dt.timedelta(hours=48)
NO_END = float("inf")


@dataclass
class Swept:
    """What a sweep found and did; `bytes` of what was removed, or would be."""

    unused: int = 0
    removed: int = 0
    bytes: int = 0
    left: int = 0


def unused() -> QuerySet[Blob]:
    """Blobs that no row of any table points at, also of apps that this one does not know."""
    relations = (field for field in Blob._meta.get_fields(include_hidden=True) if field.one_to_many or field.one_to_one)
    holders = (relation.related_model._base_manager.filter(**{relation.field.name: OuterRef("pk")})
               for relation in relations)  # fmt: skip
    return Blob.objects.filter(*(~Exists(rows) for rows in holders))


def due(*, now: dt.datetime) -> QuerySet[Blob]:
    return unused().filter(unused_since__lte=now - KEPT)


def sweep(*, now: dt.datetime | None = None, seconds: float = NO_END) -> Swept:
    """Note what is unused since now, and remove what has been for long enough; stops after so many seconds."""
    now, until = now or clock.now(), time.monotonic() + seconds
    _note(now)
    swept = Swept(unused=unused().count())
    for blob in list(due(now=now).order_by("unused_since", "pk")):
        if time.monotonic() > until:
            break
        if _removed(blob, now):
            swept.removed += 1
            swept.bytes += blob.size
        else:
            swept.left += 1
    return swept


def preview(*, now: dt.datetime | None = None) -> Swept:
    """What a sweep would do now; changes nothing."""
    rows = due(now=now or clock.now())
    return Swept(unused().count(), rows.count(), rows.aggregate(bytes=Sum("size"))["bytes"] or 0)


def _note(now: dt.datetime) -> None:
    Blob.objects.filter(unused_since__isnull=False).exclude(pk__in=unused().values("pk")).update(unused_since=None)
    unused().filter(unused_since__isnull=True).update(unused_since=now)


def _removed(blob: Blob, now: dt.datetime) -> bool:
    """False when it is used again or the store did not delete it: the row is still there then, for the next sweep.

    Whoever stores the same bytes holds their name until the rows are written: then they are left alone.
    """
    try:
        with locks.alone(files.content(blob.sha256)) as mine:
            if not (mine and _row_and_bytes_deleted(blob, now)):
                return False
            _copy_deleted(blob)
            return True
    except storage.StorageFailed as failure:
        log.error("blob %s was not removed, the next sweep tries again: %s", blob.key, failure.message)
        return False


@transaction.atomic
def _row_and_bytes_deleted(blob: Blob, now: dt.datetime) -> bool:
    """The one network call inside a transaction: bytes without a row would stay for ever, as nobody looks for them.

    Whoever dies at it leaves the row, and deleting again is harmless. Until the end the row's lock lets nobody name it;
    afterwards who tries fails loudly instead of naming nothing.
    """
    if not Blob.objects.select_for_update().filter(pk=blob.pk).exists():
        return False
    if not due(now=now).filter(pk=blob.pk).delete()[0]:
        return False
    with connection.cursor() as cursor:  # the slowest store answers after both tries of 35 s; the site's limit is 60 s
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '120s'")
    storage.remove(blob.key)
    return True


def _copy_deleted(blob: Blob) -> None:
    """After the row, and still while nobody can store the same bytes: a second place that is away keeps no row alive.

    What stays there then is named by nobody, and swept as such.
    """
    if COPY in storage.places():
        try:
            storage.remove(blob.key, place=COPY)
        except storage.StorageFailed as failure:
            log.warning("the copy of %s was not removed: %s", blob.key, failure.message)
