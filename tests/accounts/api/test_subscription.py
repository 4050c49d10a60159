"""`/api/v1/me/subscription`: what is paid for, the tier now and what gives it (S4-13, C-10)."""

import datetime as dt

import pytest
from django.utils import timezone

from apps.accounts import subscriptions
from apps.accounts.models import Subscription
from tests.make import make_key

pytestmark = pytest.mark.django_db

MINE = "/api/v1/me/subscription"
DAY = dt.timedelta(days=1)
NOTHING = {
    "tier": "free", "given_by": "nothing", "until": None, "plan": "free", "status": None, "period_start": None,
    "period_end": None, "cancel_at_period_end": False,
}  # fmt: skip


def when(moment: dt.datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def test_without_one_everyone_is_free(as_, ana):
    assert as_(ana).get(MINE).json() == NOTHING


def test_it_tells_plan_status_period_and_the_tier_they_give(settings, as_, ana, boss):
    settings.SUBSCRIPTION_GRACE = 2 * DAY
    row = subscriptions.subscribe(user=ana, plan="pro", period_end=timezone.now() + 9 * DAY, by=boss)
    running = {
        "tier": "pro", "given_by": "subscription", "until": when(row.period_end + 2 * DAY), "plan": "pro",
        "status": "active", "period_start": when(row.period_start), "period_end": when(row.period_end),
        "cancel_at_period_end": False,
    }  # fmt: skip
    assert as_(ana).get(MINE).json() == running
    subscriptions.cancel(subscription=row, by=boss)
    ends = {"until": when(row.period_end), "cancel_at_period_end": True}
    assert as_(ana).get(MINE).json() == {**running, **ends}
    subscriptions.expire(subscription=row, by=boss)
    gone = {"tier": "free", "given_by": "nothing", "until": None, "status": "expired"}
    assert as_(ana).get(MINE).json() == {**running, **ends, **gone}


def test_it_tells_staffs_word_beside_what_is_paid(as_, ana, boss):
    subscriptions.subscribe(user=ana, plan="pro", by=boss)
    until = timezone.now() + DAY
    subscriptions.override(user=ana, plan="enterprise", reason="a quiet favour", until=until, by=boss)
    answer = as_(ana).get(MINE)
    told = answer.json()
    assert (told["tier"], told["given_by"], told["until"], told["plan"]) == (
        "enterprise", "override", when(until), "pro",
    )  # fmt: skip
    assert "favour" not in answer.content.decode()


def test_the_one_that_runs_is_shown_before_a_later_one_that_ended(as_, ana):
    now = timezone.now()
    Subscription.objects.create(user=ana, plan="pro", period_start=now - 9 * DAY)
    Subscription.objects.create(user=ana, plan="enterprise", status="cancelled", period_start=now - DAY)
    assert as_(ana).get(MINE).json()["plan"] == "pro"


def test_it_is_ones_own_and_read_only(as_, ana, bob, boss):
    subscriptions.subscribe(user=ana, plan="pro", by=boss)
    assert as_(bob).get(MINE).json() == NOTHING
    assert as_(None).get(MINE).status_code == 401
    for method in ("post", "put", "patch", "delete"):
        refused = getattr(as_(ana), method)(MINE, {"plan": "enterprise", "tier": "enterprise"}, format="json")
        assert (refused.status_code, refused.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert Subscription.objects.get().plan == "pro"


@pytest.mark.parametrize(("scope", "status"), [("read", 200), ("upload", 403)])
def test_a_key_needs_the_scope_read(as_, ana, scope, status):
    client = as_(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(ana, scope)}")
    assert client.get(MINE).status_code == status
