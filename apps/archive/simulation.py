"""What would become of so many tracks: the archive's own rules on a clock that jumps from event to event.

Not a model of the rules but the rules: `retry.decide`, `gate.Host` and the order of `schedule` (`place`) decide here as
they do in a run. What is made up is the world: when tracks come, what the provider answers and how long that takes.
"""

import datetime as dt
import heapq
import random
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from apps.archive import gate, hosts
from apps.archive.gate import Failure
from apps.archive.retry import Life, decide

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
SECOND, HOUR, DAY = dt.timedelta(seconds=1), dt.timedelta(hours=1), dt.timedelta(days=1)
# Of so many addresses one is broken for a while from the beginning, for so long on average.
BROKEN_SHARE = 0.01
# What an unlucky try meets, each as likely as the others.
UNLUCKY = tuple(Failure(code) for code in ("NETWORK_ERROR", "TIMED_OUT", "RATE_LIMITED", "TRUNCATED"))
DOWN, BROKEN, EXPIRED = Failure("TIMED_OUT"), Failure("SOURCE_ERROR", 500), Failure("GONE", 404)
# Seconds that an attempt takes: a file, on average; an error; a host that does not answer.
TAKES_FILE, TAKES_ERROR, TAKES_SILENCE = 3.0, 0.5, 10.0
# What an outage may look like: nobody answers, or somebody in front of the files refuses everything.
OUTAGES = {"silence": (DOWN, TAKES_SILENCE), "403": (Failure("GONE", 403), TAKES_ERROR)}
# What falls due is seen at the next look, which comes this often (seconds).
LOOK = 10.0


@dataclass(frozen=True)
class World:
    """`tracks` of each class, one file each, arrive evenly over `days`; `failure`: the share of unlucky attempts.

    The provider is away for `outage` in the middle, in the way of OUTAGES that `answer` names. `classes`: name to
    (life, mean length of a broken address).
    """

    tracks: int
    days: float
    failure: float
    outage: dt.timedelta
    workers: int
    seed: int
    classes: dict[str, tuple[dt.timedelta, dt.timedelta]]
    answer: str = "silence"

    def outage_span(self) -> tuple[dt.datetime, dt.datetime]:
        begin = START + self.days * DAY / 2
        return begin, begin + self.outage


CLASSES = {"15d": (15 * DAY, 12 * HOUR), "1h": (HOUR, HOUR / 5)}


@dataclass(slots=True)
class Asset:
    """One file, with what the rules keep of it and what only the world knows."""

    number: int
    name: str  # of its class, which is its host too
    seen_at: dt.datetime
    expires_at: dt.datetime
    well_at: dt.datetime
    attempts: int = 0
    gone_checks: int = 0
    gone_since: dt.datetime | None = None


@dataclass
class Outcome:
    """Of one class. `hopeless`: no moment of its life at which the provider would have given it, whoever asked."""

    archived: int = 0
    lost: int = 0
    hopeless: int = 0
    attempts: int = 0
    waits: array = field(default_factory=lambda: array("d"))  # seconds from first sight to archived

    def percentile(self, share: float) -> float:
        return self.waits[min(len(self.waits) - 1, int(share * len(self.waits)))] if self.waits else 0.0


class Lanes:
    """Due assets of one host in the order of `schedule.lanes`: what can still be saved, the next to expire first; then
    what is past its expiry."""

    def __init__(self):
        self.live: list[tuple[dt.datetime, int, Asset]] = []
        self.dead: list[tuple[dt.datetime, int, Asset]] = []

    def put(self, asset: Asset) -> None:
        heapq.heappush(self.live, (asset.expires_at, asset.number, asset))

    def first(self, now: dt.datetime) -> tuple[bool, dt.datetime, int] | None:
        """The place of the next one, lower is sooner: (is it dead, its expiry, its number)."""
        while self.live and self.live[0][0] <= now:
            heapq.heappush(self.dead, heapq.heappop(self.live))
        lane = self.live or self.dead
        return (lane is self.dead, *lane[0][:2]) if lane else None

    def take(self) -> Asset:
        return heapq.heappop(self.live or self.dead)[2]


