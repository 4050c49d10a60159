"""Whether the promise is in danger, looked at after every sweep: alarms are raised once and end by themselves.

Looks are queries over small indexes. Telling people is another step, so that a mail server or a webhook that is away
neither hides a danger nor stops the sweep.
"""

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, F, Q

from apps.archive import copies, hosts, manifests, schedule, telling
from apps.archive.models import DUE_STATES, OPEN_STATES, Alarm, ArchiveAsset, Finding
from apps.lib import calling, clock, leases

log = logging.getLogger(__name__)

DAY = dt.timedelta(days=1)
MOST = 100_000
KEPT = dt.timedelta(days=365)
# How long a repair, and the closing of a day, may take before somebody should look.
REPAIRED_WITHIN, CLOSED_WITHIN = dt.timedelta(hours=2), dt.timedelta(hours=3)
NAMED = 5


@dataclass(frozen=True)
class Danger:
    """How many are in danger, and in words what of it."""

    number: int
    message: str


Look = Callable[[dt.datetime], Danger | None]


def after_sweep(*, now: dt.datetime | None = None) -> None:
    """Look, tell, and ping the dead man's switch; none of it fails the sweep."""
    now = now or clock.now()
    look(now=now)
    telling.tell(now=now)
    ping()


def look(*, daily: bool = False, now: dt.datetime | None = None) -> list[Alarm]:
    """Raise what is in danger and end what is over; all that is raised. `daily`: also what is asked once a day."""
    now = now or clock.now()
    for kind, ask in LOOKS.items():
        raised = Alarm.objects.filter(kind=kind, state="raised")
        if kind == Alarm.Kind.LATE and not daily and not raised.exists():
            continue
        if danger := ask(now):
            facts = {"number": min(danger.number, MOST), "message": danger.message[:500]}
            Alarm.objects.bulk_create([Alarm(kind=kind, **facts)], ignore_conflicts=True)
            raised.update(**facts)
        else:
            Alarm.machine.move_all(raised, "over", over_at=now)
    # A test is over with the next look, so that its end is told too.
    tests = Alarm.objects.filter(kind=Alarm.Kind.TEST, state="raised", created_at__lt=now - dt.timedelta(seconds=30))
    Alarm.machine.move_all(tests, "over", over_at=now)
    return list(Alarm.objects.filter(state="raised").order_by("created_at"))


def ping() -> bool:
    """Ask for DEADMAN_URL, unless an alarm is raised: who listens there hears of silence. False when it was not heard.

    A test is no alarm.
    """
    if not settings.DEADMAN_URL:
        return False
    if Alarm.objects.filter(state="raised").exclude(kind=Alarm.Kind.TEST).exists():
        log.warning("dead man's switch not pinged: an alarm is raised")
        return False
    try:
        calling.call(settings.DEADMAN_URL)
    except calling.CallFailed as failure:
        log.warning("dead man's switch not reached: %s", failure)
        return False
    return True


def raise_test() -> Alarm:
    """An alarm that is none, told as every other, to see whether it arrives; over within a minute or two."""
    Alarm.objects.bulk_create([Alarm(kind=Alarm.Kind.TEST, message="This is a test.")], ignore_conflicts=True)
    telling.tell()
    return Alarm.objects.filter(kind=Alarm.Kind.TEST).latest("id")


def forget(*, now: dt.datetime | None = None) -> int:
    """Drop alarms that have been over for a year; returns how many."""
    return Alarm.objects.filter(state="over", over_at__lt=(now or clock.now()) - KEPT).delete()[0]


def _expiring(now: dt.datetime) -> Danger | None:
    """Failing, close to expiry, and more than half of their life behind them: files of an hour are always close.

    A fault of our own counts no try and loses nothing: what met one is in danger until it is saved, expired or not.
    """
    hours, ours = settings.ALERT_EXPIRING_HOURS, Q(error_code__in=leases.OWN_FAULTS)
    open_ = ArchiveAsset.objects.filter(state__in=OPEN_STATES, track__removed_at__isnull=True)
    soon = open_.filter(Q(expires_at__gt=now) | ours, expires_at__lte=now + dt.timedelta(hours=hours))
    failing = soon.filter(Q(attempts__gt=0) | Q(crashes__gt=0) | ours, created_at__lt=now - (F("expires_at") - now))
    words = "{} will be deleted by a provider within {} h or may be already, and every try failed so far."
    return _danger(failing.count(), words.format("{}", hours))


def _lost(now: dt.datetime) -> Danger | None:
    lost = ArchiveAsset.objects.filter(state="lost", lost_at__gt=now - DAY, track__removed_at__isnull=True)
    return _danger(lost.count(), "{} lost within a day: gone at the provider before we had a copy.")


def _queue(now: dt.datetime) -> Danger | None:
    minutes = settings.ALERT_QUEUE_MINUTES
    old = ArchiveAsset.objects.filter(state__in=DUE_STATES, next_at__lt=now - dt.timedelta(minutes=minutes))
    return _danger(old.count(), f"{{}} due for more than {minutes} min and taken by no worker. Do workers run?")


def _late(now: dt.datetime) -> Danger | None:
    """The day-13 alarm of S3-02, asked by the daily run alone."""
    return _danger(schedule.alarming(now=now).count(), "{} old or about to expire, and not archived.")


def _findings(now: dt.datetime) -> Danger | None:
    """Beyond repair and not written off, or still open when the store had its time to answer: what is being repaired is
    no danger."""
    old = Q(state="open", found_at__lt=now - REPAIRED_WITHIN)
    found = Finding.objects.aggregate(
        standing=Count("pk", filter=old | Q(state="unrepairable")), beyond=Count("pk", filter=Q(state="unrepairable"))
    )
    words = f"{{}} damaged or missing in the store and not repaired, of these beyond repair: {found['beyond']}."
    return _danger(found["standing"], words)


def _breaker(now: dt.datetime) -> Danger | None:
    minutes = settings.ALERT_HOST_MINUTES
    names = list(hosts.shut_for(dt.timedelta(minutes=minutes)).values_list("name", flat=True))
    if not names:
        return None
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    words = f"No answer for {minutes} min while files wait: {', '.join(names[:NAMED])}{more}."
    return Danger(len(names), words)


def _manifest(now: dt.datetime) -> Danger | None:
    """Days are closed at five past each hour; one that waits for hours waits for somebody."""
    days, first = manifests.unclosed(now=now - CLOSED_WITHIN)
    if not days:
        return None
    number = f"{days} day{'' if days == 1 else 's'}"
    return Danger(days, f"{number} of the ledger over and not closed, the first is {first}. Does the store answer?")


def _copies(now: dt.datetime) -> Danger | None:
    return _danger(copies.late(now=now)[:MOST].count(), "{} stored for more than a day and in one place only.")


def _danger(number: int, words: str) -> Danger | None:
    return Danger(number, words.format(f"{number:,} file{'' if number == 1 else 's'}")) if number else None


LOOKS: dict[str, Look] = {
    Alarm.Kind.EXPIRING: _expiring,
    Alarm.Kind.LOST: _lost,
    Alarm.Kind.QUEUE: _queue,
    Alarm.Kind.LATE: _late,
    Alarm.Kind.FINDINGS: _findings,
    Alarm.Kind.BREAKER: _breaker,
    Alarm.Kind.MANIFEST: _manifest,
    Alarm.Kind.COPIES: _copies,
}
