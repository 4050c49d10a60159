"""Workers that die, stand still or are poisoned: nothing lost, nothing wrong, no row without bytes (F1, F4).

A sample of `bench/archive_kills.py`, on real processes.
"""

import hashlib
import os
import signal
import time

import pytest

from apps.archive import schedule
from apps.archive.models import ArchiveAsset, LedgerEntry
from apps.catalog.models import Track
from apps.lib import clock, leases
from tests.archive.world import asset_of, at_provider
from tests.faults import kills, promises
from tests.faults.sweep import published, small
from tests.faults.workers import POISON, Workers
from tests.make import audio

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.servers,
    pytest.mark.usefixtures("own_places"),
]

AT_RANDOM, NEIGHBOURS = 12, 12


@pytest.fixture
def workers(provider):
    with Workers(provider.origin) as running:
        yield running


def wait_for(condition, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def held(result: kills.Result) -> None:
    assert not result.broken
    assert result.kept.sound, result.kept
    assert max(result.orphans, result.orphans_after) <= result.kills
    assert promises.orphans_left() == 0
    assert promises.spool_left() == 0


def test_a_worker_may_die_at_every_named_point(ana, provider, workers):
    assert len(set(kills.POINTS)) == len(kills.POINTS) >= 40
    result = kills.at_points(provider, ana, workers, kills.POINTS)
    assert [point for point in kills.POINTS if not result.reached[point]] == []
    assert result.crashes
    held(result)


def test_one_of_two_workers_may_die_at_any_moment(ana, provider, workers):
    result = kills.at_random(provider, ana, workers, AT_RANDOM, seed=1)
    assert result.kills >= AT_RANDOM and result.crashes
    held(result)


def poisoned(provider, owner) -> Track:
    """A sound that kills what decodes it, the first to expire."""
    sound = audio("mp3", 0.5) + b"TAG" + POISON.ljust(125)
    track = at_provider(provider, owner, data=sound)
    published[track.source.audio_url] = hashlib.sha256(sound).hexdigest()
    schedule.plan_tracks([track], now=clock.now())
    return track


def test_poison_is_run_five_times_then_alone_and_its_neighbours_are_archived(ana, provider, workers):
    track = poisoned(provider, ana)
    for _ in range(NEIGHBOURS):
        small(provider, ana)
    ended, deaths = False, 0
    while not ended:
        ended = not workers.wait(workers.start(poisoned=True, seconds=30))
        deaths += not ended
        wait_for(lambda: not ArchiveAsset.objects.filter(state="running", lease_until__gt=clock.now()).exists())
        schedule.keep_house()
        ended = ended and not schedule.due().exists()
    poison = asset_of(track)
    assert (poison.state, poison.crashes, deaths) == ("quarantined", leases.MOST_CRASHES, leases.MOST_CRASHES)
    innocent = ArchiveAsset.objects.exclude(pk=poison.pk)
    assert set(innocent.values_list("state", flat=True)) == {"archived"}
    assert not LedgerEntry.objects.filter(event="quarantined").exclude(asset=poison.pk).exists()

    others = [small(provider, ana) for _ in range(2)]
    ArchiveAsset.objects.filter(pk=poison.pk).update(next_at=clock.now())
    assert workers.wait(workers.start(quarantined=True, poisoned=True)), "the slow lane took it up, and died of it"
    assert not ArchiveAsset.objects.filter(track__in=others, crashes__gt=0).exists()
    assert not workers.wait(workers.start(poisoned=True, seconds=30)), "nobody else meets it"
    assert asset_of(track).crashes == leases.MOST_CRASHES
    promises.until_done()  # by a decoder that bears it
    assert promises.kept(published).sound


STOPS = ("audio: check media, before", "audio: link in store, before", "audio: INSERT INTO blob, before")


@pytest.mark.parametrize("point", STOPS)
def test_a_worker_that_stood_still_past_its_lease_settles_in_vain(ana, provider, workers, point):
    track = small(provider, ana, cover=False)
    still = stop_at(workers, track, point)
    wait_for(lambda: schedule.due().exists())
    successor = stop_at(workers, track, point)
    resumed(workers, still)
    asset = asset_of(track)
    assert (asset.state, asset.token) == ("running", 2), "it is its successor's"
    resumed(workers, successor)
    asset.refresh_from_db()
    assert (asset.state, asset.token, asset.crashes) == ("archived", 2, 1)
    told = LedgerEntry.objects.filter(asset=asset.pk).order_by("seq").values_list("event", flat=True)
    assert list(told) == ["planned", "crashed", "archived"]
    kept = promises.kept(published, track)
    assert kept.sound, kept
    assert promises.orphans() == [] and promises.spool_left() == 0


def stop_at(workers: Workers, track: Track, point: str) -> int:
    worker = workers.start(track=track.pk, at=point, by=signal.SIGSTOP, limit=1)
    wait_for(lambda: stopped(worker))
    return worker


def resumed(workers: Workers, worker: int) -> None:
    os.kill(worker, signal.SIGCONT)
    assert not workers.wait(worker), "it came to its end"


def stopped(worker: int) -> bool:
    with open(f"/proc/{worker}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "T"
