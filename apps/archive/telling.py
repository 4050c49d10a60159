"""Alarms to whoever looks after the house: by e-mail and by webhook, when raised, daily while they last, when over."""

import datetime as dt
import json
import logging

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.urls import reverse

from apps.accounts import letters
from apps.archive.models import Alarm
from apps.lib import calling, clock, locks

log = logging.getLogger(__name__)

AGAIN = dt.timedelta(days=1)
RAISED, OVER = "Raised", "Over"


def tell(*, now: dt.datetime | None = None) -> int:
    """Tell of every alarm whose turn it is, by each way that is set; returns how many messages went."""
    now = now or clock.now()
    return _mail(now) + _call(now)


def _due(heard_at: str, now: dt.datetime) -> QuerySet[Alarm]:
    """Not heard of, not for a day, or heard of and over since: what ended before anybody heard of it is no news."""
    never, long_ago = Q(**{f"{heard_at}__isnull": True}), Q(**{f"{heard_at}__lte": now - AGAIN})
    over = Q(state="over", **{f"{heard_at}__lt": F("over_at")})
    return Alarm.objects.filter(Q(state="raised") & (never | long_ago) | over).order_by("created_at")


@transaction.atomic
def _mail(now: dt.datetime) -> int:
    """Letters and the note that they were written, or neither: a killed worker tells nobody twice."""
    if not settings.ALERT_EMAILS:
        return 0
    told = list(_due("mailed_at", now).select_for_update(skip_locked=True))
    for alarm in told:
        subject = f"[Keeptrack] {_word(alarm)}: {alarm.get_kind_display()}"
        page = f"{settings.SITE_URL}{reverse('admin:archive_alarm_change', args=[alarm.pk])}"
        letters.queue(EmailMessage(subject, f"{alarm.message}\n\n{page}\n", to=list(settings.ALERT_EMAILS)), now=now)
    Alarm.objects.filter(pk__in=[alarm.pk for alarm in told]).update(mailed_at=now)
    return len(told)


def _call(now: dt.datetime) -> int:
    """One at a time, noted once it was heard; a worker that dies in between tells it twice. The first failure ends it:
    the next sweep tries again."""
    if not settings.ALERT_WEBHOOK:
        return 0
    told = 0
    with locks.alone("archive alarms") as mine:
        for alarm in _due("called_at", now) if mine else ():
            try:
                calling.call(settings.ALERT_WEBHOOK, **_letter(alarm))
            except calling.CallFailed as failure:
                log.warning("alarm %s not told to the webhook: %s", alarm.kind, failure)
                break
            Alarm.objects.filter(pk=alarm.pk).update(called_at=now)
            told += 1
    return told


def _letter(alarm: Alarm) -> dict:
    """The body and its headers."""
    facts = {
        "id": str(alarm.pk),
        "kind": alarm.kind,
        "state": alarm.state,
        "message": alarm.message,
        "number": alarm.number,
        "raised_at": alarm.created_at.isoformat(),
        "over_at": alarm.over_at and alarm.over_at.isoformat(),
        "site": settings.SITE_URL,
    }
    body, headers = json.dumps(facts).encode(), {"Content-Type": "application/json"}
    if settings.ALERT_WEBHOOK_SECRET:
        headers["X-Keeptrack-Signature"] = calling.signature(body, settings.ALERT_WEBHOOK_SECRET)
    return {"body": body, "headers": headers}


def _word(alarm: Alarm) -> str:
    return RAISED if alarm.state == "raised" else OVER
