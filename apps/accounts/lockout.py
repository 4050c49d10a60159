"""Who guesses passwords waits: five failures lock one account for one address of the network, longer each time.

Account and address count together, so that a stranger cannot lock anybody out from elsewhere. A try is counted before
the password is looked at and taken back when it was right: twenty guesses at once count as twenty.
"""

import datetime as dt

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.models import Lockout
from apps.lib.client import network

LONGEST = dt.timedelta(days=1)
# After this long without a failure, counted from the end of the last lock, all is forgotten.
FORGOTTEN = dt.timedelta(days=1)


class Locked(Exception):
    """Too many failures; `until` says when the next try is looked at."""

    def __init__(self, until: dt.datetime):
        super().__init__(until)
        self.until = until


@transaction.atomic
def count(*, email: str, address: str, now: dt.datetime | None = None) -> None:
    """Count one try, before it is known whether it is right. Locked while the pair is locked out."""
    now = now or timezone.now()
    row = _locked_row(_email(email), network(address), now)
    if row.locked_until and row.locked_until > now:
        raise Locked(row.locked_until)
    if max(row.failed_at, row.locked_until or row.failed_at) < now - FORGOTTEN:
        row.failures = row.times_locked = 0
    row.failures += 1
    row.failed_at, row.locked_until = now, None
    if row.failures >= settings.LOCKOUT_FAILURES:
        row.failures = 0
        row.times_locked += 1
        row.locked_until = now + min(settings.LOCKOUT * 2 ** min(row.times_locked - 1, 20), LONGEST)
    row.save()


def succeeded(*, email: str, address: str) -> None:
    """The password was right: nothing is held against this pair any more."""
    Lockout.objects.filter(email=_email(email), address=network(address)).delete()


def lift(*, email: str) -> int:
    """Let somebody in again from everywhere; returns how many pairs were forgotten."""
    return Lockout.objects.filter(email=_email(email)).delete()[0]


def of(email: str) -> QuerySet[Lockout]:
    """What is held against an account, the newest first."""
    return Lockout.objects.filter(email=_email(email)).order_by("-failed_at")


def forget(*, now: dt.datetime | None = None) -> int:
    """Drop what no longer counts; returns how many rows."""
    return Lockout.objects.filter(failed_at__lt=(now or timezone.now()) - FORGOTTEN - LONGEST).delete()[0]


def _email(email: str) -> str:
    return email.strip().lower()[:254]


def _locked_row(email: str, address: str, now: dt.datetime) -> Lockout:
    """The pair's row, made where there is none. To write it is to hold it: no success deletes it before it is read."""
    fresh = Lockout(email=email, address=address, failed_at=now)
    Lockout.objects.bulk_create(
        [fresh], update_conflicts=True, unique_fields=["email", "address"], update_fields=["updated_at"]
    )
    return Lockout.objects.get(email=email, address=address)
