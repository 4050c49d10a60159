"""The page of one's own subscription."""

import datetime as dt

import pytest
from django.utils import timezone

from apps.accounts import subscriptions
from apps.accounts.models import Subscription

pytestmark = pytest.mark.django_db

PAGE = "/account/subscription"
DAY = dt.timedelta(days=1)


def shown(client, user) -> str:
    client.force_login(user)
    answer = client.get(PAGE)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_it_asks_who_is_there(client):
    answer = client.get(PAGE)
    assert answer.status_code == 302 and answer["Location"].startswith("/sign-in")


def test_it_says_what_is_paid_and_what_that_gives(client, ana, boss):
    assert "You have no subscription." in shown(client, ana)
    end = dt.datetime(2050, 3, 14, tzinfo=dt.UTC)
    row = subscriptions.subscribe(user=ana, plan="pro", period_end=end, by=boss)
    page = shown(client, ana)
    assert "<strong>pro</strong>" in page and "Paid until" in page and "14 March 2050" in page
    subscriptions.cancel(subscription=row, by=boss)
    assert "Ends on" in shown(client, ana)
    subscriptions.expire(subscription=row, by=boss)
    page = shown(client, ana)
    assert "<strong>free</strong>" in page and "It has ended." in page


def test_it_says_that_staff_gave_the_tier_and_keeps_their_reason(client, ana, boss):
    until = dt.datetime(2050, 3, 14, tzinfo=dt.UTC)
    subscriptions.override(user=ana, plan="enterprise", reason="a quiet favour", until=until, by=boss)
    page = shown(client, ana)
    assert "given to you by staff" in page and "14 March 2050" in page and "favour" not in page


@pytest.mark.parametrize(("grace", "words"), [(0, "comes back"), (3, "You keep your tier until")])
def test_it_says_that_a_payment_is_missing(client, settings, ana, grace, words):
    settings.SUBSCRIPTION_GRACE = grace * DAY
    now = timezone.now()
    Subscription.objects.create(
        user=ana, plan="pro", status="past_due", period_start=now - 30 * DAY, period_end=now - DAY
    )
    assert words in shown(client, ana)
