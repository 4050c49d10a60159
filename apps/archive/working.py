"""A run: claims due assets in batches, the next to expire first, and works them off side by side.

The thread that calls claims. Downloads have many threads and no database connection: they wait for the network.
Verifying, storing and settling have few threads, each with a connection: they need a core. What was claimed and is not
settled is limited, so that the spool is too.

No one person's files hold up everybody else's for long, however many they are, how soon they expire or how long they
take: who has a share in hand is claimed for after all others in the same lane, and settled first is a file of whoever
has fewest settlers and had least of their time.
"""

import datetime as dt
import heapq
import itertools
import logging
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import OperationalError, connection
from django.db.models import prefetch_related_objects

from apps.archive import hosts, schedule
from apps.archive.attempt import Attempt, archive, open_jobs
from apps.archive.models import ArchiveAsset
from apps.catalog.models import Track
from apps.lib import clock, leases

log = logging.getLogger(__name__)

LINGER_S = 0.25
# Attempts that rest at a time, for each download; a further one fails with the tries that it had.
RESTING = 4
# Who has one in so many of the places goes after all others; looking for those takes so small a part of the time.
SHARES, LOOKING = 4, 20
# One in so many of a claim may be a probe, and so many hosts that wait for one are looked at.
PROBES, LOOKS = 4, 16
# So many failures in a row that nobody foresaw are the program's fault, and no longer one file's.
MOST_UNFORESEEN = 3
# A host that is only ahead of its pace opens again within this: the run waits for it.
SOON = dt.timedelta(seconds=3)


def work(
    *,
    limit: int,
    seconds: float,
    track: Track | None = None,
    told: Callable | None = None,
    over: Callable | None = None,
) -> int:
    """Claim and archive due assets in parallel until none is due, `limit` is reached or `seconds` are over.

    Returns how many assets were tried; `told(asset)` hears of each one when it is settled, in whatever thread. `over()`
    is called when nothing more will be claimed while something is still at work.
    """
    run = _Run(limit, time.monotonic() + seconds, track, told, over)
    settlers = min(settings.ARCHIVE_SETTLERS, limit)
    with ThreadPoolExecutor(settlers, "settle") as settling:
        done = [settling.submit(run.settle_all) for _ in range(settlers)]
        try:
            with ThreadPoolExecutor(min(settings.ARCHIVE_PARALLEL, limit), "download") as run.downloads:
                run.claim_all()
        finally:
            run.leave()
            run.close()
    for end in done:
        end.result()
    return run.taken


def work_quarantined(*, track: Track | None = None) -> bool:
    """Try one quarantined asset, alone in its process: should it kill again, it takes no neighbour with it."""
    now = clock.now()
    lanes = schedule.lanes(now=now, of=schedule.quarantined)
    if track is not None:
        lanes = [rows.filter(track=track) for rows in lanes]
    for asset in claim(lanes, 1, now=now, heeding=track is None):
        archive(asset)
        return True
    return False


def claim(lanes: list, count: int, *, now: dt.datetime, heeding: bool = True) -> list[ArchiveAsset]:
    """Up to `count` assets, of the first lane first. A track that somebody asked for heeds no gate."""
    shut = hosts.shut(now=now) if heeding else hosts.Shut(now)
    found = []
    # However many hosts are down, what can be had goes on beside their probes. Whether something is due there is known
    # quickly of each by its name, and not of hundreds together: chance gives each its turn.
    for name in random.sample(shut.probes, min(len(shut.probes), LOOKS)):
        waiting = [lane.filter(host=name) for lane in lanes]
        if len(found) < count / PROBES and any(rows.exists() for rows in waiting) and hosts.probe(name, now=now):
            found += _claim(waiting, 1, now)
    found += _claim([shut.admitted(lane) for lane in lanes], count - len(found), now)
    hosts.take([asset.host for asset in found if asset.host], now=now)
    return found


def _claim(lanes: list, count: int, now: dt.datetime) -> list[ArchiveAsset]:
    found = []
    for rows in lanes:
        if len(found) < count:
            found += leases.claim(rows, ArchiveAsset.machine, limit=count - len(found), now=now)
    return found


