"""What somebody pays for, and staff's word over it (S4-13, C-10). `by` is who does it, None the system.

A subscription is kept by hand, or by Stripe: those of Stripe follow what `stripe_events` has worked out, and while
Stripe is set up nobody else changes them, for here nobody can stop a card from being charged.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.accounts.access import may
from apps.accounts.models import Subscription, TierOverride, User
from apps.accounts.models.subscription import LIVE, PLANS
from apps.lib.errors import Conflict, Forbidden, NotFound, Refusal

LONGEST_REASON = 300


@dataclass(frozen=True)
class Told:
    """One of Stripe's subscriptions as it stands by all that Stripe has said."""

    status: str
    began: dt.datetime
    last_active: dt.datetime | None  # when Stripe last said that it is paid
    facts: Mapping[str, Any]  # the columns of its row, but person and status

    @property
    def id(self) -> str:
        return self.facts["stripe_subscription_id"]

    def runs(self, now: dt.datetime) -> bool:
        """Stripe goes on with it, and our own clock does not say that an active one is over."""
        ends = Subscription(**self.facts).ends
        return self.status == "past_due" or (self.status == "active" and (ends is None or ends > now))


@transaction.atomic
def subscribe(
    *,
    user: User,
    plan: str,
    period_start: dt.datetime | None = None,
    period_end: dt.datetime | None = None,
    by: User | None,
    now: dt.datetime | None = None,
) -> Subscription:
    """Begin a subscription that is kept by hand; without `period_end` it has no end. One runs per person."""
    _may_change(user, by)
    now = now or timezone.now()
    start = period_start or now
    _check(plan=_known(plan), period_end=_behind(start, period_end))
    hold(user)
    _refuse_second(user, now)
    made = Subscription.objects.create(user=user, plan=plan, period_start=start, period_end=period_end)
    _forget_tier(user)
    return made


@transaction.atomic
def renew(*, subscription: Subscription, period_end: dt.datetime, by: User | None) -> None:
    """Paid on until `period_end`: what ran, also past due, is active, and a cancellation for the end is off."""
    _may_keep(subscription, by)
    _refuse_ended(subscription)
    _check(period_end=_behind(subscription.period_end or subscription.period_start, period_end))
    _move(subscription, "active", period_end=period_end, cancel_at_period_end=False)


@transaction.atomic
def cancel(*, subscription: Subscription, at_period_end: bool = True, by: User | None) -> None:
    """For the end of the period, which keeps access until then, or at once, which ends it whatever was paid."""
    _may_keep(subscription, by)
    _refuse_ended(subscription)
    if not at_period_end:
        _move(subscription, "cancelled")
        return
    endless = "" if subscription.period_end else "This subscription has no period that could end. Cancel it at once."
    _check(at_period_end=endless)
    _move(subscription, subscription.status, cancel_at_period_end=True)


@transaction.atomic
def expire(*, subscription: Subscription, by: User | None) -> None:
    """Nobody pays for it any more: its access ends at once."""
    _may_keep(subscription, by)
    _refuse_ended(subscription)
    _move(subscription, "expired")


@transaction.atomic
def reactivate(
    *,
    subscription: Subscription,
    period_end: dt.datetime | None = None,
    by: User | None,
    now: dt.datetime | None = None,
) -> None:
    """Undo a cancellation or an end. A period that is over needs a new end, and begins anew at this moment."""
    _may_keep(subscription, by)
    hold(subscription.user)
    now = now or timezone.now()
    if subscription.status not in LIVE:
        _refuse_second(subscription.user, now)
    _move(subscription, "active", cancel_at_period_end=False, **_period(subscription, period_end, now))


def _period(subscription: Subscription, period_end: dt.datetime | None, now: dt.datetime) -> dict:
    over = subscription.period_end is not None and subscription.period_end <= now
    if not over and not period_end:
        return {}
    _check(period_end=_behind(now, period_end) if period_end else "Say until when it is paid now.")
    return {"period_start": now if over else subscription.period_start, "period_end": period_end}


@transaction.atomic
def override(*, user: User, plan: str, reason: str, until: dt.datetime, by: User | None) -> TierOverride:
    """Another tier than what is paid for, for a reason and until a moment. The newest one that holds counts (C-10)."""
    _may_change(user, by)
    reason = reason.strip()
    said = "" if 0 < len(reason) <= LONGEST_REASON else f"Give a reason of at most {LONGEST_REASON} characters."
    _check(plan=_known(plan), reason=said, until=_behind(timezone.now(), until))
    row = TierOverride.objects.create(user=user, plan=plan, reason=reason, until=until, given_by=by)
    _forget_tier(user)
    return row


def withdraw_override(*, override: TierOverride, by: User | None) -> None:
    """The override stops at once; the row stays as the record of it. Saying it twice changes nothing."""
    _may_change(override.user, by)
    now = timezone.now()
    rows = TierOverride.objects.filter(pk=override.pk, withdrawn_at__isnull=True)
    if rows.update(withdrawn_at=now, updated_at=now):
        override.withdrawn_at = now
    _forget_tier(override.user)


