"""Killing: at every named point of an archiving, and at random moments with two workers at once."""

import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.db.models import Sum

from apps.archive import schedule
from apps.archive.models import ArchiveAsset, LedgerEntry
from deploy.demo.provider import Provider
from tests.faults import promises
from tests.faults.promises import Kept
from tests.faults.sweep import make_shards, published, small
from tests.faults.workers import Workers

# The points of an archiving of audio and cover, as it comes by them: a call, before or after it (`calls`).
POINTS = (
    "run: begin, before",
    "run: claim archiveasset, before",
    "run: claim archiveasset, after",
    "run: COMMIT after claim archiveasset, before",
    "run: COMMIT after claim archiveasset, after",
    "run: SELECT provider, after",
    "run: UPDATE archivejob, before",
    "run: UPDATE archivejob, after",
    "audio: look up the provider, after",
    "audio: send request, after",
    "audio: read answer, after",
    "audio: write in spool, after",
    "audio: check media, before",
    "audio: check media, after",
    "audio: SELECT pg_try_advisory_lock_shared, after",
    "audio: link in store, before",
    "audio: link in store, after",
    "audio: fsync in spool, after",
    "audio: replace in store, before",
    "audio: replace in store, after",
    "audio: fsync in store, after",
    "audio: INSERT INTO blob, after",
    "audio: COMMIT after INSERT INTO blob, after",
    "audio: SELECT track to hold, after",
    "audio: UPDATE archiveasset to archived, before",
    "audio: UPDATE archiveasset to archived, after",
    "audio: INSERT INTO trackfile, after",
    "audio: INSERT INTO derivation, after",
    "audio: COMMIT after INSERT INTO derivation, before",
    "audio: COMMIT after INSERT INTO derivation, after",
    "audio: SELECT pg_advisory_unlock_shared, after",
    "audio: unlink in spool, after",
    "audio: rmdir in spool, after",
    "run: tell of audio, before",
    "cover: look up the provider, after",
    "cover: send request, after",
    "cover: read answer, after",
    "cover: write in spool, after",
    "cover: check media, before",
    "cover: check media, after",
    "cover: SELECT pg_try_advisory_lock_shared, after",
    "cover: link in store, before",
    "cover: link in store, after",
    "cover: fsync in spool, after",
    "cover: replace in store, before",
    "cover: replace in store, after",
    "cover: fsync in store, after",
    "cover: INSERT INTO blob, after",
    "cover: COMMIT after INSERT INTO blob, after",
    "cover: SELECT track to hold, after",
    "cover: UPDATE archiveasset to archived, before",
    "cover: UPDATE archiveasset to archived, after",
    "cover: INSERT INTO trackfile, after",
    "cover: UPDATE archivejob, before",
    "cover: COMMIT after UPDATE archivejob, before",
    "cover: COMMIT after UPDATE archivejob, after",
    "cover: SELECT pg_advisory_unlock_shared, after",
    "cover: unlink in spool, after",
    "cover: rmdir in spool, after",
    "run: tell of cover, before",
    "run: end, after",
)

AT_ONCE, FED, SETTLE_DOWN = 2, 12, 50
Told = Callable[[int], None]


@dataclass
class Result:
    """What was killed, and what was found afterwards: at once, and when all was done."""

    began: float = field(default_factory=time.monotonic)
    kills: int = 0
    reached: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    orphans: int = 0  # that the dead left, before anybody came after them
    orphans_after: int = 0
    crashes: int = 0
    quarantined: int = 0
    seconds: float = 0.0
    kept: Kept = field(default_factory=Kept)

    def __post_init__(self):
        self._former = _counted()

    @property
    def sound(self) -> bool:
        return self.kept.sound and not self.broken and max(self.orphans, self.orphans_after) <= self.kills

    def look(self, kept: Kept, where: str) -> None:
        if not kept.sound:
            self.broken.append(f"{where}: {kept!r}")

    def end(self) -> "Result":
        """Work off what is left, and look at everything."""
        promises.until_done()
        self.kept, self.orphans_after = promises.kept(published), len(promises.orphans())
        self.crashes, self.quarantined = (now - then for now, then in zip(_counted(), self._former, strict=True))
        self.seconds = time.monotonic() - self.began
        return self


def _counted() -> tuple[int, int]:
    """Crashes and quarantines so far."""
    crashes = ArchiveAsset.objects.aggregate(sum=Sum("crashes"))["sum"] or 0
    return crashes, LedgerEntry.objects.filter(event="quarantined").count()


def at_points(
    provider: Provider, owner, workers: Workers, points: Iterable[str], times: int = 1, told: Told = lambda done: None
) -> Result:
    """At each point so many kills, each in the archiving of another track; some are always on their way."""
    result, on_their_way = Result(), deque()
    make_shards()

    def one_less() -> None:
        point, track, worker = on_their_way.popleft()
        if workers.wait(worker):
            result.kills += 1
            result.reached[point] += 1
        result.look(promises.always(published, track), point)

    for done, point in enumerate([*points] * times, 1):
        track = small(provider, owner)
        on_their_way.append((point, track, workers.start(track=track.pk, at=point)))
        if len(on_their_way) > AT_ONCE:
            one_less()
        if done % SETTLE_DOWN == 0:
            while on_their_way:
                one_less()
            result.orphans = max(result.orphans, len(promises.orphans()))
            promises.until_done()
        told(done)
    while on_their_way:
        one_less()
    result.orphans = max(result.orphans, len(promises.orphans()))
    return result.end()


def at_random(
    provider: Provider, owner, workers: Workers, times: int, *, seed: int, told: Told = lambda done: None
) -> Result:
    """So many kills of one of two workers that work at whatever is due, at random moments; new tracks come meanwhile.

    Who comes after the dead are the workers themselves, when the leases ran out.
    """
    chance, result = random.Random(seed), Result()
    alive = [workers.start() for _ in range(AT_ONCE)]
    while result.kills < times:
        while schedule.due().exclude(schedule.SUSPECT).count() < FED:
            small(provider, owner)
        time.sleep(chance.uniform(0, 0.4))
        result.kills += workers.kill(alive.pop(chance.randrange(AT_ONCE)))
        alive.append(workers.start())
        if result.kills % 10 == 0:
            schedule.keep_house()
        told(result.kills)
    for worker in alive:
        result.kills += workers.kill(worker)
    result.orphans = len(promises.orphans())
    result.look(promises.always(published), "at random")
    return result.end()
