"""Subscriptions kept by hand, overrides by staff, and how both end (S4-13, C-10). Stripe's: test_stripe_events."""

import datetime as dt

import pytest
from django.db import connection
from django.utils import timezone

from apps.accounts import subscriptions
from apps.accounts.models import Subscription, TierOverride, User
from apps.lib.errors import Conflict, Forbidden, Refusal
from tests.lib.threads import side_by_side
from tests.make import make_user

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


@pytest.fixture
def now() -> dt.datetime:
    return timezone.now()


def make_subscription(user: User, now: dt.datetime, *, ends: int | None = 10, **facts) -> Subscription:
    """Began 20 days ago and ends in `ends` days."""
    facts = {"plan": "pro", "period_end": None if ends is None else now + ends * DAY, **facts}
    return Subscription.objects.create(user=user, period_start=now - 20 * DAY, **facts)


def stored(row: Subscription) -> Subscription:
    return Subscription.objects.get(pk=row.pk)


def refused(code: str, act, **facts) -> Refusal:
    with pytest.raises(Refusal) as no:
        act(**facts)
    assert no.value.code == code
    return no.value


# --- Who may ------------------------------------------------------------------------------------------------------
def acts(user: User, row: Subscription, given: TierOverride, until: dt.datetime) -> dict:
    """Every act with what it needs, but `by`."""
    return {
        subscriptions.subscribe: {"user": user, "plan": "enterprise", "period_end": until},
        subscriptions.renew: {"subscription": row, "period_end": until + 90 * DAY},
        subscriptions.cancel: {"subscription": row},
        subscriptions.expire: {"subscription": row},
        subscriptions.reactivate: {"subscription": row},
        subscriptions.override: {"user": user, "plan": "enterprise", "reason": "x", "until": until},
        subscriptions.withdraw_override: {"override": given},
    }


@pytest.mark.parametrize("who", ["themself", "bob", "mod", "admin for themself"])
def test_only_an_admin_changes_a_tier_and_nobody_their_own(ana, bob, mod, boss, now, who):
    """Like roles: nobody raises themself."""
    person = boss if who == "admin for themself" else ana
    by = {"themself": ana, "bob": bob, "mod": mod, "admin for themself": boss}[who]
    row = make_subscription(person, now)
    given = TierOverride.objects.create(user=person, plan="pro", reason="x", until=now + DAY)
    before = [list(model.objects.values()) for model in (Subscription, TierOverride)]
    for act, facts in acts(person, row, given, now + DAY).items():
        with pytest.raises(Forbidden):
            act(**facts, by=by)
    assert [list(model.objects.values()) for model in (Subscription, TierOverride)] == before


def test_an_admins_key_without_the_scope_changes_no_tier(ana, boss, now):
    boss.key_scopes = frozenset({"read", "write"})
    with pytest.raises(Forbidden):
        subscriptions.subscribe(user=ana, plan="pro", period_end=now + DAY, by=boss)


def test_the_system_may_and_says_so(ana, now):
    given = subscriptions.override(user=ana, plan="pro", reason="moved from elsewhere", until=now + DAY, by=None)
    assert (ana.tier, given.given_by) == ("pro", None)


# --- By hand ------------------------------------------------------------------------------------------------------
def test_a_subscription_begins_and_gives_its_plan(ana, boss, now):
    row = subscriptions.subscribe(user=ana, plan="pro", period_start=now - DAY, period_end=now + DAY, by=boss)
    assert (row.status, row.plan, ana.tier, row.ends) == ("active", "pro", "pro", now + DAY)


def test_one_without_an_end_goes_on(ana, boss, now):
    row = subscriptions.subscribe(user=ana, plan="enterprise", by=boss)
    assert row.ends is None and subscriptions.lapse(now + 3650 * DAY) == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [({"plan": "gold"}, "plan"), ({"plan": ""}, "plan"), ({"period_end": -DAY}, "period_end"),
     ({"period_end": 0 * DAY}, "period_end")],
)  # fmt: skip
def test_a_plan_nobody_knows_and_a_period_that_runs_back_are_refused(ana, boss, now, change, field):
    facts = {"plan": "pro", "period_start": now, "period_end": now + DAY}
    facts |= {name: now + value if isinstance(value, dt.timedelta) else value for name, value in change.items()}
    assert list(refused("INVALID", subscriptions.subscribe, user=ana, by=boss, **facts).fields) == [field]
    assert not Subscription.objects.exists()


@pytest.mark.parametrize("status", ["active", "past_due"])
def test_a_second_one_that_runs_is_refused_in_words(ana, boss, now, status):
    make_subscription(ana, now, status=status)
    refused("SUBSCRIBED", subscriptions.subscribe, user=ana, plan="enterprise", by=boss)
    done = make_subscription(ana, now, status="cancelled")
    refused("SUBSCRIBED", subscriptions.reactivate, subscription=done, by=boss)
    assert stored(done).status == "cancelled"


