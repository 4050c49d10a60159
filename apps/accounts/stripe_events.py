"""What Stripe tells, kept once each and worked out into subscriptions (S4-13).

Deliveries come late, twice and in any order. So no event changes a row by itself: it is kept, and then the person's
subscriptions are worked out anew from everything that is kept about them, in the order in which Stripe said it.
"""

import datetime as dt
import hashlib
import logging
import re
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from apps.accounts import subscriptions
from apps.accounts.models import StripeEvent, Subscription, User
from apps.accounts.models.subscription import PLANS
from apps.accounts.subscriptions import Told
from apps.lib.errors import Refusal

log = logging.getLogger(__name__)

CHECKOUT = "checkout.session.completed"
# Kinds that tell of a subscription; of those that Stripe said in one second the later here was said later.
KINDS = ("customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted")
STATUSES = {
    "trialing": "active",
    "active": "active",
    "past_due": "past_due",
    "canceled": "cancelled",
    "unpaid": "expired",
    "paused": "expired",
    "incomplete": "expired",
    "incomplete_expired": "expired",
}
FINAL = ("canceled", "incomplete_expired")  # Stripe begins another one instead of going on with these
# Of two equal moments the one that the payer would choose; the next event puts a wrong guess right.
IN_DOUBT = ("expired", "past_due", "active", "cancelled")
IGNORED_KEPT_FOR, NOBODYS_KEPT_FOR = dt.timedelta(days=30), dt.timedelta(days=90)
MOMENT = dt.timedelta(seconds=1)
MOST_ITEMS = 20
LATEST = int(dt.datetime(9000, 1, 1, tzinfo=dt.UTC).timestamp())

_EVENT_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KIND = re.compile(r"[a-z0-9_.]{1,80}")
Outcome = StripeEvent.Outcome


@transaction.atomic
def receive(event: Mapping[str, Any], *, now: dt.datetime | None = None) -> str:
    """Keep a verified event and apply it; returns its outcome. The same event again changes nothing.

    Refusal MALFORMED: not an event, or not as Stripe shapes them.
    """
    row = read(event)
    _take_turns(row.customer_id or row.stripe_id)
    if known := StripeEvent.objects.filter(stripe_id=row.stripe_id).first():
        return known.outcome
    row.save(force_insert=True)
    if row.outcome != Outcome.IGNORED:
        _apply(row.customer_id, now or timezone.now())
        row.refresh_from_db(fields=["outcome"])
    return row.outcome


def again(*, now: dt.datetime | None = None) -> int:
    """Apply what could not be applied when it came: its price is known by now, or staff named its customer.

    Returns how many customers were looked at; one that cannot be applied is logged and stops nobody behind it.
    """
    waiting = _somebodys()
    for customer_id in sorted(waiting):
        try:
            with transaction.atomic():
                _take_turns(customer_id)
                _apply(customer_id, now or timezone.now())
        except Exception:
            log.exception("what Stripe told of %s cannot be applied", customer_id)
    return len(waiting)


def _somebodys() -> set[str]:
    """Customers of whom something waits and who are known to be somebody's."""
    waiting = StripeEvent.objects.filter(outcome=Outcome.UNMATCHED).values("customer_id")
    linked = StripeEvent.objects.filter(kind=CHECKOUT, outcome=Outcome.APPLIED, customer_id__in=waiting)
    named = Subscription.objects.filter(stripe_customer_id__in=waiting).exclude(stripe_customer_id="")
    return {*linked.values_list("customer_id", flat=True), *named.values_list("stripe_customer_id", flat=True)}


def forget(*, now: dt.datetime | None = None) -> int:
    """Drop what never meant anything to us, once Stripe no longer repeats it; returns how many.

    So goes what waits for a person who never came, or who left. What waits for a price stays: it may be the last word.
    """
    now = now or timezone.now()
    ignored = Q(outcome=Outcome.IGNORED, created_at__lt=now - IGNORED_KEPT_FOR)
    waiting = Q(outcome=Outcome.UNMATCHED, created_at__lt=now - NOBODYS_KEPT_FOR)
    return StripeEvent.objects.filter(ignored | waiting & ~Q(customer_id__in=_somebodys())).delete()[0]


def customers(user: User) -> set[str]:
    """Stripe's customers that are this person: by a subscription, or by a checkout alone while none is known."""
    held = user.subscriptions.exclude(stripe_customer_id="").values_list("stripe_customer_id", flat=True)
    links = StripeEvent.objects.filter(kind=CHECKOUT, facts__person=str(user.pk)).exclude(customer_id="")
    linked = set(links.values_list("customer_id", flat=True))
    return {*held, *(customer_id for customer_id in linked if _owner(customer_id) == user)}