def lapse(now: dt.datetime | None = None) -> int:
    """End what is over: cancelled when that was asked for, else expired. Returns how many (C-10)."""
    return _lapse(Subscription.objects.all(), now or timezone.now())


def _lapse(rows, now: dt.datetime) -> int:
    over = rows.over(now)
    cancelled = Subscription.machine.move_all(over.filter(cancel_at_period_end=True), "cancelled")
    return cancelled + Subscription.machine.move_all(over, "expired")


@transaction.atomic
def mirror(*, user: User, told: list[Told], now: dt.datetime | None = None) -> None:
    """Make a person's subscriptions what Stripe says; `told` are all of theirs, in any order.

    Of several that run one is the person's, an active one before one past due, then the one that began last; the
    others rest as expired until it ends. One that Stripe does not know ends for good when Stripe tells of one that is
    active.
    """
    now = now or timezone.now()
    hold(user)
    _lapse(user.subscriptions.all(), now)
    rows = {row.stripe_subscription_id: row for row in user.subscriptions.select_for_update().order_by("id")}
    chosen = max((state for state in told if state.runs(now)), key=_precedence, default=None)
    if own := _own(user, told):
        if _replaced(own, chosen, told):
            Subscription.machine.move(own, "expired")
        else:
            chosen = None
    # The chosen one last: until then another may still run, and only one may.
    for state in sorted(told, key=lambda state: state is chosen):
        _follow(user, rows.get(state.id), _status(state, chosen, now), state.facts)
    _forget_tier(user)


def of_others(*, user: User, stripe_ids: Iterable[str]) -> list[str]:
    """Those of Stripe's subscriptions that are another person's here; staff may have named the wrong one."""
    rows = Subscription.objects.filter(stripe_subscription_id__in=list(stripe_ids)).exclude(user=user)
    return list(rows.values_list("stripe_subscription_id", flat=True))


def hold(user: User) -> None:
    """One act at a time per person until the transaction ends: of two that begin one the second sees the first.

    NotFound when the person has left meanwhile.
    """
    if not User.objects.select_for_update(no_key=True).filter(pk=user.pk).first():
        raise NotFound


def _own(user: User, told: list[Told]) -> Subscription | None:
    """The one that runs and of which Stripe has told nothing."""
    return user.subscriptions.live().exclude(stripe_subscription_id__in=[state.id for state in told]).first()


def _replaced(own: Subscription, chosen: Told | None, told: list[Told]) -> bool:
    """Also when what replaced it has ended by now: the news of both may come in either order."""
    paid = chosen is not None and chosen.status == "active"
    return paid or any(state.last_active and state.last_active >= own.created_at for state in told)


def _precedence(state: Told) -> tuple:
    return state.status == "active", state.began, state.id


def _status(state: Told, chosen: Told | None, now: dt.datetime) -> str:
    """The status to store: what Stripe goes on with beside the chosen one rests, what is over has lapsed."""
    if state is chosen or state.status not in LIVE:
        return state.status
    return "cancelled" if state.facts["cancel_at_period_end"] and not state.runs(now) else "expired"


def _follow(user: User, row: Subscription | None, status: str, facts: Mapping[str, Any]) -> None:
    if row is None:
        Subscription.machine.insert(Subscription(user=user, **facts), status)
    elif row.status != status or any(getattr(row, name) != value for name, value in facts.items()):
        Subscription.machine.move(row, status, **facts)


def _move(subscription: Subscription, status: str, **facts) -> None:
    Subscription.machine.move(subscription, status, **facts)
    _forget_tier(subscription.user)


def _forget_tier(user: User) -> None:
    user.__dict__.pop("tier", None)


def _may_change(user: User, by: User | None) -> None:
    if by is not None and (not may(by, "accounts.change_subscription") or by == user):
        raise Forbidden("Only an admin changes subscriptions and tiers, and nobody their own.")


def _may_keep(subscription: Subscription, by: User | None) -> None:
    _may_change(subscription.user, by)
    if subscription.stripe_subscription_id and settings.STRIPE_WEBHOOK_SECRET:
        message = "Stripe keeps this subscription. Change it there, or give the person another tier for a while."
        raise Conflict(message, code="KEPT_BY_STRIPE")


def _refuse_second(user: User, now: dt.datetime) -> None:
    _lapse(user.subscriptions.all(), now)
    if user.subscriptions.live().exists():
        raise Conflict("This person has a subscription that runs. Cancel it first.", code="SUBSCRIBED")


def _refuse_ended(subscription: Subscription) -> None:
    if subscription.status not in LIVE:
        raise Conflict(f"This subscription is {subscription.status}. Reactivate it, or begin another.")


def _check(**problems: str) -> None:
    """Refuse with every problem that is not empty, under the name of its input."""
    fields = {name: [message] for name, message in problems.items() if message}
    if fields:
        raise Refusal("INVALID", next(iter(fields.values()))[0], fields=fields)


def _known(plan: str) -> str:
    return "" if plan in PLANS else f"Choose from {', '.join(PLANS)}."


def _behind(start: dt.datetime, end: dt.datetime | None) -> str:
    return "" if end is None or end > start else f"This must be later than {start:%Y-%m-%d %H:%M} UTC."
