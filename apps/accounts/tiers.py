"""Which tier gives a person's access now: staff's override, else the subscription that holds, else free (C-10)."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import CharField, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.accounts.models.subscription import Subscription, TierOverride

FREE = "free"


@dataclass(frozen=True)
class Standing:
    """A tier, what gives it (`override`, `subscription` or `nothing`), and until when; None: without an end."""

    tier: str
    given_by: str
    until: dt.datetime | None


def tier(now: dt.datetime) -> Coalesce:
    """The tier as an expression over people, for lists and filters: `User.objects.annotate(tier_now=tier(now))`."""
    given = (_newest(rows.objects.holding(now)) for rows in (TierOverride, Subscription))
    return Coalesce(*given, Value(FREE), output_field=CharField())


def _newest(rows) -> Subquery:
    return Subquery(rows.filter(user=OuterRef("pk")).values("plan")[:1])


def tier_of(user, now: dt.datetime | None = None) -> str:
    """free, pro or enterprise, in one query (S1-05)."""
    person = user.__class__._base_manager.filter(pk=user.pk)
    return person.values_list(tier(now or timezone.now()), flat=True).first() or FREE


def standing_of(user, now: dt.datetime | None = None) -> Standing:
    """The same tier with its reason, for those who want to read it."""
    now = now or timezone.now()
    if override := user.tier_overrides.holding(now).first():
        return Standing(override.plan, "override", override.until)
    if subscription := user.subscriptions.holding(now).first():
        return Standing(subscription.plan, "subscription", subscription.ends)
    return Standing(FREE, "nothing", None)
