"""The gate of each host, kept in the database: one row per host, shared by all workers, on the database's time.

The rules are in `gate`. Here a state is read, the rule makes a new one of it, and one UPDATE puts it in place if nobody
else did meanwhile. Nothing is locked, and what the gate holds back stays due: it costs no attempt.
"""

import datetime as dt
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import DateTimeField, Exists, F, Func, JSONField, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast

from apps.archive import gate
from apps.archive.models import OPEN_STATES, ArchiveAsset, ArchiveHost
from apps.lib import clock, leases

log = logging.getLogger(__name__)

STATES = ("open", "slowed", "paused", "probing", "shut")
# Who changes a row at the same moment begins again, so often at most.
ROUNDS = 50
_WELL = {"failures": 0, "open_until": None}
_WAITED_FOR = Exists(ArchiveAsset.objects.filter(host=OuterRef("name"), state__in=OPEN_STATES))
# An answer is noted this often at most while all is well.
NOTED_EVERY = dt.timedelta(seconds=10)
FORGOTTEN_AFTER = dt.timedelta(days=30)


@dataclass
class Shut:
    """Hosts where nobody may go now, until when; and those that wait for a probe."""

    now: dt.datetime
    until: dict[str, dt.datetime] = field(default_factory=dict)
    probes: list[str] = field(default_factory=list)

    def admitted(self, rows: QuerySet[ArchiveAsset]) -> QuerySet[ArchiveAsset]:
        """Those of `rows` whose host is not shut, and those that would expire before it opens (`gate.passes`)."""
        if not self.until:
            return rows
        opens = Value({name: until.isoformat() for name, until in self.until.items()}, JSONField())
        until = Cast(Func(opens, F("host"), function="jsonb_extract_path_text"), DateTimeField())
        return rows.filter(~Q(host__in=self.until) | Q(expires_at__gt=self.now, expires_at__lte=until))

    def opens(self) -> dt.datetime | None:
        """When the first of them lets somebody in again."""
        return min(self.until.values(), default=None)


def pace() -> gate.Pace:
    return gate.Pace(settings.ARCHIVE_HOST_RATE, settings.ARCHIVE_HOST_BURST)


def shut(*, now: dt.datetime | None = None) -> Shut:
    """The hosts that are not to be asked now, of those where files wait: what has died costs no claim anything."""
    found = Shut(now or clock.now())
    doubtful = Q(tokens__lt=1) | Q(open_until__isnull=False) | Q(paused_until__gt=found.now)
    for row in ArchiveHost.objects.filter(doubtful, _WAITED_FOR):
        state = _state(row)
        if state.wants_probe(found.now, pace()):
            found.probes.append(row.name)
            found.until[row.name] = found.now + gate.PROBE_PATIENCE
        elif until := state.shut_until(found.now, pace()):
            found.until[row.name] = until
    return found


def probe(name: str, *, now: dt.datetime) -> bool:
    """Whether this worker is the one that sends the probe."""
    row = ArchiveHost.objects.filter(pk=name).first()
    return row is not None and _state(row).wants_probe(now, pace()) and _put(row, _state(row).probe(now))


def take(names: Iterable[str], *, now: dt.datetime) -> None:
    """One token for each name, all of a host's at once."""
    for name, count in Counter(names).items():
        _change(name, lambda state, count=count: state.take(count, now, pace()), now=now)


def heard(asset: ArchiveAsset, failure: Exception | None, *, now: dt.datetime | None = None) -> None:
    """What a try tells of its host. `failure` has a `code`, and perhaps `status` and `retry_after`."""
    told = told_by(failure) if failure else None
    if not asset.host or told and told.code in gate.SILENT:
        return
    now = now or clock.now()
    facts = {"last_success_at": now, "error_code": ""}
    if told and told.blames_host:
        facts = {"last_failure_at": now, "error_code": told.code}
    elif ArchiveHost.objects.filter(pk=asset.host, **_WELL, last_success_at__gte=now - NOTED_EVERY).exists():
        return
    left, jitter = asset.expires_at - now, leases.jitter()
    _change(asset.host, lambda state: state.heard(told, now, left=left, jitter=jitter), now=now, **facts)