def of(user: User):
    """Events of the person's customers, the newest first, for those who want to see what came."""
    customers = user.subscriptions.exclude(stripe_customer_id="").values("stripe_customer_id")
    return StripeEvent.objects.filter(customer_id__in=customers).order_by("-said_at", "-id")


def read(event: Mapping[str, Any]) -> StripeEvent:
    """The event as an unsaved row: ids, time, and of its object only what decides. Refusal MALFORMED."""
    try:
        return _read(event)
    except (LookupError, TypeError, ValueError, AttributeError) as wrong:
        log.warning("an event of Stripe is not shaped as expected: %s: %s", type(wrong).__name__, wrong)
        raise Refusal("MALFORMED", "This is not an event as Stripe shapes them.") from wrong


def _read(event: Mapping[str, Any]) -> StripeEvent:
    if event["object"] != "event":
        raise ValueError("not a snapshot event")
    row = StripeEvent(stripe_id=_text(_EVENT_ID, event["id"]), kind=_text(_KIND, event["type"]))
    row.said_at, row.outcome = _moment(event["created"]), Outcome.IGNORED
    if row.kind in KINDS:
        _read_subscription(row, event["data"]["object"])
    elif row.kind == CHECKOUT:
        _read_checkout(row, event["data"]["object"])
    return row


def _read_subscription(row: StripeEvent, about: Mapping[str, Any]) -> None:
    row.subscription_id, row.customer_id = _text(_ID, about["id"]), _text(_ID, about["customer"])
    items = [_read_item(item, about) for item in about["items"]["data"][:MOST_ITEMS]]
    row.facts = {
        "status": "canceled" if row.kind == KINDS[-1] else _text(_KIND, about["status"]),
        "began": _seconds(about["created"]),
        "cancels": about["cancel_at_period_end"] is True,
        "cancels_at": _seconds(about["cancel_at"]) if about.get("cancel_at") else None,
        "items": items,
    }
    if not items:
        raise ValueError("a subscription to nothing")
    if row.facts["status"] in STATUSES:
        row.outcome = Outcome.UNMATCHED
    else:
        log.warning("%s of Stripe has the unknown status %s, ignored", row.subscription_id, row.facts["status"])
    if _plan(row.facts) is None:
        log.warning("no price of %s of Stripe names a plan: say so in STRIPE_PRICES", row.subscription_id)


def _read_item(item: Mapping[str, Any], about: Mapping[str, Any]) -> dict:
    """Price and period; the period stands at the subscription in versions of Stripe's API before 2025-03-31."""
    price, when = item.get("price") or item["plan"], item if "current_period_end" in item else about
    plan = (price.get("metadata") or {}).get("plan")
    return {
        "price": _text(_ID, price["id"]),
        "plan": plan if plan in PLANS else "",
        "start": _seconds(when["current_period_start"]),
        "end": _seconds(when["current_period_end"]),
    }


def _read_checkout(row: StripeEvent, about: Mapping[str, Any]) -> None:
    """Who paid: `client_reference_id` is the person's id, which the link to the checkout carries."""
    row.customer_id = _text(_ID, about["customer"]) if about.get("customer") else ""
    row.subscription_id = _text(_ID, about["subscription"]) if about.get("subscription") else ""
    row.facts = {"person": _person(about.get("client_reference_id"))}
    if row.customer_id and row.facts["person"]:
        row.outcome = Outcome.UNMATCHED


def _text(pattern: re.Pattern, value: Any) -> str:
    if not pattern.fullmatch(value):
        raise ValueError("no name")
    return value


def _seconds(value: Any) -> int:
    """Seconds since 1970, as Stripe counts."""
    if type(value) is not int or not 0 <= value < LATEST:
        raise ValueError("no moment")
    return value


def _moment(seconds: Any) -> dt.datetime:
    return dt.datetime.fromtimestamp(_seconds(seconds), dt.UTC)


def _person(reference: str | None) -> str:
    """The id in its one spelling; empty when it is none."""
    try:
        return str(uuid.UUID(reference))
    except (ValueError, TypeError, AttributeError):
        return ""


