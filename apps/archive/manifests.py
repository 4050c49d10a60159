"""Closed days of the ledger: each day's entries as hash-chained lines in the store (decision 0063).

Why no entry is missing. Numbers and times are drawn before their transaction commits, so neither says what is still on
the way. Hence whoever writes an entry first takes `LOCK` together with all writers and keeps it to the end of the
transaction; the database does that itself, before it draws the number. Who closes a day takes the lock alone for one
look: at that moment every entry with a smaller number is committed or never will be, and every later one gets a greater
number. A manifest holds the numbers behind the former manifest's last, up to the greatest whose time is of its day or
before. The intervals touch, so each entry is in exactly one of them, also when the clock is set back: then it is in the
next. The look waits in short turns, so that no writer stands behind it for long.
"""

import datetime as dt
import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import IO

from django.db import transaction
from django.db.models import Count, Max, Min

from apps.archive import ledger, verifying
from apps.archive.models import LedgerEntry, Manifest
from apps.catalog import files
from apps.lib import batches, clock, locks, spool, storage
from apps.lib.formats import Format

log = logging.getLogger(__name__)

LOCK = 7_201_304  # as the trigger of the ledger's table has it
LINES = Format("ndjson", "application/x-ndjson", "ndjson", "", "text", "")

Told = Callable[[int], None]


def head() -> dict | None:
    """The newest closed day and its SHA-256, which stands for everything before it; None before the first."""
    return Manifest.objects.order_by("-day").values("day", "sha256").first()


def close(*, now: dt.datetime | None = None, told: Told = lambda rows: None) -> list[Manifest]:
    """Close every day that is over (UTC) and not closed yet, the oldest first; those that were closed now.

    Who comes while another one is at it leaves. A refusal of the store (STORAGE_FAILED, DISK_FULL) leaves the day open
    for the next look. Not inside a transaction. `told` hears how many entries were written.
    """
    today, closed = (now or clock.now()).astimezone(dt.UTC).date(), []
    with locks.alone("close the ledger's days") as mine:
        while mine and (day := _next_day()) is not None and day < today:
            closed.append(_close(day, told))
    return closed


def unclosed(*, now: dt.datetime | None = None) -> tuple[int, dt.date | None]:
    """How many days are over (UTC) and not closed, and the first of them."""
    today, first = (now or clock.now()).astimezone(dt.UTC).date(), _next_day()
    return ((today - first).days, first) if first and first < today else (0, None)


def _next_day() -> dt.date | None:
    """The day after the last closed one, at first the day of the first entry; None before there is any."""
    newest = head()
    if newest:
        return newest["day"] + verifying.DAY
    first = LedgerEntry.objects.order_by("seq").values_list("at", flat=True).first()
    return first and first.astimezone(dt.UTC).date()


def _close(day: dt.date, told: Told) -> Manifest:
    before = Manifest.objects.order_by("-day").first()
    after = Manifest.objects.aggregate(last=Max("last_seq"))["last"] or 0
    rows = LedgerEntry.objects.filter(seq__gt=after, seq__lte=_cut(day, after))
    found = rows.aggregate(count=Count("seq"), first=Min("seq"), last=Max("seq"))
    top = verifying.header(day=day, previous=before.sha256 if before else "", **found)
    spool.check_room()
    with spool.file() as out:
        _write(out, top, after, told)
        with files.stored(Path(out.name), form=LINES) as stored, transaction.atomic():
            manifest = Manifest.objects.create(
                day=day, sha256=stored.sha256, previous=top["previous"], entries=top["count"], first_seq=top["first"],
                last_seq=top["last"], blob=stored.blob,
            )  # fmt: skip
    log.info("ledger of %s closed: %s entries, head %s", day, manifest.entries, manifest.sha256)
    return manifest


def _cut(day: dt.date, after: int) -> int:
    """The last number of the day. Nothing that is still on its way has a smaller one."""
    midnight = dt.datetime.combine(day + verifying.DAY, dt.time(), dt.UTC)

    def look(cursor) -> int:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute("SELECT max(seq) FROM archive_ledgerentry WHERE seq > %s AND at < %s", [after, midnight])
        return cursor.fetchone()[0] or after

    return batches.patiently(look, f"close {day}")


def _write(out: IO[bytes], top: dict, after: int, told: Told) -> None:
    """The whole manifest into the file; ValueError when the rows are not as many as they were counted."""
    line, before = verifying.sealed(top, "")
    lines, n = [line], 0
    for n, entry in enumerate(ledger.between(after, top["last"] or after), 1):
        line, before = verifying.sealed({"n": n, **entry}, before)
        lines.append(line)
        if len(lines) == ledger.PAGE:
            out.write(b"".join(lines))
            told(len(lines))
            lines.clear()
    out.write(b"".join(lines))
    if n != top["count"]:
        raise ValueError(f"{n} entries of {top['day']} where {top['count']} were counted")


def index(rows) -> dict:
    """What the offline verifier takes beside the files."""
    found = [{"day": m.day.isoformat(), "sha256": m.sha256, "entries": m.entries} for m in rows]
    return {"format": verifying.FORMAT, "version": verifying.VERSION, "manifests": found}


def export(into: Path, *, since: dt.date | None = None, told: Told = lambda rows: None) -> int:
    """Every manifest as a file of its day, and the index; returns how many. What is there whole is not copied again.

    The folder needs nothing of this site: `verifying.py` is put beside them.
    """
    into.mkdir(parents=True, exist_ok=True)
    rows = chosen(since)
    for manifest in rows:
        target = into / f"{manifest.day}{verifying.SUFFIX}"
        if not _holds(target, manifest.sha256):
            _copy_to(target, manifest)
        told(1)
    (into / "verifying.py").write_bytes(Path(verifying.__file__).read_bytes())
    (into / verifying.INDEX).write_text(json.dumps(index(rows), indent=1) + "\n")
    return len(rows)


def _copy_to(target: Path, manifest: Manifest) -> None:
    """STORAGE_FAILED names the day; what is wrong is looked at next, and put right where it can be."""
    try:
        storage.copy_to(manifest.blob.key, target, sha256=manifest.sha256, place=manifest.blob.place())
    except storage.StorageFailed as failure:
        manifest.blob.ask()
        raise storage.StorageFailed(f"{manifest.day}: {failure.message}") from failure


def _holds(path: Path, sha256: str) -> bool:
    if not path.exists():
        return False
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest() == sha256


def chosen(since: dt.date | None = None) -> list[Manifest]:
    """The manifests of these days, the oldest first."""
    rows = Manifest.objects.select_related("blob").order_by("day")
    return list(rows.filter(day__gte=since) if since else rows)
