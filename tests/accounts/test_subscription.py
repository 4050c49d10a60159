"""`manage.py subscription`: an operator's word about a tier."""

import datetime as dt
import io

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.accounts import stripe_events
from apps.accounts.models import Subscription, TierOverride
from tests.fakes import stripe_sender as sender

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("subscription", *words, stdout=out)
    return out.getvalue()


def test_a_tier_is_given_until_the_end_of_a_day_and_taken_back(ana):
    """C-10."""
    said = run("ANA@example.org", "--plan", "pro", "--until", "2050-01-31", "--reason", "moved house")
    row = TierOverride.objects.get()
    assert (row.until, row.given_by, ana.tier) == (dt.datetime(2050, 2, 1, tzinfo=dt.UTC), None, "pro")
    assert "pro, given by override until 2050-02-01 00:00 UTC" in said and "moved house" in said
    assert "free, given by nothing" in run("ana@example.org", "--withdraw")
    assert TierOverride.objects.get().withdrawn_at


@pytest.mark.parametrize("until", ["2050-01-31T12:00", "2050-01-31 14:00+02:00", "2050-01-31T12:00Z"])
def test_the_end_may_be_a_moment(ana, until):
    run("ana@example.org", "--plan", "pro", "--until", until, "--reason", "x")
    assert TierOverride.objects.get().until == dt.datetime(2050, 1, 31, 12, tzinfo=dt.UTC)


def test_what_gives_the_tier_is_shown_and_nothing_changes(ana):
    now = timezone.now()
    Subscription.objects.create(user=ana, plan="pro", cancel_at_period_end=True, period_end=now + dt.timedelta(days=1))
    link = sender.event(stripe_events.CHECKOUT, sender.checkout("cus_1", str(ana.pk)), said=int(now.timestamp()))
    paid = sender.subscription("sub_1", "cus_1", sender.price("p", "enterprise"), start=1, end=2)
    told = sender.event("customer.subscription.updated", paid, said=int(now.timestamp()))
    assert [stripe_events.receive(event) for event in (link, told)] == ["applied"] * 2
    before = list(Subscription.objects.values())
    said = run("ana@example.org", "--show")
    assert "enterprise, expired, sub_1" in said and "customer.subscription.updated: Applied" in said
    assert "pro, active, kept by hand" in said and "ends then" in said
    assert list(Subscription.objects.values()) == before


@pytest.mark.parametrize(
    "words",
    [
        ["nobody@example.org", "--show"], ["ana@example.org"], ["ana@example.org", "--plan", "pro"],
        ["ana@example.org", "--show", "--withdraw"], ["ana@example.org", "--show", "--plan", "pro"],
        ["ana@example.org", "--plan", "gold", "--until", "2050-01-31", "--reason", "x"],
        ["ana@example.org", "--plan", "pro", "--until", "2050-01-31"],
        ["ana@example.org", "--plan", "pro", "--until", "2050-01-31", "--reason", "  "],
        ["ana@example.org", "--plan", "pro", "--until", "2001-01-31", "--reason", "x"],
        ["ana@example.org", "--plan", "pro", "--until", "soon", "--reason", "x"],
        ["ana@example.org", "--plan", "pro", "--until", "2050-02-31", "--reason", "x"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_makes_no_sense_is_said_in_a_line(ana, words):
    with pytest.raises(CommandError):
        run(*words)
    assert not TierOverride.objects.exists()