def _take_turns(name: str) -> None:
    """Until the transaction ends: of a subscription and of its checkout, said at once, the second sees the first."""
    number = int.from_bytes(hashlib.sha256(f"stripe:{name}".encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def _apply(customer_id: str, now: dt.datetime) -> None:
    """Work out all subscriptions of the customer's person, if the customer is somebody's."""
    user = _owner(customer_id)
    if user is None:
        return
    # Before the events are read: another customer of the same person may be worked out at this moment.
    subscriptions.hold(user)
    customers = {customer_id, *user.subscriptions.values_list("stripe_customer_id", flat=True)} - {""}
    said = StripeEvent.objects.filter(customer_id__in=customers).exclude(outcome=Outcome.IGNORED)
    about = _by_subscription(row for row in said if row.kind in KINDS)
    for taken in subscriptions.of_others(user=user, stripe_ids=about):
        log.error("%s of Stripe is another person's here than its customer %s: nothing changed", taken, customer_id)
        del about[taken]
    subscriptions.mirror(user=user, told=work_out(chain.from_iterable(about.values())), now=now)
    deciding = {rows[-1].pk for rows in about.values()}
    for row in said:
        if row.outcome == Outcome.UNMATCHED and (row.kind == CHECKOUT or row.subscription_id in about):
            _note(row, row.pk in deciding if row.kind in KINDS else row.facts["person"] == str(user.pk))


def _note(row: StripeEvent, applied: bool) -> None:
    """Write down what became of an event that had waited until now; with an unknown price it waits on."""
    if row.kind in KINDS and _plan(row.facts) is None:
        return
    row.outcome = Outcome.APPLIED if applied else Outcome.STALE
    row.save(update_fields=["outcome", "updated_at"])


def _owner(customer_id: str) -> User | None:
    """Whose customer this is. Once something was applied it stays theirs; else whoever checked out first."""
    held = Subscription.objects.filter(stripe_customer_id=customer_id).select_related("user").order_by("id").first()
    if held:
        return held.user
    links = StripeEvent.objects.filter(kind=CHECKOUT, customer_id=customer_id).order_by("said_at", "stripe_id")
    people = [link.facts["person"] for link in links if link.facts["person"]]
    found = {str(user.pk): user for user in User.objects.filter(pk__in=people)}
    return next((found[person] for person in people if person in found), None)


def work_out(events: Iterable[StripeEvent]) -> list[Told]:
    """Each subscription that these tell of, as it stands; the order in which they are given does not matter."""
    states = (_state(rows) for rows in _by_subscription(events).values())
    return [state for state in states if state is not None]


def _by_subscription(events: Iterable[StripeEvent]) -> dict[str, list[StripeEvent]]:
    """The events of each subscription in the order in which Stripe said them."""
    about = defaultdict(list)
    for row in sorted(events, key=_order):
        about[row.subscription_id].append(row)
    return about


def _order(row: StripeEvent) -> tuple:
    """When it was said. What is final comes last; in one second the kind tells, then the facts, then the id."""
    facts, status = row.facts, STATUSES[row.facts["status"]]
    paid = PLANS.index(_plan(facts) or PLANS[0])
    told = (KINDS.index(row.kind), _item(facts)["end"], IN_DOUBT.index(status), paid, not facts["cancels"])
    return facts["status"] in FINAL, row.said_at, *told, row.stripe_id


def _state(rows: list[StripeEvent]) -> Told | None:
    """The last word counts. A price that names no plan leaves the plan as it was; None when it never was one."""
    last = rows[-1]
    plan = next(filter(None, (_plan(row.facts) for row in reversed(rows))), None)
    if plan is None:
        return None
    item, status = _item(last.facts), STATUSES[last.facts["status"]]
    start = _moment(item["start"])
    end = max(_moment(item["end"]) if status != "past_due" else _unpaid_since(rows), start + MOMENT)
    facts = {
        "plan": plan,
        "period_start": start,
        "period_end": end,
        "cancel_at_period_end": _cancels(last.facts),
        "stripe_customer_id": last.customer_id,
        "stripe_subscription_id": last.subscription_id,
        "stripe_said_at": last.said_at,
    }
    active = (row.said_at for row in rows if STATUSES[row.facts["status"]] == "active")
    return Told(status, _moment(last.facts["began"]), max(active, default=None), facts)


def _unpaid_since(rows: list[StripeEvent]) -> dt.datetime:
    """When the first of the last events that all say past due was said: the period that began is not paid."""
    since = rows[-1].said_at
    for row in reversed(rows):
        if STATUSES[row.facts["status"]] != "past_due":
            break
        since = row.said_at
    return since


def _cancels(facts: Mapping[str, Any]) -> bool:
    """Stripe's customer portal names a day, which may be the period's last."""
    return facts["cancels"] or (facts["cancels_at"] is not None and facts["cancels_at"] <= _item(facts)["end"])


def _plan(facts: Mapping[str, Any]) -> str | None:
    """The best plan among its prices, by STRIPE_PRICES or the price's own metadata; None when none is known."""
    known = [plan for item in facts["items"] if (plan := _plan_of(item)) in PLANS]
    return max(known, key=PLANS.index, default=None)


def _plan_of(item: Mapping[str, Any]) -> str:
    return settings.STRIPE_PRICES.get(item["price"], item["plan"])


def _item(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The item that decides: of the best plan, the one that is paid for the longest."""
    return max(facts["items"], key=lambda item: (_plan_of(item) == _plan(facts), item["end"], item["start"]))