class Simulation:
    """Events in the order of their time. `told(day)` hears of each day that is over."""

    def __init__(self, world: World, *, told: Callable[[int], None] | None = None):
        self.world, self.told, self.day = world, told, 0
        self.chance = random.Random(world.seed)
        self.pace = hosts.pace()
        self.free = world.workers
        self.events: list[tuple] = []  # (moment, number, what happens, to which asset, with which failure)
        self.number = 0
        self.gates = {name: gate.fresh(START, self.pace) for name in world.classes}
        self.lanes = {name: Lanes() for name in world.classes}
        self.wakes: dict[str, dt.datetime] = {}
        self.outcomes = {name: Outcome() for name in world.classes}
        self.down, self.up = world.outage_span()

    def run(self) -> dict[str, Outcome]:
        arrivals = heapq.merge(*map(self._arrivals, self.world.classes), key=lambda asset: asset.seen_at)
        coming = next(arrivals, None)
        while coming is not None or self.events:
            if coming is not None and (not self.events or coming.seen_at <= self.events[0][0]):
                self._see(coming)
                coming = next(arrivals, None)
                continue
            now, _, happens, asset, failure = heapq.heappop(self.events)
            happens(now, asset, failure)
            self._claim(now)
        for outcome in self.outcomes.values():
            outcome.waits = sorted(outcome.waits)
        return self.outcomes

    def _arrivals(self, name: str) -> Iterator[Asset]:
        chance, (life, broken_for) = random.Random(f"{name} {self.world.seed}"), self.world.classes[name]
        apart, when = self.world.days * DAY.total_seconds() / self.world.tracks, 0.0
        for number in range(self.world.tracks):
            when += chance.expovariate(1 / apart)
            seen = START + dt.timedelta(seconds=when)
            broken = chance.random() < BROKEN_SHARE
            well = seen + broken_for * chance.expovariate(1) if broken else seen
            yield Asset(number, name, seen, seen + life, well)

    def _see(self, asset: Asset) -> None:
        """The planner finds it at its next look."""
        self._due_at(asset.seen_at, asset)
        day = (asset.seen_at - START).days
        if self.told is not None and day > self.day:
            self.told(day)
        self.day = day

    def _due_at(self, moment: dt.datetime, asset: Asset) -> None:
        self._later(moment + dt.timedelta(seconds=LOOK * self.chance.random()), self._due, asset)

    def _later(self, moment: dt.datetime, happens: Callable, asset=None, failure: Failure | None = None) -> None:
        self.number += 1
        heapq.heappush(self.events, (moment, self.number, happens, asset, failure))

    def _due(self, now: dt.datetime, asset: Asset, _) -> None:
        self.lanes[asset.name].put(asset)

    def _wake(self, now: dt.datetime, name: str, _) -> None:
        """A gate opens; whoever is free comes by itself."""
        self.wakes.pop(name, None)

    def _claim(self, now: dt.datetime) -> None:
        while self.free and (name := self._next(now)) is not None:
            asset, host = self.lanes[name].take(), self.gates[name]
            if host.wants_probe(now, self.pace):
                host = host.probe(now)
            self.gates[name] = host.take(1, now, self.pace)
            self.free -= 1
            self.outcomes[name].attempts += 1
            failure, seconds = self._answer(asset, now)
            self._later(now + dt.timedelta(seconds=seconds), self._done, asset, failure)

    def _next(self, now: dt.datetime) -> str | None:
        """Whose first asset goes next: the first of all that a gate lets through."""
        best, chosen = None, None
        for name, lanes in self.lanes.items():
            place = lanes.first(now)
            if place is None or (best is not None and place > best):
                continue
            until = self.gates[name].shut_until(now, self.pace)
            if until is None or gate.passes(place[1], now=now, until=until):
                best, chosen = place, name
            elif name not in self.wakes or until < self.wakes[name]:
                self.wakes[name] = until
                self._later(until, self._wake, name)
        return chosen

    def _answer(self, asset: Asset, now: dt.datetime) -> tuple[Failure | None, float]:
        """What the provider says to a try that begins now, and after how many seconds."""
        if now >= asset.expires_at:
            return EXPIRED, TAKES_ERROR
        if self.down <= now < self.up:
            return OUTAGES[self.world.answer]
        if now < asset.well_at:
            return BROKEN, TAKES_ERROR
        if self.chance.random() < self.world.failure:
            return self.chance.choice(UNLUCKY), TAKES_ERROR
        return None, self.chance.expovariate(1 / TAKES_FILE)

    def _done(self, now: dt.datetime, asset: Asset, failure: Failure | None) -> None:
        self.free += 1
        jitter, outcome = self.chance.uniform(0.9, 1.1), self.outcomes[asset.name]
        self.gates[asset.name] = self.gates[asset.name].heard(failure, now, left=asset.expires_at - now, jitter=jitter)
        if failure is None:
            outcome.archived += 1
            outcome.waits.append((now - asset.seen_at).total_seconds())
            return
        life = Life(asset.seen_at, asset.expires_at, asset.attempts, asset.gone_checks, asset.gone_since)
        decision = decide(failure.code, life, now=now, retry_after=failure.retry_after, jitter=jitter)
        if decision.state == "lost":
            outcome.lost += 1
            outcome.hopeless += self._hopeless(asset)
            return
        asset.attempts, asset.gone_checks = decision.attempts, decision.gone_checks
        asset.gone_since = decision.gone_since
        self._due_at(decision.next_at, asset)

    def _hopeless(self, asset: Asset) -> bool:
        begin = max(asset.seen_at, asset.well_at)
        return begin >= asset.expires_at or self.down <= begin and asset.expires_at <= self.up