def told_by(failure: Exception) -> gate.Failure:
    """What the gate needs to know of an exception of the fetcher or of our own."""
    facts = (getattr(failure, name, None) for name in ("status", "retry_after"))
    return gate.Failure(getattr(failure, "code", "IO_ERROR"), *facts)


def close(name: str) -> bool:
    """A person says that the host is well: breaker and pause end at once. False when there was nothing to end."""
    row = ArchiveHost.objects.filter(Q(open_until__isnull=False) | Q(paused_until__isnull=False), pk=name)
    reset = {"failures": 0, "trips": 0, "open_until": None, "probing": False, "paused_until": None}
    return row.update(**reset, version=F("version") + 1) == 1


def standing(*, now: dt.datetime | None = None) -> list[dict]:
    """What is known of each host, the shut ones first: name, state, tokens, failures, times."""
    now = now or clock.now()
    rows = sorted(ArchiveHost.objects.all(), key=lambda row: (state_of(row, now) == "open", row.name))
    return [
        {
            "host": row.name,
            "state": state_of(row, now),
            "tokens": round(_state(row).bucket.level(now, pace()), 1),
            "failures": row.failures,
            "opens_at": _state(row).shut_until(now, pace()),
            "last_success_at": row.last_success_at,
            "last_failure_at": row.last_failure_at,
            "error_code": row.error_code,
        }
        for row in rows
    ]


def summed(*, now: dt.datetime | None = None) -> dict:
    """How many hosts are in each state, and those that are left alone, as `standing` tells of them."""
    rows = standing(now=now)
    states = Counter(row["state"] for row in rows)
    return {
        "states": {state: states[state] for state in STATES},
        "left_alone": [row for row in rows if row["state"] not in ("open", "slowed")],
    }


def shut_for(length: dt.timedelta) -> QuerySet[ArchiveHost]:
    """Hosts whose breaker has been shut for so long while files wait there: probes go only where something waits."""
    shut_long = ArchiveHost.objects.filter(open_until__isnull=False, trips__gte=gate.trips_after(length))
    return shut_long.filter(_WAITED_FOR).order_by("name")


def state_of(row: ArchiveHost, now: dt.datetime) -> str:
    """`open` to all, `slowed` to its pace, `paused` as it asked, `shut` by the breaker or `probing`."""
    if row.open_until is not None:
        return "probing" if row.probing and row.open_until > now else "shut"
    if row.paused_until is not None and row.paused_until > now:
        return "paused"
    return "slowed" if _state(row).shut_until(now, pace()) else "open"


def tokens_of(row: ArchiveHost, now: dt.datetime) -> float:
    return _state(row).bucket.level(now, pace())


def forget(*, now: dt.datetime) -> int:
    """Drop hosts that nobody asked for a month."""
    return ArchiveHost.objects.filter(filled_at__lt=now - FORGOTTEN_AFTER).delete()[0]


def _state(row: ArchiveHost) -> gate.Host:
    breaker = gate.Breaker(row.failures, row.trips, row.open_until, row.probing)
    return gate.Host(gate.Bucket(row.tokens, row.filled_at), breaker, row.paused_until)


def _facts(state: gate.Host) -> dict:
    facts = {"tokens": state.bucket.tokens, "filled_at": state.bucket.filled_at, "paused_until": state.paused_until}
    return facts | {name: getattr(state.breaker, name) for name in ("failures", "trips", "open_until", "probing")}


def _put(row: ArchiveHost, state: gate.Host, **facts) -> bool:
    """False when somebody else changed the row since it was read."""
    same = ArchiveHost.objects.filter(pk=row.pk, version=row.version)
    return same.update(**_facts(state), **facts, version=row.version + 1) == 1


def _change(name: str, step: Callable[[gate.Host], gate.Host], *, now: dt.datetime, **facts) -> None:
    """Put what `step` makes of the state in place of it."""
    for _ in range(ROUNDS):
        row = ArchiveHost.objects.filter(pk=name).first()
        if row is None:
            new = ArchiveHost(name=name, **_facts(gate.fresh(now, pace())))
            ArchiveHost.objects.bulk_create([new], ignore_conflicts=True)
        elif _put(row, step(_state(row)), **facts):
            return
    log.warning("the gate of %s was not changed: too many are at it", name)
