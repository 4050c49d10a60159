"""What the archive tells its ledger: facts that travel with a move, and what became of stored bytes.

The entries themselves are written by the database (`migrations/0005_ledger.py`), whoever moves an asset.
"""

import datetime as dt
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.db import connection, transaction
from django.db.models import Max
from psycopg.types.json import Jsonb

from apps.archive.models import TOLD, ArchiveAsset, LedgerEntry
from apps.catalog.models import Blob
from apps.lib.fetch import Fetched
from apps.lib.media import Probe

LONGEST = 100  # characters of a fact that somebody else chose
PAGE = 2_000
_COLUMNS = (
    "seq", "at", "asset", "track", "kind", "event", "state_from", "state_to", "token", "attempts", "crashes", "origin",
    "url_sha256", "sha256", "size", "error_code", "facts",
)  # fmt: skip


def answered(fetched: Fetched) -> dict:
    """What the source answered, for the ledger; of the last address its host alone."""
    return {
        "status": fetched.status,
        "content_type": fetched.content_type[:LONGEST],
        "declared_bytes": fetched.declared,
        "bytes": fetched.size,
        "received_sha256": fetched.sha256,
        "final_host": (urlsplit(fetched.final_url).hostname or "")[:LONGEST],
    }


def read(probe: Probe) -> dict:
    """What the decoder found, for the ledger."""
    return {"format": probe.format.name, "duration_ms": probe.duration_ms}


def refused(failure: Exception) -> dict:
    """What a source answered that gave no file; nothing where it gave no answer."""
    told = {"status": getattr(failure, "status", None), "retry_after_s": getattr(failure, "retry_after", None)}
    return {name: value for name, value in told.items() if isinstance(value, int | float)}


@transaction.atomic
def tell(*, sha256: str, event: str, **facts) -> int:
    """Note what became of these bytes, one of TOLD: for each asset that holds them, else once without.

    `facts` are small JSON values, no names of people. Returns the number of entries.
    """
    if event not in TOLD:
        raise ValueError(f"{event} is not one of {', '.join(TOLD)}")
    blob = Blob.objects.get(sha256=sha256)
    held = ArchiveAsset.objects.filter(blob=blob).select_for_update(no_key=True).order_by("pk")
    keys = list(held.values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT archive_tell(asset, %s, asset.state, asset.state, %s)
            FROM archive_archiveasset AS asset WHERE id = ANY (%s) ORDER BY id""",
            [event, Jsonb(facts), keys],
        )
        if not keys:
            cursor.execute(
                """INSERT INTO archive_ledgerentry (kind, event, state_from, state_to, token, attempts, crashes, origin,
                    url_sha256, sha256, size, error_code, facts)
                VALUES ('', %s, '', '', 0, 0, 0, '', '', %s, %s, '', %s)""",
                [event, sha256, blob.size, Jsonb(facts)],
            )
    return max(1, len(keys))


def last_seq() -> int:
    return LedgerEntry.objects.aggregate(last=Max("seq"))["last"] or 0


def between(after: int, to: int) -> Iterator[dict]:
    """The entries behind `after` up to `to` in their order, as a manifest holds them, page by page."""
    while True:
        rows = LedgerEntry.objects.filter(seq__gt=after, seq__lte=to).order_by("seq")
        page = list(rows.values(*_COLUMNS)[:PAGE])
        yield from map(_plain, page)
        if len(page) < PAGE:
            return
        after = page[-1]["seq"]


def _plain(row: dict) -> dict:
    """As JSON can say it; the time in UTC with all its microseconds."""
    at = row["at"].astimezone(dt.UTC).isoformat(timespec="microseconds")
    return row | {"at": at, "asset": row["asset"] and str(row["asset"]), "track": row["track"] and str(row["track"])}
