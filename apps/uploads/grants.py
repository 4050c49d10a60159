"""Bytes a day on top of the tier's, that staff give a person for a while and for a reason (S1-04)."""

import datetime as dt

from django.db import transaction

from apps.accounts.access import may
from apps.lib import clock
from apps.lib.errors import Conflict, Forbidden, Refusal
from apps.uploads.models import QuotaGrant

MOST_BYTES = 10**15  # a petabyte; thousands of grants add up to what a column holds


def grant(*, user, extra_bytes: int, starts_on: dt.date, ends_on: dt.date, reason: str, by) -> QuotaGrant:
    """So many bytes more on each UTC day of these, the last one too. FORBIDDEN 403, also to oneself; INVALID 400."""
    _check(by)
    if user == by:
        raise Forbidden("Somebody else has to give you more.")
    if not 0 < extra_bytes <= MOST_BYTES or ends_on < max(starts_on, _today()):
        message = f"Grant 1 to {MOST_BYTES:,} bytes, up to a day that is neither over nor before the first."
        raise Refusal("INVALID", message)
    if not reason.strip():
        raise Refusal("INVALID", "Say why.", fields={"reason": ["Say why."]})
    return QuotaGrant.objects.create(
        user=user, extra_bytes=extra_bytes, starts_on=starts_on, ends_on=ends_on, reason=reason.strip(), granted_by=by
    )


@transaction.atomic
def withdraw(*, given: QuotaGrant, by) -> None:
    """Hold no longer than yesterday; one that had not begun before today goes. What came in stays. OVER 409."""
    _check(by)
    row = QuotaGrant.objects.select_for_update().filter(pk=given.pk, ends_on__gte=_today()).first()
    if row is None:
        raise Conflict("It is over already.", code="OVER")
    if row.starts_on >= _today():
        row.delete()
    else:
        row.ends_on = _today() - dt.timedelta(days=1)
        row.save(update_fields=["ends_on", "updated_at"])


def _check(by) -> None:
    if not may(by, "uploads.add_quotagrant"):
        raise Forbidden


def _today() -> dt.date:
    return clock.now().astimezone(dt.UTC).date()
