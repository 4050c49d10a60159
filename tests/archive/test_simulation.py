"""The simulation runs the archive's own rules: its order is the database's, and a rule that is broken shows."""

import datetime as dt
import random

import pytest

from apps.archive import gate, retry, schedule
from apps.archive.models import ArchiveAsset
from apps.archive.simulation import CLASSES, DAY, HOUR, START, Asset, Lanes, Simulation, World
from apps.lib import clock
from tests.make import make_generated

NONE = dt.timedelta(0)


def simulated(tracks: int = 3000, *, failure: float = 0.3, outage=NONE, life: str = "15d", days=6, seed=1, **more):
    world = World(tracks, days, failure, outage, workers=32, seed=seed, classes={life: CLASSES[life]}, **more)
    return Simulation(world).run()[life]


@pytest.mark.parametrize(
    ("outage", "answer"),
    [(NONE, "silence"), (3 * DAY, "silence"), (3 * DAY, "403")],
    ids=["no outage", "three days", "three days of 403"],
)
def test_of_the_long_lived_nothing_is_lost(outage, answer):
    outcome = simulated(outage=outage, answer=answer)
    assert (outcome.archived, outcome.lost) == (3000, 0)


def test_of_the_hourly_only_a_few_are_lost_and_most_of_them_nobody_could_have_had():
    outcome = simulated(life="1h", outage=2 * HOUR)
    assert outcome.archived + outcome.lost == 3000
    assert outcome.lost <= outcome.hopeless + 3
    assert outcome.hopeless == pytest.approx(3000 / 144, abs=12), "those whose hour lay in the outage"


def test_the_same_seed_gives_the_same_story():
    assert simulated(500).waits == simulated(500).waits != simulated(500, seed=2).waits


def test_an_outage_costs_probes_and_not_an_attempt_of_every_file():
    quiet, shut = simulated(), simulated(outage=3 * DAY)
    assert shut.attempts < quiet.attempts + 3 * DAY / gate.LONGEST_PAUSE * 1.5


def test_a_worse_ladder_loses_more(monkeypatch):
    """What decides here is the very code that decides in a run."""
    monkeypatch.setattr(retry, "LONG", (40 * DAY,))
    monkeypatch.setattr(retry, "LAST_CHANCE", -DAY)
    assert simulated(500).lost > 50


def test_a_breaker_that_never_closes_loses_everything_behind_it(monkeypatch):
    monkeypatch.setattr(gate, "FIRST_PAUSE", 400 * DAY)
    monkeypatch.setattr(gate, "LONGEST_PAUSE", 400 * DAY)
    monkeypatch.setattr(gate, "passes", lambda *_, **__: False)
    assert simulated(500, outage=DAY).lost > 100


def test_few_workers_make_it_slower_and_lose_nothing():
    world = World(2000, 0.05, 0.3, NONE, workers=1, seed=1, classes={"15d": CLASSES["15d"]})
    outcome = Simulation(world).run()["15d"]
    assert outcome.lost == 0 and outcome.percentile(0.5) > simulated(2000, days=0.05).percentile(0.5)


@pytest.mark.django_db
def test_its_order_is_that_of_the_lanes(ana):
    chance, now, lanes = random.Random(1), clock.now(), Lanes()
    schedule.plan_tracks([make_generated(ana) for _ in range(20)])
    for number, row in enumerate(ArchiveAsset.objects.order_by("pk")):
        expires_at = now + dt.timedelta(minutes=chance.randrange(-5, 5))
        ArchiveAsset.objects.filter(pk=row.pk).update(expires_at=expires_at)
        lanes.put(Asset(number, row.pk, START, expires_at, START))
    simulated_order = []
    while lanes.first(now):
        simulated_order.append(lanes.take().name)
    live, dead = schedule.lanes(now=clock.now())
    assert simulated_order == [row.pk for lane in (live, dead) for row in lane]