def test_one_that_is_over_is_in_nobodys_way(ana, boss, now):
    """The hourly tick has not come by yet."""
    old = make_subscription(ana, now, ends=-1)
    subscriptions.subscribe(user=ana, plan="enterprise", by=boss)
    assert (stored(old).status, ana.tier) == ("expired", "enterprise")


def test_renewing_moves_the_end_and_takes_a_cancellation_back(ana, boss, now):
    for facts in ({"cancel_at_period_end": True}, {"status": "past_due", "ends": -1}):
        row = make_subscription(ana, now, **facts)
        subscriptions.renew(subscription=row, period_end=now + 40 * DAY, by=boss)
        row = stored(row)
        assert (row.status, row.period_end, row.cancel_at_period_end) == ("active", now + 40 * DAY, False)
        assert ana.tier == "pro"
        row.delete()


def test_a_renewal_goes_forward(ana, boss, now):
    row = make_subscription(ana, now, ends=10)
    assert refused("INVALID", subscriptions.renew, subscription=row, period_end=now + 9 * DAY, by=boss).fields
    assert stored(row).period_end == now + 10 * DAY


def test_cancelled_for_the_end_it_gives_access_until_then_and_not_a_moment_longer(settings, ana, boss, now):
    """C-10: the grace is for late payments."""
    settings.SUBSCRIPTION_GRACE = 3 * DAY
    row = make_subscription(ana, now, ends=10)
    subscriptions.cancel(subscription=row, by=boss)
    row = stored(row)
    assert (row.status, row.cancel_at_period_end, row.ends) == ("active", True, row.period_end)
    assert ana.tier == "pro"
    assert subscriptions.lapse(now + 9 * DAY) == 0
    assert subscriptions.lapse(now + 10 * DAY) == 1
    assert stored(row).status == "cancelled"


def test_cancelled_at_once_it_gives_nothing_whatever_was_paid(ana, boss, now):
    """S4-13: the period that was paid stays on record, and can be taken up again."""
    row = make_subscription(ana, now, ends=10)
    subscriptions.cancel(subscription=row, at_period_end=False, by=boss)
    assert (ana.tier, stored(row).status, stored(row).period_end) == ("free", "cancelled", now + 10 * DAY)
    subscriptions.reactivate(subscription=row, by=boss)
    assert (ana.tier, stored(row).status, stored(row).period_end) == ("pro", "active", now + 10 * DAY)


def test_what_has_no_end_cannot_be_cancelled_for_it(ana, boss, now):
    row = make_subscription(ana, now, ends=None)
    assert refused("INVALID", subscriptions.cancel, subscription=row, by=boss).fields
    subscriptions.cancel(subscription=row, at_period_end=False, by=boss)
    assert stored(row).status == "cancelled"


@pytest.mark.parametrize("status", ["cancelled", "expired"])
def test_what_has_ended_is_neither_cancelled_nor_renewed(ana, boss, now, status):
    row = make_subscription(ana, now, status=status)
    refused("CONFLICT", subscriptions.cancel, subscription=row, by=boss)
    refused("CONFLICT", subscriptions.expire, subscription=row, by=boss)
    refused("CONFLICT", subscriptions.renew, subscription=row, period_end=now + 90 * DAY, by=boss)
    assert stored(row).status == status


def test_taking_up_what_is_over_needs_a_new_end(ana, boss, now):
    row = make_subscription(ana, now, ends=-5, status="expired")
    refused("INVALID", subscriptions.reactivate, subscription=row, by=boss)
    refused("INVALID", subscriptions.reactivate, subscription=row, period_end=now - DAY, by=boss)
    subscriptions.reactivate(subscription=row, period_end=now + DAY, by=boss, now=now)
    row = stored(row)
    assert (row.status, row.period_start, row.period_end, ana.tier) == ("active", now, now + DAY, "pro")


def test_a_cancellation_for_the_end_is_taken_back(ana, boss, now):
    row = make_subscription(ana, now, cancel_at_period_end=True)
    subscriptions.reactivate(subscription=row, by=boss)
    assert (stored(row).cancel_at_period_end, stored(row).period_start) == (False, now - 20 * DAY)


def test_nothing_begins_for_somebody_who_has_left(ana, boss):
    left = User.objects.get(pk=ana.pk)
    ana.delete()
    refused("NOT_FOUND", subscriptions.subscribe, user=left, plan="pro", by=boss)


def test_whoever_was_faster_is_not_undone(ana, boss, now):
    row, same = make_subscription(ana, now), Subscription.objects.get()
    subscriptions.expire(subscription=row, by=boss)
    with pytest.raises(Conflict):
        subscriptions.renew(subscription=same, period_end=now + 90 * DAY, by=boss)
    assert stored(row).status == "expired"


