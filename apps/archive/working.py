"""A run: claims due assets and works them off side by side, the next to expire first."""

import datetime as dt
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import connection

from apps.archive import schedule
from apps.archive.attempt import archive
from apps.archive.models import ArchiveAsset
from apps.catalog.models import Track
from apps.lib import clock, leases

LINGER_S = 0.25


def work(*, limit: int, seconds: float, track: Track | None = None, told: Callable | None = None) -> int:
    """Claim and archive due assets in parallel until none is due, `limit` is reached or `seconds` are over.

    Returns how many assets were tried; `told(asset)` hears of each one when it is settled.
    """
    run = _Run(limit, clock.now() + dt.timedelta(seconds=seconds), track, told)
    with ThreadPoolExecutor(settings.ARCHIVE_PARALLEL, thread_name_prefix="archive") as pool:
        for done in [pool.submit(run.loop) for _ in range(min(settings.ARCHIVE_PARALLEL, limit))]:
            done.result()
    return run.taken


class _Run:
    """One run's claims, shared by its threads; each thread has its own database connection."""

    def __init__(self, limit: int, until: dt.datetime, track: Track | None, told: Callable | None):
        self.limit, self.until, self.track, self.told = limit, until, track, told
        self.taken = self.working = 0
        self.lock = threading.Lock()

    def loop(self) -> None:
        """Work while there is work. A thread with none stays while another has some: what falls due meanwhile
        must not wait for the slowest download."""
        try:
            while self._count(taken=1):
                if self._work():
                    continue
                self._count(taken=-1)
                if not self.working:
                    break
                time.sleep(LINGER_S)
        finally:
            connection.close()

    def _count(self, *, taken: int = 0, working: int = 0) -> bool:
        """False when nothing more may be taken: the limit is reached or the time is over."""
        with self.lock:
            if taken > 0 and (self.taken >= self.limit or clock.now() >= self.until):
                return False
            self.taken += taken
            self.working += working
            return True

    def _work(self) -> bool:
        # Counted before the claim: between a claim and its count the others would see nobody at work and leave.
        self._count(working=1)
        try:
            asset = self._claim()
            if asset is None:
                return False
            archive(asset)
        finally:
            self._count(working=-1)
        if self.told is not None:
            asset.refresh_from_db()
            self.told(asset)
        return True

    def _claim(self) -> ArchiveAsset | None:
        now = clock.now()
        for lane in schedule.lanes(now=now):
            rows = lane if self.track is None else lane.filter(track=self.track)
            for asset in leases.claim(rows, ArchiveAsset.machine, limit=1, now=now):
                return asset
        return None


def work_quarantined(*, track: Track | None = None) -> bool:
    """Try one quarantined asset, alone in its process: should it kill again, it takes no neighbour with it."""
    rows = schedule.quarantined() if track is None else schedule.quarantined().filter(track=track)
    for asset in leases.claim(rows, ArchiveAsset.machine, limit=1):
        archive(asset)
        return True
    return False
