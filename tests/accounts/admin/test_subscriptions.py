"""Subscriptions, tiers that staff give, and what Stripe told."""

import datetime as dt

import pytest
from django.utils import timezone

from apps.accounts import subscriptions
from apps.accounts.models import StripeEvent, Subscription, TierOverride, User
from apps.lib.admin import page_of
from tests.accounts.admin.desk import added, button_of, form_of, history, listed, moment, press, said

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0)
DAY = dt.timedelta(days=1)
SUBSCRIPTIONS, OVERRIDES, EVENTS = (
    f"/admin/accounts/{name}/" for name in ("subscription", "tieroverride", "stripeevent")
)


def subscribed(user: User, plan: str = "pro", **facts) -> Subscription:
    period = {"period_start": NOW - DAY, "period_end": NOW + 9 * DAY, **facts}
    return subscriptions.subscribe(user=user, plan=plan, by=None, **period)


def stored(row):
    return type(row).objects.get(pk=row.pk)


def plan_of(user: User) -> str:
    return User.objects.get(pk=user.pk).tier


def begun(number: int = 0, plan: str = "pro") -> dict[str, str]:
    name = f"subscriptions-{number}"
    return {f"{name}-plan": plan, **moment(f"{name}-period_start", NOW), **moment(f"initial-{name}-period_start", NOW)}


# --- Subscriptions -------------------------------------------------------------------------------------------------
def test_a_plan_given_on_the_persons_page_is_their_tier(desk, ana):
    answer = desk.post(page_of(ana), form_of(desk, ana, **begun(), **{"subscriptions-TOTAL_FORMS": 1}))
    assert answer.status_code == 302
    assert plan_of(ana) == "pro"
    assert "by the subscription, without an end" in desk.get(page_of(ana)).content.decode()


def test_a_second_plan_is_refused_in_words_and_nothing_of_the_form_is_saved(desk, ana):
    both = {**begun(0), **begun(1, "enterprise"), "subscriptions-TOTAL_FORMS": 2, "profile-0-bio": "x"}
    answer = desk.post(page_of(ana), form_of(desk, ana, **both))
    assert said(answer) == ["This person has a subscription that runs. Cancel it first."]
    assert not Subscription.objects.exists()
    ana.profile.refresh_from_db()
    assert ana.profile.bio == ""


def test_what_only_the_database_refuses_becomes_a_message_too(desk, ana, monkeypatch):
    monkeypatch.setattr(subscriptions, "_refuse_second", lambda user, now: None)
    both = {**begun(0), **begun(1), "subscriptions-TOTAL_FORMS": 2}
    answer = desk.post(page_of(ana), form_of(desk, ana, **both))
    assert "contradicts what is stored" in said(answer)[0]
    assert not Subscription.objects.exists()


def test_status_is_no_field_and_no_form_writes_it(desk, ana):
    row = subscribed(ana)
    sent = form_of(desk, row)
    assert not any("status" in name or "plan" in name for name in sent)
    desk.post(page_of(row), {**sent, "status": "expired", "plan": "enterprise", "user": str(ana.pk)})
    below = form_of(desk, ana, **{"subscriptions-0-status": "expired", "subscriptions-0-plan": "enterprise"})
    desk.post(page_of(ana), below)
    assert (stored(row).status, stored(row).plan) == ("active", "pro")


@pytest.mark.parametrize(
    ("name", "status", "at_end", "tier"),
    [
        ("cancel_later", "active", True, "pro"),
        ("cancel_now", "cancelled", False, "free"),
        ("expire", "expired", False, "free"),
    ],
)
def test_a_status_moves_by_buttons(desk, ana, name, status, at_end, tier):
    """S4-13."""
    row = subscribed(ana)
    press(desk, row, name)
    assert (stored(row).status, stored(row).cancel_at_period_end, plan_of(ana)) == (status, at_end, tier)
    assert len(history(row)) == 1
    press(desk, row, "reactivate")
    assert (stored(row).status, stored(row).cancel_at_period_end, plan_of(ana)) == ("active", False, "pro")


def test_a_button_that_makes_no_sense_is_not_offered_and_refuses(desk, ana):
    row = subscribed(ana)
    press(desk, row, "expire")
    content = desk.get(page_of(row)).content.decode()
    for name in ("cancel_later", "cancel_now", "expire"):
        assert button_of(row, name) not in content
        assert "This subscription is expired." in press(desk, row, name)[0]
    assert button_of(row, "reactivate") in content


def test_a_later_end_renews_what_is_past_due(desk, ana):
    row = subscribed(ana, period_end=NOW - dt.timedelta(hours=1))
    Subscription.machine.move(row, "past_due")
    assert plan_of(ana) == "free"
    sent = form_of(desk, row, **moment("period_end", NOW + 30 * DAY))
    assert desk.post(page_of(row), sent).status_code == 302
    assert (stored(row).status, stored(row).period_end, plan_of(ana)) == ("active", NOW + 30 * DAY, "pro")


def test_what_had_ended_begins_anew_with_a_new_end(desk, ana):
    row = subscribed(ana, period_end=NOW - dt.timedelta(hours=1))
    Subscription.machine.move(row, "expired")
    assert "until when it is paid" in press(desk, row, "reactivate")[0]
    desk.post(page_of(row), form_of(desk, row, **moment("period_end", NOW + 30 * DAY)))
    assert (stored(row).status, plan_of(ana)) == ("active", "pro")


