"""What must hold after any fault, once the archive was given its time: nothing lost, nothing wrong, nothing left over."""

import datetime as dt
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from django.core.files.storage import storages
from django.db.models import Q

from apps.archive import orphans as archive_orphans
from apps.archive import schedule, working
from apps.archive.models import ArchiveAsset, ArchiveJob, LedgerEntry
from apps.catalog.files import ROLE_OF
from apps.catalog.models import Blob, Track, TrackFile
from apps.lib import clock, spool, storage

MOST_ROUNDS = 12
LATER = dt.timedelta(days=3)


@dataclass
class Kept:
    """What was found, each time with the rows in question; all but `archived` is never anything but empty."""

    archived: int = 0
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    without_bytes: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)  # the ledger's last word is another than the row's
    open: list[str] = field(default_factory=list)  # a lease past its time, or a job of nobody

    @property
    def sound(self) -> bool:
        return not (self.lost or self.wrong or self.without_bytes or self.untold or self.open)

    def __str__(self) -> str:
        counts = {"lost": self.lost, "wrong": self.wrong, "without bytes": self.without_bytes}
        counts |= {"not as the ledger says": self.untold, "open": self.open}
        return ", ".join(f"{len(rows)} {what}" for what, rows in counts.items())


def until_done(track: Track | None = None) -> int:
    """Run again until nothing of the track, or nothing at all, is open; returns how many runs that took."""
    rows = ArchiveAsset.objects.filter(Q(track=track) if track else Q())
    for number in range(1, MOST_ROUNDS + 1):
        time_passes(rows)
        working.work(limit=100_000, seconds=900, track=track)
        while working.work_quarantined(track=track):
            pass
        if not rows.exclude(state="archived").exists():
            return number
    raise AssertionError(f"not archived: {Counter(rows.values_list('state', 'error_code'))}")


def time_passes(rows) -> None:
    """The leases of the dead run out, and what waits is due."""
    rows.filter(state="running").update(lease_until=clock.now() - dt.timedelta(seconds=1))
    schedule.keep_house()
    rows.filter(state__in=["retrying", "gone_suspect", "quarantined"]).update(next_at=clock.now())


def always(published: dict[str, str], track: Track | None = None) -> Kept:
    """What holds at any moment, also while the dead lie about: compare rows with their bytes and with the ledger.

    `published` says the SHA-256 of what stands at each URL.
    """
    found, where = Kept(), Q(track=track) if track else Q()
    assets = list(ArchiveAsset.objects.filter(where).select_related("blob"))
    files = {(file.track_id, file.role): file.blob_id for file in TrackFile.objects.filter(where)}
    entries = LedgerEntry.objects.filter(Q(track=track.pk) if track else Q(asset__isnull=False))
    told = {entry.asset: entry for entry in entries.order_by("asset", "-seq").distinct("asset")}
    for asset in assets:
        name = f"{asset.kind} of {asset.track_id}"
        found.archived += asset.state == "archived"
        entry, sha256 = told.get(asset.pk), asset.blob.sha256 if asset.blob else ""
        if asset.blob is not None:
            attached = files.get((asset.track_id, ROLE_OF[asset.kind])) == asset.blob_id
            if sha256 != published[asset.source_url] or not attached:
                found.wrong.append(name)
        if entry is None or (asset.state != "running" and (entry.state_to, entry.sha256) != (asset.state, sha256)):
            found.untold.append(f"{name}: {asset.state}, {entry and entry.event}")
        if asset.state == "archived" and (entry.event, entry.token) != ("archived", asset.token):
            found.untold.append(f"{name}: {entry.event} by {entry.token}")
    held = {asset.blob.pk: asset.blob for asset in assets if asset.blob}
    for blob in held.values() if track else Blob.objects.all():
        if not storage.exists(blob.key):
            found.without_bytes.append(blob.key)
        elif storage.examine(blob.key, size=blob.size).what:
            found.wrong.append(blob.key)
    return found


def kept(published: dict[str, str], track: Track | None = None) -> Kept:
    """What holds when all is done."""
    found, where = always(published, track), Q(track=track) if track else Q()
    open_ = ArchiveAsset.objects.filter(where).exclude(state="archived")
    found.lost += [f"{asset.kind} of {asset.track_id}: {asset.state}" for asset in open_]
    found.open += [str(asset.pk) for asset in ArchiveAsset.objects.filter(where, lease_until__isnull=False)]
    jobs = ArchiveJob.objects.filter(where)
    found.open += [f"job of {job.track_id}" for job in jobs.filter(status__in=["pending", "processing"])]
    closed = jobs.filter(status="completed").values("track")
    unclosed = ArchiveAsset.objects.filter(where).exclude(track__in=closed)
    found.open += [f"no job of {asset.track_id} ended well" for asset in unclosed]
    return found


def orphans() -> list[Path]:
    """Files in a local store that no row names, and half-written ones. Two names of the same file are one."""
    root = Path(storages["blobs"].location)
    named = set(Blob.objects.values_list("key", flat=True))
    files = (path for path in root.rglob("*") if path.is_file() and str(path.relative_to(root)) not in named)
    return list({path.stat().st_ino: path for path in files}.values())


def orphans_left() -> int:
    """What the sweep of the day after tomorrow leaves."""
    archive_orphans.sweep(now=clock.now() + LATER)
    return len(orphans())


def spool_left() -> int:
    """What lies in the spool and the sweep of tomorrow does not take."""
    spool.sweep(now=time.time() + 2 * spool.ABANDONED_AFTER_S)
    return len(list(spool._root().glob("job-*")))
