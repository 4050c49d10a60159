"""How often is too often: uses per minute, counted in the cache that all processes share.

A cache that is away counts nothing and refuses nobody (G7: reads and writes go on). The first use that finds it away
waits for it, the others of this process do not ask for a while.
"""

import logging
import time
from dataclasses import dataclass

from django.core.cache import caches
from redis import RedisError

log = logging.getLogger(__name__)

CACHE = "rates"
WINDOW_S = 60
AWAY_S = 15

_away_until = 0.0  # by time.monotonic(), of this process


@dataclass(frozen=True)
class Usage:
    """What was used of a limit in this minute, the use just counted included; `resets_in` is seconds, 1 to 60."""

    limit: int
    used: int
    resets_in: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def exceeded(self) -> bool:
        return self.used > self.limit

    @property
    def just_exceeded(self) -> bool:
        return self.used == self.limit + 1


class Quiet(logging.Filter):
    """Keeps refused requests out of the log: who asks too much is named once a minute, not once a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(record, "status_code", 0) != 429


def use(subject: str, limit: int, *, now: float | None = None) -> Usage | None:
    """Count one use. None when it was not counted: the limit is 0, which means none, or the cache is away."""
    global _away_until
    if not limit or time.monotonic() < _away_until:
        return None
    minute, second = divmod(int(time.time() if now is None else now), WINDOW_S)
    try:
        used = _counted(f"rates:{subject}:{minute}")
    except (RedisError, OSError) as away:
        _away_until = time.monotonic() + AWAY_S
        log.warning("rates are not counted for %d s, the cache is away: %s", AWAY_S, away)
        return None
    return Usage(limit, used, WINDOW_S - second)


def _counted(key: str) -> int:
    """One more, atomically. The name holds the minute, so that no counter outlives its time-out while it is used."""
    cache = caches[CACHE]
    try:
        return cache.incr(key)
    except ValueError:  # the first use of this minute
        return 1 if cache.add(key, 1, 2 * WINDOW_S) else cache.incr(key)
