"""Tier from subscription, and the walls of the accounts' tables."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.models import ApiKey, Profile, Subscription, User
from tests.make import make_user

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("facts", "tier"),
    [
        ({}, "pro"), ({"plan": "enterprise"}, "enterprise"), ({"status": "past_due"}, "free"),
        ({"status": "cancelled"}, "free"), ({"status": "expired"}, "free"), ({"period_end": -DAY / 2}, "free"),
        ({"period_end": DAY}, "pro"), ({"period_start": DAY}, "free"),
    ],
)  # fmt: skip
def test_the_tier_is_the_plan_of_an_active_period(facts, tier):
    """S1-05, S4-13, C-10."""
    now = timezone.now()
    user = make_user("fan")
    facts = {name: now + value if isinstance(value, dt.timedelta) else value for name, value in facts.items()}
    Subscription.objects.create(**{"user": user, "plan": "pro", "period_start": now - DAY, **facts})
    assert user.tier == tier


def test_without_a_subscription_everyone_is_free(ana):
    assert ana.tier == "free"


def test_one_live_subscription_per_person(ana):
    Subscription.objects.create(user=ana, plan="pro")
    with pytest.raises(IntegrityError), transaction.atomic():
        Subscription.objects.create(user=ana, plan="enterprise", status="past_due")
    Subscription.objects.create(user=ana, plan="pro", status="expired")


@pytest.mark.parametrize("facts", [{"plan": "gold"}, {"status": "paused"}])
def test_plans_and_states_are_known_ones(ana, facts):
    with pytest.raises(IntegrityError), transaction.atomic():
        Subscription.objects.create(user=ana, **facts)


def test_usernames_are_one_regardless_of_case(ana, bob):
    with pytest.raises(IntegrityError), transaction.atomic():
        Profile.objects.filter(user=bob).update(username="ANA")


def test_a_key_with_an_unknown_scope_cannot_be_stored(ana):
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.create(user=ana, name="x", prefix="kt_", digest="0" * 64, scopes=["root"])


def test_createsuperuser_makes_an_admin():
    user = User.objects.create_superuser("root@example.org", "x" * 12)
    assert user.is_staff and user.has_perm("anything.at_all")