class _Run:
    """One run's claims, between the thread that claims, those that download and those that settle."""

    def __init__(self, limit: int, until: float, track: Track | None, told: Callable | None, over: Callable | None):
        self.limit, self.until, self.track, self.told, self.over = limit, until, track, told, over
        self.share = max(1, settings.ARCHIVE_PARALLEL // SHARES)
        self.taken = self.loading = 0
        self.unsettled: Counter = Counter()  # by owner
        self.settling: Counter = Counter()  # by owner
        self.settled: Counter = Counter()  # by owner: seconds of settling, and no less than who was last chosen had
        self.floor = 0.0
        self.others = 0.0  # nobody is passed over before this moment
        self.downloads: ThreadPoolExecutor
        self.fetched: list[Attempt] = []
        self.closed = False  # whether nothing more comes there
        # Attempts that ask once more: (moment by the monotonic clock, number, attempt); no thread sleeps for them.
        self.resting: list[tuple[float, int, Attempt]] = []
        self.numbers = itertools.count()
        self.suspect: ArchiveAsset | None = None  # the one in hand
        self.unforeseen = 0  # failures of this kind in a row
        self.failed: BaseException | None = None
        lock = threading.RLock()
        self.changed, self.ready = threading.Condition(lock), threading.Condition(lock)

    def claim_all(self) -> None:
        """Claim while there is room and work. With nothing due it stays while another asset is at work, for what falls
        due meanwhile must not wait for the slowest download."""
        look = 0.0  # not before this moment: the last look found less than there was room for
        while self.failed is None:
            self._wake()
            room = self._room()
            if room and time.monotonic() >= look:
                kept_waiting = self.suspect is not None  # it may be over by now, and the next one due
                claimed = self._claim(room)
                if not claimed and not kept_waiting and not self._stays():
                    break
                look = time.monotonic() + LINGER_S if claimed < room else 0.0
            elif self._spent():
                if not self.unsettled:
                    break
                if self.over is not None:
                    self.over()
                    self.over = None
            self._wait(look if room else None)
        if self.failed is not None:
            raise self.failed

    def _spent(self) -> bool:
        """Whether this run will claim nothing any more."""
        return self.taken >= self.limit or time.monotonic() >= self.until

    def _room(self) -> int:
        """How many to claim now: a share, if there are as many free downloads, and a few to go on with. On whose files
        they are depends whose the next ones are."""
        if self._spent():
            return 0
        most = settings.ARCHIVE_PARALLEL + self.share - 1
        at_work = self.unsettled.total() - len(self.resting)  # what rests has neither a thread nor a file
        room = min(most - self.loading, most + 2 * settings.ARCHIVE_SETTLERS - at_work)
        return min(self.share, self.limit - self.taken) if room >= self.share else 0

    def _claim(self, room: int) -> int:
        now = clock.now()
        lanes = schedule.lanes(now=now)
        if self.track is not None:
            lanes = [rows.filter(track=self.track) for rows in lanes]
        assets = self._suspect(lanes, now)
        assets += self._fairly([rows.exclude(schedule.SUSPECT) for rows in lanes], room - len(assets), now)
        if assets:
            # Read here for all of them: downloads have no database connection.
            prefetch_related_objects(assets, "track__source__provider")
            open_jobs(assets)
        for asset in assets:
            attempt = Attempt(asset, now=now)
            with self.changed:
                self.unsettled[attempt.owner] += 1
                self._count(taken=1)
            self._start(attempt)
        return len(assets)

    def _fairly(self, lanes: list, room: int, now: dt.datetime) -> list[ArchiveAsset]:
        """In each lane, those who have their share in hand come after all others."""
        heeding, began = self.track is None, time.monotonic()
        with self.changed:
            served = [owner for owner, count in self.unsettled.items() if count >= self.share]
        if not served or began < self.others:
            return claim(lanes, room, now=now, heeding=heeding)
        try:
            in_turn = [each for rows in lanes for each in (rows.of_others(served), rows)]
            found = claim(in_turn, room, now=now, heeding=heeding)
            prefetch_related_objects(found, "track")
        except OperationalError:  # so many are theirs that no statement may take as long as passing over them
            self.others = math.inf
            return claim(lanes, room, now=now, heeding=heeding)
        if len(found) < room or any(asset.track.owner_id in served for asset in found):
            ended = time.monotonic()
            self.others = ended + LOOKING * (ended - began)
        return found

    def _suspect(self, lanes: list, now: dt.datetime) -> list[ArchiveAsset]:
        """One of what may be poison, unless there is one in hand."""
        waiting = [rows.filter(schedule.SUSPECT) for rows in lanes]
        if self.suspect is not None or not any(rows.exists() for rows in waiting):
            return []
        found = claim(waiting, 1, now=now, heeding=self.track is None)
        self.suspect = found[0] if found else None
        return found

    def _stays(self) -> bool:
        """Whether somebody is at work, or something due waits for no more than the pace of its host, or did until the
        last look."""
        if self.unsettled:
            return True
        if self.track is not None or time.monotonic() >= self.until:
            return False
        now = clock.now()
        shut, rows = hosts.shut(now=now), schedule.due(now=now)
        opens = shut.opens()
        return shut.admitted(rows).exists() or opens is not None and opens < now + SOON and rows.exists()

    def _start(self, attempt: Attempt) -> None:
        self._count(loading=1)
        self.downloads.submit(self._download, attempt)

    def _download(self, attempt: Attempt) -> None:
        try:
            pause = attempt.download()
            with self.changed:
                if pause is None or len(self.resting) >= RESTING * settings.ARCHIVE_PARALLEL:
                    # Nobody saves up time for later, or the others would wait for ever.
                    self.settled[attempt.owner] = max(self.settled[attempt.owner], self.floor)
                    self.fetched.append(attempt)
                    self.ready.notify()
                else:
                    heapq.heappush(self.resting, (time.monotonic() + pause, next(self.numbers), attempt))
        except BaseException as failure:
            self._fail(attempt, failure)
        finally:
            self._count(loading=-1)

    def _wake(self) -> None:
        with self.changed:
            while self.resting and self.resting[0][0] <= time.monotonic():
                self._start(heapq.heappop(self.resting)[2])

    def _wait(self, look: float | None) -> None:
        """Until something changed, or it is time to look again or to ask once more."""
        with self.changed:
            moments = [moment for moment in (look, *(rest[0] for rest in self.resting[:1])) if moment is not None]
            if look is not None or self.unsettled:
                self.changed.wait(max(0.0, min([*moments, time.monotonic() + LINGER_S]) - time.monotonic()))

    def settle_all(self) -> None:
        """Settle what was downloaded until there is no more; this thread has one database connection."""
        try:
            while (attempt := self._next()) is not None:
                began = time.monotonic()
                self._settle(attempt)
                with self.changed:
                    self.settling[attempt.owner] -= 1
                    self.settled[attempt.owner] += time.monotonic() - began
        finally:
            connection.close()

    def _next(self) -> Attempt | None:
        """The first file of whoever has fewest settlers, and had least of their time; waits for it."""
        with self.changed:
            self.ready.wait_for(lambda: self.fetched or self.closed)
            if not self.fetched:
                return None
            attempt = min(self.fetched, key=lambda one: (self.settling[one.owner], self.settled[one.owner]))
            self.fetched.remove(attempt)
            self.floor = self.settled[attempt.owner]
            self.settling[attempt.owner] += 1
            return attempt

    def _settle(self, attempt: Attempt) -> None:
        try:
            if attempt.settle() is None:
                self._start(attempt)
                return
            if self.told is not None:
                attempt.asset.refresh_from_db()
                self.told(attempt.asset)
            self.unforeseen = 0
            self._over(attempt)
        except BaseException as failure:
            self._fail(attempt, failure)

    def _fail(self, attempt: Attempt, failure: BaseException) -> None:
        """What nobody foresaw leaves the asset to its lease, as if its worker had died. Several in a row end the run,
        and what else was claimed is left to its lease too."""
        attempt.leave()
        asset = attempt.asset
        log.error("%s of track %s left to its lease: not foreseen", asset.kind, asset.track_id, exc_info=failure)
        with self.changed:
            self.unforeseen += 1
            if self.unforeseen >= MOST_UNFORESEEN or not isinstance(failure, Exception):
                self.failed = self.failed or failure
            self._over(attempt)

    def _over(self, attempt: Attempt) -> None:
        with self.changed:
            if attempt.asset is self.suspect:
                self.suspect = None
            self.unsettled -= Counter([attempt.owner])
            self._count()

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.ready.notify_all()

    def leave(self) -> None:
        """Nobody comes back for what would have asked once more."""
        with self.changed:
            while self.resting:
                heapq.heappop(self.resting)[2].leave()

    def _count(self, *, taken: int = 0, loading: int = 0) -> None:
        with self.changed:
            self.taken += taken
            self.loading += loading
            self.changed.notify_all()