@pytest.mark.parametrize(("end", "words"), [(NOW, "must be later"), (None, "required")])
def test_an_end_that_cannot_be_is_refused(desk, ana, end, words):
    row = subscribed(ana)
    changes = moment("period_end", end) if end else {"period_end_0": "", "period_end_1": ""}
    answer = desk.post(page_of(row), form_of(desk, row, **changes))
    assert words in (said(answer) or [answer.content.decode()])[0]
    assert stored(row).period_end == NOW + 9 * DAY


def test_what_stripe_keeps_is_changed_by_stripe_alone(desk, ana, settings):
    row = subscribed(ana)
    Subscription.objects.filter(pk=row.pk).update(stripe_subscription_id="sub_1", stripe_customer_id="cus_1")
    settings.STRIPE_WEBHOOK_SECRET = "whsec_for_this_test"
    content = desk.get(page_of(row)).content.decode()
    assert "sub_1" in content and "cus_1" in content and "/expire/" not in content
    assert "Stripe keeps this subscription" in press(desk, row, "expire")[0]
    sent = form_of(desk, row)
    assert not any("period_end" in name for name in sent)
    desk.post(page_of(row), {**sent, **moment("period_end", NOW + 99 * DAY)})
    assert (stored(row).status, stored(row).period_end) == ("active", NOW + 9 * DAY)


def test_subscriptions_are_found_by_status_plan_keeper_and_stripes_id(desk, ana, bob):
    mine, stripes = subscribed(ana), subscribed(bob, "enterprise")
    Subscription.objects.filter(pk=stripes.pk).update(stripe_subscription_id="sub_1")
    press(desk, mine, "expire")
    assert listed(desk, SUBSCRIPTIONS, status="expired") == [mine]
    assert listed(desk, SUBSCRIPTIONS, plan="enterprise") == [stripes]
    assert listed(desk, SUBSCRIPTIONS, kept="hand") == [mine]
    assert listed(desk, SUBSCRIPTIONS, q="sub_1") == [stripes]
    assert listed(desk, SUBSCRIPTIONS, q="ana@") == [mine]


# --- Tiers that staff give -----------------------------------------------------------------------------------------
def test_staff_give_another_tier_with_reason_and_end_and_withdraw_it(desk, boss, ana):
    """C-10."""
    new = added("tier_overrides", plan="enterprise", reason="A guest of the spring meeting")
    sent = form_of(desk, ana, **new, **moment("tier_overrides-0-until", NOW + 14 * DAY))
    assert desk.post(page_of(ana), sent).status_code == 302
    row = TierOverride.objects.get()
    assert (row.user, row.given_by, row.until, plan_of(ana)) == (ana, boss, NOW + 14 * DAY, "enterprise")
    content = desk.get(page_of(ana)).content.decode()
    assert f"given by staff until {NOW + 14 * DAY:%Y-%m-%d %H:%M} UTC: A guest of the spring meeting" in content
    assert button_of(row, "withdraw") in content
    assert press(desk, row, "withdraw") == ["The tier of ana@example.org is free now."]
    assert stored(row).withdrawn_at is not None
    assert button_of(row, "withdraw") not in desk.get(page_of(ana)).content.decode()
    assert history(row) == ["Withdraw"]


def test_an_override_without_reason_or_future_is_refused(desk, ana):
    for reason, until in (("", NOW + DAY), ("   ", NOW + DAY), ("late", NOW - DAY)):
        sent = form_of(desk, ana, **added("tier_overrides", plan="pro", reason=reason))
        desk.post(page_of(ana), sent | moment("tier_overrides-0-until", until))
    assert not TierOverride.objects.exists()


def test_an_override_is_never_changed_where_it_is_listed(desk, ana):
    row = subscriptions.override(user=ana, plan="pro", reason="a guest", until=NOW + DAY, by=None)
    forged = {"tier_overrides-0-id": str(row.pk), "tier_overrides-0-plan": "enterprise",
              "tier_overrides-0-DELETE": "on"}  # fmt: skip
    assert 'name="tier_overrides-0-plan"' not in desk.get(page_of(ana)).content.decode()
    desk.post(page_of(ana), form_of(desk, ana, **forged))
    assert stored(row).plan == "pro"
    assert desk.post(page_of(row), {"plan": "enterprise"}).status_code == 403
    assert listed(desk, OVERRIDES, state="now") == [row]
    assert listed(desk, OVERRIDES, state="over") == []


# --- Stripe --------------------------------------------------------------------------------------------------------
def test_what_stripe_told_is_read_and_never_written(desk):
    event = StripeEvent.objects.create(
        stripe_id="evt_1", kind="invoice.paid", said_at=NOW, customer_id="cus_1", facts={"a": 1}, outcome="ignored"
    )
    assert listed(desk, EVENTS, q="cus_1") == [event]
    assert listed(desk, EVENTS, outcome="applied") == []
    assert "evt_1" in desk.get(page_of(event)).content.decode()
    for page in (f"{EVENTS}add/", page_of(event), f"{EVENTS}{event.pk}/delete/"):
        assert desk.post(page, {"outcome": "applied", "post": "yes"}).status_code == 403
    assert stored(event).outcome == "ignored"
