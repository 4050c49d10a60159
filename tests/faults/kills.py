"""Killing: at every named point of an archiving, and at random moments with two workers at once."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files.storage import storages

from apps.archive import schedule, working
from deploy.demo.provider import Provider
from tests.faults import promises
from tests.faults.calls import watched
from tests.faults.promises import Kept
from tests.faults.sweep import published, small
from tests.faults.workers import Points, Workers

# After these the world is another one, though nobody was told yet; before them and at the rest it is as it was.
TOLD = ("COMMIT", "link in store", "replace in store", "write in store", "object", "send request")
WORKERS, FED = 2, 24


@dataclass
class Result:
    """How many workers died, in how many seconds, and what was found afterwards."""

    kills: int
    seconds: float
    kept: Kept

    @property
    def sound(self) -> bool:
        return self.kept.sound and self.kept.orphans <= self.kills


def points(provider: Provider, owner) -> list[str]:
    """The points of an archiving of audio and cover, as it comes by them."""
    hook, former, settings.ARCHIVE_PARALLEL = Points(), settings.ARCHIVE_PARALLEL, 1
    with watched(hook, spool=settings.SPOOL, store=Path(storages["blobs"].location)):
        working.work(limit=2, seconds=60, track=small(provider, owner))
    settings.ARCHIVE_PARALLEL = former
    return [point for point in hook.seen if point.endswith(", before") or any(word in point for word in TOLD)]


def at_points(provider: Provider, owner, workers: Workers, times: int, told: Callable = lambda done: None) -> Result:
    """At each point so many kills, each in the archiving of another track."""
    began, killed = time.monotonic(), 0
    for done, point in enumerate(points(provider, owner) * times):
        track = small(provider, owner)
        killed += workers.wait(workers.start(track=track.pk, at=point))
        told(done + 1)
    return _result(killed, began)


def at_random(
    provider: Provider, owner, workers: Workers, times: int, *, seed: int, told: Callable = lambda done: None
):
    """So many kills of one of two workers that work at whatever is due, at random moments; new tracks come meanwhile."""
    chance, began, killed = random.Random(seed), time.monotonic(), 0
    alive = [workers.start() for _ in range(WORKERS)]
    while killed < times:
        while schedule.due().count() < FED:
            small(provider, owner)
        time.sleep(chance.uniform(0, 0.4))
        victim = alive.pop(chance.randrange(WORKERS))
        killed += workers.kill(victim)
        alive.append(workers.start())
        schedule.keep_house()
        told(killed)
    for worker in alive:
        killed += workers.kill(worker)
    return _result(killed, began)


def _result(killed: int, began: float) -> Result:
    promises.until_done()
    return Result(killed, time.monotonic() - began, promises.kept(published))
