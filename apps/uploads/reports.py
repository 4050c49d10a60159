"""What compression saved, noted for staff whenever the files of a track are made (S0-16)."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from apps.accounts.models import User
from apps.catalog import derive, releasing
from apps.catalog.derive import Compression
from apps.catalog.models import Track
from apps.uploads.models import CompressionReport, Upload

DAYS = 30


@dataclass(frozen=True)
class Savings:
    """Of the last DAYS days: bytes saved by UTC day, today last; files, and bytes before and after."""

    days: list[tuple[dt.date, int]]
    files: int
    smaller: int
    original_size: int
    compressed_size: int
    processing_ms: int

    @property
    def saved(self) -> int:
        return self.original_size - self.compressed_size


def record(track: Track, sha256: str, compression: Compression) -> CompressionReport:
    """One report for each original of a track; made again, the last time counts.

    Where the original itself serves nothing was lost, whatever it is: quality is `lossless` and the ratio 1.
    """
    original, copy, profile = compression.original, compression.copy, compression.profile
    came = Upload.objects.filter(track=track, sha256=sha256).order_by("-pk").first()
    served = copy or original
    facts = {
        "user_id": came.user_id if came else track.owner_id,
        "file_name": came.file_name if came else "",
        "compressed_size": served.size,
        "ratio": round(Decimal(original.size) / served.size, 2),
        "processing_ms": compression.took_ms,
        "applied": copy is not None,
        "quality": profile.name if copy else CompressionReport.Quality.LOSSLESS,
        "bit_rate": profile.bit_rate if copy else original.bit_rate,
        "original_bit_rate": original.bit_rate,
    }
    # Two masters of one track that are equally long in bytes count as one; the later one is what serves.
    report, _ = CompressionReport.objects.update_or_create(track=track, original_size=original.size, defaults=facts)
    return report


def savings(*, viewer: User, today: dt.date) -> Savings:
    """What they may know of it; `today` is a UTC day."""
    first = today - dt.timedelta(days=DAYS - 1)
    start = dt.datetime.combine(first, dt.time(), dt.UTC)
    rows = CompressionReport.objects.visible_to(viewer).filter(created_at__gte=start).order_by()
    return Savings(_by_day(rows, first), **_totals(rows))


def _by_day(rows: QuerySet[CompressionReport], first: dt.date) -> list[tuple[dt.date, int]]:
    day = TruncDate("created_at", tzinfo=dt.UTC)
    saved = dict(rows.values_list(day).annotate(saved=Sum(F("original_size") - F("compressed_size"))))
    days = (first + dt.timedelta(days=n) for n in range(DAYS))
    return [(each, saved.get(each, 0)) for each in days]


def _totals(rows: QuerySet[CompressionReport]) -> dict[str, int]:
    sums = {name: Sum(name, default=0) for name in ("original_size", "compressed_size", "processing_ms")}
    return rows.aggregate(files=Count("pk"), smaller=Count("pk", filter=Q(applied=True)), **sums)


def forget(rows: QuerySet[CompressionReport]) -> None:
    """The numbers stay; whose file it was and what it was called goes."""
    rows.update(file_name="", user=None)


def _release(removed: QuerySet[Track]) -> None:
    forget(CompressionReport.objects.filter(track__in=removed.values("pk")))


derive.on_made("reports", record)
releasing.register("reports", _release)
