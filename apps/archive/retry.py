"""When a failed asset is tried again, and when it is believed lost. Pure: time is an argument.

One class of provider keeps its files for days, another for an hour; each has its ladder. An asset is lost when the
provider says so at its expiry or later (decision 0071), or after a grace in which it never answered.
"""

import datetime as dt
from dataclasses import dataclass

from apps.lib.leases import OWN_FAULT_DELAY, OWN_FAULTS

SHORT_LIFE = dt.timedelta(hours=6)
# After the nth failure of a long-lived asset; the last step repeats until expiry.
LONG = tuple(dt.timedelta(minutes=m) for m in (1, 6, 36, 156, 360))
# Offsets from the first sight of a short-lived asset.
SHORT = tuple(dt.timedelta(seconds=s) for s in (18, 60, 180, 360, 720, 1260, 1800, 2340, 2880, 3240))
LAST_CHANCE, SOONEST = dt.timedelta(seconds=30), dt.timedelta(seconds=1)
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
        return Decision("retrying", now + _own_delay(life, now), life.attempts, life.gone_checks, life.gone_since)
    attempts = life.attempts + 1
    gone = code == GONE
    checks = life.gone_checks + 1 if gone else 0
    since = (life.gone_since or now) if gone else None
    if now >= life.expires_at + (dt.timedelta(0) if gone else min(GRACE, life.span)):
        return Decision("lost", None, attempts, checks, since)
    when = now + _delay(life, now=now, retry_after=retry_after) * jitter
    if now < life.expires_at - LAST_CHANCE < when:
        when = life.expires_at - LAST_CHANCE
    return Decision("gone_suspect" if gone else "retrying", when, attempts, checks, since)


def _own_delay(life: Life, now: dt.datetime) -> dt.timedelta:
    """Never past the expiry while there is time: a store that was away for a moment must not cost the last chance."""
    left = life.expires_at - now
    return max(left / 2, SOONEST) if dt.timedelta(0) < left <= OWN_FAULT_DELAY else OWN_FAULT_DELAY


def _delay(life: Life, *, now: dt.datetime, retry_after: float | None) -> dt.timedelta:
    if life.span <= SHORT_LIFE:
        elapsed = now - life.seen_at
        ladder = next((step - elapsed for step in SHORT if step > elapsed), SHORT[3])
        if life.attempts >= len(SHORT):  # other addresses came within tries, and are dead too
            ladder = max(ladder, SHORT[3])
    else:
        ladder = LONG[min(life.attempts, len(LONG) - 1)]
    if retry_after is None:
        return ladder
    # A provider may ask for patience, but never for more than a quarter of what is left.
    patience = max(dt.timedelta(0), (life.expires_at - now) / 4)
    return max(ladder, min(dt.timedelta(seconds=retry_after), patience))
