"""When a failed asset is tried again, and when it is believed lost. Pure: time is an argument.

One class of provider keeps its files for days, another for an hour; each has its ladder. Past its expiry an asset
is lost when the provider says so, or after a grace in which it never answered.
"""

import datetime as dt
from dataclasses import dataclass

from apps.lib.leases import OWN_FAULT_DELAY, OWN_FAULTS

SHORT_LIFE = dt.timedelta(hours=6)
# After the nth failure of a long-lived asset; the last step repeats until expiry.
LONG = tuple(dt.timedelta(minutes=m) for m in (1, 6, 36, 156, 360))
# Offsets from the first sight of a short-lived asset.
SHORT = tuple(dt.timedelta(seconds=s) for s in (18, 60, 180, 360, 720, 1260, 1800, 2340, 2880, 3240))
LAST_CHANCE = dt.timedelta(seconds=30)
GONE_CHECKS, GONE_FOR = 3, dt.timedelta(hours=6)
GRACE = dt.timedelta(days=1)

GONE = "GONE"


def again_soon(code: str, status: int | None, retry_after: float | None) -> bool:
    """Whether a failure may have passed within seconds, so that the same attempt asks once more (S3-06).

    A broken connection and a server's own fault do; an answer does not, nor a wait that the provider asks for.
    """
    if retry_after is not None:
        return False
    return code == "NETWORK_ERROR" or (code in ("SOURCE_ERROR", "RATE_LIMITED") and (status or 0) >= 500)


@dataclass(frozen=True)
class Life:
    """What a decision needs to know of an asset's past."""

    seen_at: dt.datetime
    expires_at: dt.datetime
    attempts: int
    gone_checks: int = 0
    gone_since: dt.datetime | None = None

    @property
    def span(self) -> dt.timedelta:
        return max(self.expires_at - self.seen_at, dt.timedelta(0))


@dataclass(frozen=True)
class Decision:
    state: str
    next_at: dt.datetime | None
    attempts: int
    gone_checks: int = 0
    gone_since: dt.datetime | None = None


def decide(
    code: str, life: Life, *, now: dt.datetime, retry_after: float | None = None, jitter: float = 1.0
) -> Decision:
    """What becomes of an asset whose try failed with `code`; `retry_after` in seconds, as the provider asked.

    `jitter` stretches the wait, so that what failed together does not come back together; the last chance before
    expiry is never jittered past it.
    """
    if code in OWN_FAULTS:
        return Decision("retrying", now + OWN_FAULT_DELAY, life.attempts, life.gone_checks, life.gone_since)
    attempts = life.attempts + 1
    gone = code == GONE
    checks = life.gone_checks + 1 if gone else 0
    since = (life.gone_since or now) if gone else None
    if _is_lost(life, gone=gone, checks=checks, since=since, now=now):
        return Decision("lost", None, attempts, checks, since)
    when = now + _delay(life, now=now, retry_after=retry_after) * jitter
    if now < life.expires_at - LAST_CHANCE < when:
        when = life.expires_at - LAST_CHANCE
    return Decision("gone_suspect" if gone else "retrying", when, attempts, checks, since)


def _is_lost(life: Life, *, gone: bool, checks: int, since: dt.datetime | None, now: dt.datetime) -> bool:
    if now >= life.expires_at:
        return gone or now >= life.expires_at + min(GRACE, life.span)
    return gone and checks >= GONE_CHECKS and now - since >= GONE_FOR


def _delay(life: Life, *, now: dt.datetime, retry_after: float | None) -> dt.timedelta:
    if life.span <= SHORT_LIFE:
        elapsed = now - life.seen_at
        ladder = next((step - elapsed for step in SHORT if step > elapsed), SHORT[3])
    else:
        ladder = LONG[min(life.attempts, len(LONG) - 1)]
    if retry_after is None:
        return ladder
    # A provider may ask for patience, but never for more than a quarter of what is left.
    patience = max(dt.timedelta(0), (life.expires_at - now) / 4)
    return max(ladder, min(dt.timedelta(seconds=retry_after), patience))
