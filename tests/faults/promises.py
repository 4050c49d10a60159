"""What must hold after any fault, once the archive was given its time: nothing lost, nothing wrong, nothing left over."""

import datetime as dt
import hashlib
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from django.core.files.storage import storages

from apps.archive import schedule, working
from apps.archive.models import ArchiveAsset, ArchiveJob
from apps.catalog.models import Blob, TrackFile
from apps.lib import clock, spool, storage

ROLES = {"audio": "original", "cover": "cover", "video": "video"}
MOST_ROUNDS = 12


@dataclass
class Kept:
    """What was found: the first four are never anything but 0."""

    lost: int = 0
    wrong: int = 0
    without_bytes: int = 0
    open: int = 0
    orphans: int = 0
    archived: int = 0

    @property
    def sound(self) -> bool:
        return not (self.lost or self.wrong or self.without_bytes or self.open)


def time_passes() -> None:
    """Leases of the dead run out, and what waits is due."""
    now = clock.now()
    ArchiveAsset.objects.filter(state="running").update(lease_until=now - dt.timedelta(seconds=1))
    schedule.keep_house()
    waiting = ArchiveAsset.objects.filter(state__in=["retrying", "gone_suspect", "quarantined"])
    waiting.update(next_at=clock.now())


def until_done() -> int:
    """Run again until nothing is open; returns how many runs that took."""
    for number in range(1, MOST_ROUNDS + 1):
        time_passes()
        working.work(limit=100_000, seconds=300)
        while working.work_quarantined():
            pass
        if not ArchiveAsset.objects.exclude(state="archived").exists():
            return number
    raise AssertionError(f"not archived: {Counter(ArchiveAsset.objects.values_list('state', 'error_code'))}")


def kept(published: dict[str, bytes]) -> Kept:
    """Compare every row with its bytes; `published` says what stands at each URL."""
    found = Kept()
    assets = ArchiveAsset.objects.select_related("blob")
    files = {(file.track_id, file.role): file.blob_id for file in TrackFile.objects.all()}
    for asset in assets:
        found.archived += asset.state == "archived"
        found.lost += asset.state != "archived"
        found.open += asset.state == "running"
        if asset.blob is not None:
            right = asset.blob.sha256 == hashlib.sha256(published[asset.source_url]).hexdigest()
            found.wrong += not right or files.get((asset.track_id, ROLES[asset.kind])) != asset.blob_id
    for blob in Blob.objects.all():
        if not storage.exists(blob.key):
            found.without_bytes += 1
        else:
            with storage.open(blob.key) as stored:
                found.wrong += hashlib.sha256(stored.read()).hexdigest() != blob.sha256
    found.open += ArchiveJob.objects.filter(status__in=["pending", "processing"]).count()
    found.orphans = len(orphans())
    return found


def orphans() -> list[Path]:
    """Files in a local store that no row names, and half-written ones."""
    root = Path(storages["blobs"].location)
    named = set(Blob.objects.values_list("key", flat=True))
    return [path for path in root.rglob("*") if path.is_file() and str(path.relative_to(root)) not in named]


def spool_left() -> int:
    """What lies in the spool and the sweep of tomorrow does not take."""
    spool.sweep(now=time.time() + 2 * spool.ABANDONED_AFTER_S)
    return len(list(spool._root().glob("job-*")))
