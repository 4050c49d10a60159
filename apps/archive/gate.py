"""What one host of a provider is let in for: a token bucket, a circuit breaker, and the patience it asked for.

Pure: time is an argument and every answer is a new state. `hosts` keeps the states, one row per host for all workers;
the simulation keeps them in memory.
"""

import datetime as dt
from dataclasses import dataclass, replace

from apps.lib.leases import OWN_FAULTS

# So many failures in a row are the host's fault: where 30 % fail by chance, that happens once in 170,000 tries.
TRIPS_AFTER = 10
# How long an open breaker waits for its probe: doubled from the first to the longest. The hourly class could not bear
# a longer one, and a request every five minutes harms nobody.
FIRST_PAUSE, LONGEST_PAUSE = dt.timedelta(seconds=30), dt.timedelta(minutes=5)
# A probe of which nothing was heard for so long died with its worker; another one goes.
PROBE_PATIENCE = dt.timedelta(minutes=3)
# How long one file's Retry-After may keep all files of its host waiting.
MOST_PATIENCE = dt.timedelta(minutes=10)
# What a host is blamed for, beside a SOURCE_ERROR of 500 and above.
BLAMED = frozenset({"NETWORK_ERROR", "TIMED_OUT", "RATE_LIMITED"})
# What says nothing of the host: it was not asked, or what it sent was lost with us.
SILENT = OWN_FAULTS | {"URL_REFUSED"}


@dataclass(frozen=True)
class Failure:
    """Why a try gave no file: a code, the status of the answer if one came, and the seconds it asked to wait."""

    code: str
    status: int | None = None
    retry_after: float | None = None

    @property
    def blames_host(self) -> bool:
        """Whether it is the host's fault, rather than one file's."""
        return self.code in BLAMED or (self.code == "SOURCE_ERROR" and (self.status or 0) >= 500)


@dataclass(frozen=True)
class Pace:
    """Requests per second in the long run, and at once after a rest."""

    rate: float
    burst: float


@dataclass(frozen=True)
class Bucket:
    """Tokens at a moment. A batch may take more than there are; then nobody is let in before the debt is paid."""

    tokens: float
    filled_at: dt.datetime

    def level(self, now: dt.datetime, pace: Pace) -> float:
        rested = max(0.0, (now - self.filled_at).total_seconds())
        return min(pace.burst, self.tokens + rested * pace.rate)

    def take(self, count: int, now: dt.datetime, pace: Pace) -> "Bucket":
        return Bucket(self.level(now, pace) - count, max(now, self.filled_at))

    def filled(self, now: dt.datetime, pace: Pace) -> dt.datetime:
        """When there is a whole token; `now` if there is one."""
        missing = 1 - self.level(now, pace)
        return now + dt.timedelta(seconds=missing / pace.rate) if missing > 0 else now


@dataclass(frozen=True)
class Breaker:
    """Closed without `open_until`. Open until then for all, afterwards for all but one probe.

    `failures` in a row while closed; `trips` in a row, of which each failed probe is one.
    """

    failures: int = 0
    trips: int = 0
    open_until: dt.datetime | None = None
    probing: bool = False

    def failed(self, now: dt.datetime, *, jitter: float = 1.0) -> "Breaker":
        """One more failure that blames the host. What was under way when the breaker opened tells nothing new."""
        if self.open_until is None and self.failures + 1 < TRIPS_AFTER:
            return replace(self, failures=self.failures + 1)
        if self.open_until is not None and not self.probing:
            return self
        return Breaker(0, self.trips + 1, now + _pause(self.trips) * jitter)

    def probed(self, now: dt.datetime) -> "Breaker":
        """One probe is on its way; nobody else goes before it is back."""
        return replace(self, open_until=now + PROBE_PATIENCE, probing=True)


CLOSED = Breaker()


def _pause(trips: int) -> dt.timedelta:
    """How long a breaker that opened so often in a row before stays open now."""
    return min(FIRST_PAUSE * 2 ** min(trips, 10), LONGEST_PAUSE)


def trips_after(length: dt.timedelta) -> int:
    """How many openings in a row it takes until a host has been shut for so long, but for chance."""
    trips, shut = 1, dt.timedelta(0)
    while shut < length:
        shut += _pause(trips - 1)
        trips += 1
    return trips


@dataclass(frozen=True)
class Host:
    """All that is kept of a host."""

    bucket: Bucket
    breaker: Breaker = CLOSED
    paused_until: dt.datetime | None = None

    def shut_until(self, now: dt.datetime, pace: Pace) -> dt.datetime | None:
        """Until when nobody goes there; None: anybody may, or one probe where `wants_probe` says so."""
        until = self.bucket.filled(now, pace)
        for other in (self.paused_until, self.breaker.open_until):
            if other is not None and other > until:
                until = other
        return until if until > now else None

    def wants_probe(self, now: dt.datetime, pace: Pace) -> bool:
        return self.breaker.open_until is not None and self.shut_until(now, pace) is None

    def take(self, count: int, now: dt.datetime, pace: Pace) -> "Host":
        return replace(self, bucket=self.bucket.take(count, now, pace))

    def probe(self, now: dt.datetime) -> "Host":
        return replace(self, breaker=self.breaker.probed(now))

    def heard(self, failure: Failure | None, now: dt.datetime, *, left: dt.timedelta, jitter: float = 1.0) -> "Host":
        """What a try tells, `left` of its asset's life. Any answer closes the breaker, also that a file is gone."""
        if failure is not None and failure.code in SILENT:
            return self
        if failure is None or not failure.blames_host:
            return self if self.breaker == CLOSED else replace(self, breaker=CLOSED)
        paused = self.paused_until
        if failure.retry_after:
            patience = min(dt.timedelta(seconds=failure.retry_after), max(left, dt.timedelta(0)) / 4, MOST_PATIENCE)
            paused = max(paused or now, now + patience)
        return replace(self, breaker=self.breaker.failed(now, jitter=jitter), paused_until=paused)


def fresh(now: dt.datetime, pace: Pace) -> Host:
    """A host that nothing is known of yet."""
    return Host(Bucket(pace.burst, now))


def passes(expires_at: dt.datetime, *, now: dt.datetime, until: dt.datetime) -> bool:
    """Whether an asset goes to a host that is shut `until` then: it would be dead before, and has nothing to lose."""
    return now < expires_at <= until