def test_what_stripe_keeps_is_changed_at_stripe(settings, ana, boss, now):
    """Nobody can stop a card from being charged here; an override is always possible."""
    row = make_subscription(ana, now, stripe_subscription_id="sub_1", stripe_customer_id="cus_1")
    settings.STRIPE_WEBHOOK_SECRET = "whsec_x"
    refused("KEPT_BY_STRIPE", subscriptions.cancel, subscription=row, by=boss)
    refused("KEPT_BY_STRIPE", subscriptions.expire, subscription=row, by=boss)
    refused("KEPT_BY_STRIPE", subscriptions.renew, subscription=row, period_end=now + 90 * DAY, by=boss)
    refused("KEPT_BY_STRIPE", subscriptions.reactivate, subscription=row, by=boss)
    subscriptions.override(user=ana, plan="free", reason="charged back", until=now + DAY, by=boss)
    assert ana.tier == "free"
    settings.STRIPE_WEBHOOK_SECRET = ""
    subscriptions.expire(subscription=row, by=boss)
    assert stored(row).status == "expired"


# --- Overrides ----------------------------------------------------------------------------------------------------
def test_an_override_keeps_who_gave_it_why_and_until_when(ana, boss, now):
    """C-10."""
    subscriptions.override(user=ana, plan="pro", reason="  won a prize ", until=now + DAY, by=boss)
    row = TierOverride.objects.get()
    assert (row.plan, row.reason, row.until, row.given_by) == ("pro", "won a prize", now + DAY, boss)


@pytest.mark.parametrize(
    ("change", "field"),
    [({"plan": "gold"}, "plan"), ({"reason": "  "}, "reason"), ({"reason": "x" * 301}, "reason"),
     ({"until": -DAY}, "until")],
)  # fmt: skip
def test_an_override_needs_a_known_plan_a_reason_and_an_end_ahead(ana, boss, now, change, field):
    facts = {"plan": "pro", "reason": "x" * 300, "until": DAY, **change}
    facts["until"] = now + facts["until"]
    assert list(refused("INVALID", subscriptions.override, user=ana, by=boss, **facts).fields) == [field]
    assert not TierOverride.objects.exists()


def test_a_withdrawn_override_stays_on_record_and_keeps_its_first_hour(ana, boss, now):
    row = subscriptions.override(user=ana, plan="pro", reason="x", until=now + DAY, by=boss)
    subscriptions.withdraw_override(override=row, by=boss)
    first = TierOverride.objects.get().withdrawn_at
    subscriptions.withdraw_override(override=row, by=boss)
    assert first and TierOverride.objects.get().withdrawn_at == first == row.withdrawn_at


# --- What is over -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("facts", "grace", "after"),
    [
        ({"ends": 1}, 0, "active"), ({"ends": None}, 0, "active"), ({"ends": -1}, 0, "expired"),
        ({"ends": -1}, 3, "active"), ({"ends": -3}, 3, "expired"),
        ({"ends": -1, "cancel_at_period_end": True}, 3, "cancelled"),
        ({"ends": -1, "status": "past_due"}, 3, "past_due"), ({"ends": -3, "status": "past_due"}, 3, "expired"),
        ({"ends": -3, "status": "past_due", "cancel_at_period_end": True}, 3, "cancelled"),
        ({"ends": -3, "status": "past_due", "stripe_subscription_id": "sub_1"}, 3, "past_due"),
        ({"ends": -3, "stripe_subscription_id": "sub_1"}, 3, "expired"),
        ({"ends": -3, "status": "cancelled"}, 0, "cancelled"), ({"ends": -3, "status": "expired"}, 0, "expired"),
    ],
)  # fmt: skip
def test_what_is_over_lapses_by_this_table(settings, ana, now, facts, grace, after):
    """C-10: past due and expired are free, behind the grace."""
    settings.SUBSCRIPTION_GRACE = grace * DAY
    row = make_subscription(ana, now, **facts)
    assert subscriptions.lapse(now) == (after != row.status)
    assert stored(row).status == after
    assert subscriptions.lapse(now) == 0


# --- The walls ----------------------------------------------------------------------------------------------------
def test_person_status_and_stripes_ids_are_indexed(db):
    """S4-13."""
    table = Subscription._meta.db_table
    with connection.cursor() as cursor:
        walls = connection.introspection.get_constraints(cursor, table).values()
    indexed = {wall["columns"][0] for wall in walls if wall["index"] or wall["unique"]}
    assert {"user_id", "status", "stripe_customer_id", "stripe_subscription_id"} <= indexed


@pytest.mark.django_db(transaction=True)
def test_of_many_who_begin_one_at_once_one_does():
    ana, boss = make_user("ana"), make_user("boss", roles=["admin"])
    Subscription.objects.create(user=ana, plan="pro", status="cancelled")
    works = [lambda: subscriptions.subscribe(user=User.objects.get(pk=ana.pk), plan="pro", by=boss)] * 4
    for row in [Subscription.objects.get() for _ in range(4)]:
        works.append(lambda row=row: subscriptions.reactivate(subscription=row, by=boss))
    outcomes = side_by_side(*works)
    assert sorted(getattr(outcome, "code", "done") for outcome in outcomes) == ["SUBSCRIBED"] * 7 + ["done"]
    assert Subscription.objects.live().count() == 1
