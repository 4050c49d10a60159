"""Which tier somebody has: the override, else the subscription that holds, else free (S1-05, C-10)."""

import datetime as dt
import itertools

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts import subscriptions, tiers
from apps.accounts.models import Subscription, TierOverride, User
from apps.accounts.models.subscription import PLANS
from tests.make import make_track, make_user

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)
STATUSES = ("active", "past_due", "cancelled", "expired")
ENDS = (None, 5, 1, -1, -5)  # days from now
GRACE = (0, 3)


def expected(status: str, end: int | None, cancels: bool, grace: int) -> str:
    """The rule once more, in days and words of its own."""
    within_grace = not cancels and end is not None and -grace < end <= 0
    if status == "active":
        return "pro" if end is None or end > 0 or within_grace else "free"
    return "pro" if status == "past_due" and within_grace else "free"


def make_crowd(now: dt.datetime) -> dict[tuple, User]:
    """One person for each way in which a subscription may stand."""
    ways = list(itertools.product(STATUSES, ENDS, (False, True)))
    people = User.objects.bulk_create(User(email=f"crowd{number}@example.org") for number in range(len(ways)))
    Subscription.objects.bulk_create(
        Subscription(
            user=user, plan="pro", status=status, period_start=now - 30 * DAY, cancel_at_period_end=cancels,
            period_end=None if end is None else now + end * DAY,
        )
        for user, (status, end, cancels) in zip(people, ways, strict=True)
    )  # fmt: skip
    return dict(zip(ways, people, strict=True))


@pytest.mark.parametrize("grace", GRACE)
def test_a_subscription_gives_its_plan_by_this_table(settings, grace, django_assert_num_queries):
    """S4-13: also for a list of people, in one query."""
    settings.SUBSCRIPTION_GRACE = grace * DAY
    now = timezone.now()
    crowd = make_crowd(now)
    with django_assert_num_queries(1):
        found = dict(User.objects.annotate(tier_now=tiers.tier(now)).values_list("pk", "tier_now"))
    assert {way: found[user.pk] for way, user in crowd.items()} == {way: expected(*way, grace) for way in crowd}
    assert {way: tiers.tier_of(user, now) for way, user in crowd.items()} == {w: found[u.pk] for w, u in crowd.items()}


@pytest.mark.parametrize("grace", GRACE)
def test_what_gives_a_tier_ends_when_it_says(settings, grace):
    settings.SUBSCRIPTION_GRACE = grace * DAY
    now = timezone.now()
    for user in make_crowd(now).values():
        standing = tiers.standing_of(user, now)
        assert standing.tier == tiers.tier_of(user, now)
        assert standing.given_by == ("nothing" if standing.tier == "free" else "subscription")
        if standing.until:
            assert tiers.tier_of(user, standing.until - dt.timedelta(microseconds=1)) == "pro"
            assert tiers.tier_of(user, standing.until) == "free"


@pytest.mark.parametrize("grace", GRACE)
def test_what_runs_and_is_not_over_is_what_holds_or_will(settings, grace):
    """Nothing lapses while it gives access, and an active one that gives none any more is over."""
    settings.SUBSCRIPTION_GRACE = grace * DAY
    now = timezone.now()
    make_crowd(now)
    over, holding = set(Subscription.objects.over(now)), set(Subscription.objects.holding(now))
    assert over & holding == set()
    assert {row for row in over | holding if row.status == "active"} == set(
        Subscription.objects.filter(status="active")
    )


def test_a_period_that_has_not_begun_gives_nothing(ana):
    Subscription.objects.create(user=ana, plan="pro", period_start=timezone.now() + DAY)
    assert ana.tier == "free"


def give(user: User, plan: str, days: int = 7, **facts) -> TierOverride:
    return TierOverride.objects.create(
        user=user, plan=plan, reason="a prize", until=timezone.now() + days * DAY, **facts
    )


@pytest.mark.parametrize(("paid", "given"), list(itertools.product(PLANS, repeat=2)))
def test_staffs_word_beats_what_is_paid(paid, given):
    """C-10: up and down."""
    user = make_user(plan=paid)
    row = give(user, given)
    assert user.tier == given
    assert tiers.standing_of(user) == tiers.Standing(given, "override", row.until)
    assert tiers.tier_of(user, row.until) == paid


def test_a_withdrawn_override_counts_no_more():
    user = make_user(plan="pro")
    give(user, "enterprise", withdrawn_at=timezone.now())
    assert user.tier == "pro"


def test_the_newest_override_counts_and_after_it_the_one_before(ana):
    give(ana, "pro", days=30)
    short = give(ana, "enterprise", days=1)
    assert tiers.tier_of(ana) == "enterprise"
    assert tiers.tier_of(ana, short.until) == "pro"


def test_a_tier_is_asked_once_and_forgotten_when_it_changes(ana, boss, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert (ana.tier, ana.tier) == ("free", "free")
    row = subscriptions.subscribe(user=ana, plan="pro", period_end=timezone.now() + DAY, by=boss)
    assert ana.tier == "pro"
    given = subscriptions.override(user=ana, plan="enterprise", reason="x", until=timezone.now() + DAY, by=boss)
    assert ana.tier == "enterprise"
    subscriptions.withdraw_override(override=given, by=boss)
    assert ana.tier == "pro"
    for act, tier in ((subscriptions.expire, "free"), (subscriptions.reactivate, "pro")):
        act(subscription=row, by=boss)
        assert ana.tier == tier
    subscriptions.cancel(subscription=row, at_period_end=False, by=boss)
    assert ana.tier == "free"


def test_a_page_of_tracks_knows_the_tier_from_the_person(as_, bob, ana):
    for number in range(3):
        make_track(bob, title=f"Tune {number}", is_public=True, is_pro_only=True)
    client = as_(ana)
    with CaptureQueriesContext(connection) as seen:
        assert len(client.get("/api/v1/tracks").json()["results"]) == 3
    assert len(seen) == 4  # the session, the person, which tracks, the tracks
