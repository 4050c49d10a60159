"""What Stripe tells, late, twice and in any order, and the subscriptions that come of it (S4-13)."""

import datetime as dt
import json
from functools import partial

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from apps.accounts import stripe_events, subscriptions
from apps.accounts.models import StripeEvent, Subscription, User
from apps.lib.errors import Refusal
from tests.fakes import stripe_sender as sender
from tests.lib.threads import side_by_side
from tests.make import make_user

pytestmark = pytest.mark.django_db

DAY, MONTH = 86_400, 30 * 86_400
NOW = int(timezone.now().timestamp())
PRO, ENTERPRISE = sender.price("price_pro", "pro"), sender.price("price_enterprise", "enterprise")
UNKNOWN = sender.price("price_team")
CREATED, UPDATED, DELETED = stripe_events.KINDS


def moment(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def tell(kind: str = CREATED, *prices, said: int = NOW, stripe_id: str = "", sub: str = "sub_1", **facts) -> str:
    """One event about a subscription of cus_1 that is paid from today for a month; the outcome."""
    facts = {"customer": "cus_1", "start": NOW - DAY, "end": NOW - DAY + MONTH, **facts}
    about = sender.subscription(sub, facts.pop("customer"), *(prices or [PRO]), **facts)
    return stripe_events.receive(sender.event(kind, about, said=said, stripe_id=stripe_id))


def link(user: User, customer: str = "cus_1", *, said: int = NOW, stripe_id: str = "") -> str:
    about = sender.checkout(customer, str(user.pk), subscription="sub_1")
    return stripe_events.receive(sender.event(stripe_events.CHECKOUT, about, said=said, stripe_id=stripe_id))


def row(sub: str = "sub_1") -> Subscription:
    return Subscription.objects.get(stripe_subscription_id=sub)


def tier(user: User) -> str:
    return User.objects.get(pk=user.pk).tier


@pytest.fixture
def payer(ana) -> User:
    """Ana, whose customer is cus_1."""
    link(ana)
    return ana


# --- Who pays -----------------------------------------------------------------------------------------------------
def test_a_checkout_makes_the_customer_somebodys(payer):
    assert tell() == "applied"
    assert (row().user, row().plan, row().status, tier(payer)) == (payer, "pro", "active", "pro")
    assert (row().stripe_customer_id, row().stripe_said_at) == ("cus_1", moment(NOW))


def test_what_was_told_of_nobody_is_kept_and_applied_when_the_checkout_comes(ana):
    assert [tell(), tell(UPDATED, ENTERPRISE, said=NOW + 1)] == ["unmatched"] * 2
    assert not Subscription.objects.exists()
    assert link(ana) == "applied"
    assert tier(ana) == "enterprise"
    outcomes = StripeEvent.objects.order_by("said_at", "kind").values_list("kind", "outcome")
    assert dict(outcomes) == {stripe_events.CHECKOUT: "applied", CREATED: "stale", UPDATED: "applied"}


@pytest.mark.parametrize("reference", [None, "", "ana", "ana@example.org", 7, ["a"]])
def test_a_checkout_that_names_no_person_is_ignored(ana, reference):
    about = sender.checkout("cus_1", reference)
    assert stripe_events.receive(sender.event(stripe_events.CHECKOUT, about, said=NOW)) == "ignored"
    assert tell() == "unmatched"


def test_a_checkout_of_a_person_who_is_not_there_waits(ana):
    assert link(User(email="gone@example.org")) == "unmatched"
    assert tell() == "unmatched"
    assert not Subscription.objects.exists()


def test_a_customer_stays_with_whoever_paid_first(payer, bob):
    tell()
    assert link(bob, said=NOW + 1) == "stale"
    tell(UPDATED, ENTERPRISE, said=NOW + 2)
    assert (tier(payer), tier(bob)) == ("enterprise", "free")


def test_a_customer_that_staff_named_is_found_within_the_hour(ana):
    """A shop that existed before: the row came by import, Stripe's word for it later."""
    Subscription.objects.create(user=ana, plan="pro", stripe_customer_id="cus_1", stripe_subscription_id="sub_1")
    StripeEvent.objects.bulk_create([stripe_events.read(sender.event(
        UPDATED, sender.subscription("sub_1", "cus_1", ENTERPRISE, start=NOW, end=NOW + MONTH), said=NOW))])  # fmt: skip
    assert (stripe_events.again(), tier(ana)) == (1, "enterprise")
    assert stripe_events.again() == 0


def test_a_subscription_that_is_another_persons_here_waits_and_stops_nobody(settings, ana, bob, caplog):
    carl = make_user("carl")
    wrong = Subscription.objects.create(user=bob, plan="pro", stripe_subscription_id="sub_1")
    link(ana)
    assert tell() == "unmatched"
    assert "sub_1 of Stripe is another person's here" in caplog.text
    assert tell(sub="sub_3", said=NOW + 1) == "applied"
    link(carl, "cus_2")
    tell(CREATED, UNKNOWN, sub="sub_2", customer="cus_2")
    settings.STRIPE_PRICES = {"price_team": "enterprise"}
    assert (stripe_events.again(), tier(carl), row().user) == (2, "enterprise", bob)
    Subscription.objects.filter(pk=wrong.pk).update(user=ana, status="expired")
    assert (stripe_events.again(), row().stripe_customer_id) == (1, "cus_1")
    assert stripe_events.again() == 0


def test_a_customer_that_cannot_be_applied_stops_nobody_behind_it(settings, ana, bob, monkeypatch, caplog):
    for user, number in ((ana, "1"), (bob, "2")):
        link(user, f"cus_{number}")
        tell(CREATED, UNKNOWN, sub=f"sub_{number}", customer=f"cus_{number}")
    settings.STRIPE_PRICES = {"price_team": "enterprise"}
    follow = subscriptions._follow

    def fail_for_ana(user, *rest) -> None:
        follow(user, *rest)
        if user == ana:
            Subscription.objects.create(user=ana, plan="pro", stripe_subscription_id="sub_1")

    monkeypatch.setattr(subscriptions, "_follow", fail_for_ana)
    assert (stripe_events.again(), tier(ana), tier(bob)) == (2, "free", "enterprise")
    assert "what Stripe told of cus_1 cannot be applied" in caplog.text


# --- What a subscription is -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("said", "status", "gives"),
    [
        ("trialing", "active", "pro"), ("active", "active", "pro"), ("past_due", "past_due", "free"),
        ("canceled", "cancelled", "free"), ("unpaid", "expired", "free"), ("paused", "expired", "free"),
        ("incomplete", "expired", "free"), ("incomplete_expired", "expired", "free"),
    ],
)  # fmt: skip
def test_stripes_words_mean_this(payer, said, status, gives):
    tell(status=said)
    assert (row().status, tier(payer)) == (status, gives)


@pytest.mark.parametrize("version", [sender.NEW, sender.OLD])
def test_the_period_is_read_from_either_place(payer, version):
    tell(version=version)
    assert (row().period_start, row().period_end) == (moment(NOW - DAY), moment(NOW - DAY + MONTH))


def test_the_setting_names_a_prices_plan_before_its_metadata_does(settings, payer):
    settings.STRIPE_PRICES = {"price_pro": "enterprise"}
    tell()
    assert row().plan == "enterprise"


def test_of_several_prices_the_best_plan_counts_with_its_period(payer):
    tell(CREATED, UNKNOWN, PRO, ENTERPRISE, PRO)
    assert row().plan == "enterprise"


def test_a_price_that_names_no_plan_is_kept_until_it_does(settings, payer, caplog):
    assert tell(CREATED, UNKNOWN) == "unmatched"
    assert "STRIPE_PRICES" in caplog.text
    assert not Subscription.objects.exists()
    settings.STRIPE_PRICES = {"price_team": "enterprise"}
    assert (stripe_events.again(), tier(payer)) == (1, "enterprise")
    assert StripeEvent.objects.get(kind=CREATED).outcome == "applied"


def test_a_change_to_a_price_that_names_no_plan_leaves_the_plan(payer):
    tell()
    assert tell(UPDATED, UNKNOWN, said=NOW + 1, cancel_at_period_end=True) == "unmatched"
    assert (row().plan, row().cancel_at_period_end, tier(payer)) == ("pro", True, "pro")


@pytest.mark.parametrize(
    ("facts", "cancels"),
    [({"cancel_at_period_end": True}, True), ({"cancel_at": NOW - DAY + MONTH}, True), ({"cancel_at": NOW}, True),
     ({"cancel_at": NOW + 3 * MONTH}, False), ({}, False)],
)  # fmt: skip
def test_a_cancellation_for_the_end_keeps_access_until_then(payer, facts, cancels):
    """C-10: Stripe says it by a flag, or by the day on which it ends."""
    tell(UPDATED, **facts)
    assert (row().status, row().cancel_at_period_end, tier(payer)) == ("active", cancels, "pro")


def test_a_deleted_one_is_cancelled_whatever_it_says_of_itself(payer):
    tell()
    tell(DELETED, said=NOW + 1, status="active")
    assert (row().status, tier(payer)) == ("cancelled", "free")


def test_a_payment_that_fails_costs_the_tier_after_the_grace_and_a_later_one_brings_it_back(settings, payer):
    """C-10: the grace counts from when Stripe first said that the payment is missing."""
    settings.SUBSCRIPTION_GRACE = dt.timedelta(days=3)
    tell(said=NOW - DAY)
    tell(UPDATED, status="past_due", said=NOW - 3600)
    tell(UPDATED, status="past_due", said=NOW - 60)
    assert (row().status, row().period_end, tier(payer)) == ("past_due", moment(NOW - 3600), "pro")
    settings.SUBSCRIPTION_GRACE = dt.timedelta(0)
    assert tier(payer) == "free"
    subscriptions.lapse()
    assert row().status == "past_due", "Stripe still tries the card"
    tell(UPDATED, said=NOW)
    assert (row().status, row().period_end, tier(payer)) == ("active", moment(NOW - DAY + MONTH), "pro")


def test_when_stripe_falls_silent_what_was_paid_ends_with_its_period(payer):
    tell(start=NOW - MONTH, end=NOW - 60)
    assert (row().status, tier(payer)) == ("expired", "free")
    tell(UPDATED, said=NOW, start=NOW - 60, end=NOW - 60 + MONTH)
    assert (row().status, tier(payer)) == ("active", "pro")


# --- Order and repetition -----------------------------------------------------------------------------------------
def test_the_same_event_again_changes_nothing(payer):
    assert tell(stripe_id="evt_same") == "applied"
    before = Subscription.objects.values().get()
    tell(DELETED, stripe_id="evt_same", said=NOW + 5)
    assert (Subscription.objects.values().get(), StripeEvent.objects.filter(kind=DELETED).count()) == (before, 0)


def test_an_older_word_is_kept_and_changes_nothing(payer):
    tell(UPDATED, said=NOW, status="past_due")
    before = Subscription.objects.values().get()
    assert tell(UPDATED, ENTERPRISE, said=NOW - 60, end=NOW + 3 * MONTH) == "stale"
    assert Subscription.objects.values().get() == before


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(
    ("told", "after"),
    [
        ([(CREATED, {"status": "incomplete"}), (UPDATED, {"status": "active"})], "active"),
        ([(CREATED, {}), (UPDATED, {"status": "past_due"}), (DELETED, {"status": "canceled"})], "cancelled"),
        ([(CREATED, {"status": "active"}), (UPDATED, {"status": "past_due"})], "past_due"),
        ([(UPDATED, {"status": "active"}), (UPDATED, {"status": "past_due", "end": NOW + 2 * MONTH})], "past_due"),
        ([(UPDATED, {"status": "past_due"}), (UPDATED, {"status": "active"})], "active"),
        ([(UPDATED, {"status": "active"}), (UPDATED, {"status": "canceled"})], "cancelled"),
        ([(UPDATED, {"status": "incomplete"}), (UPDATED, {"status": "past_due"})], "past_due"),
    ],
)  # fmt: skip
def test_of_two_words_in_one_second_the_kind_and_then_the_facts_decide(payer, told, after, backwards):
    for kind, facts in reversed(told) if backwards else told:
        tell(kind, **facts)
    assert row().status == after


def test_of_two_words_that_differ_in_nothing_that_ranks_the_same_one_counts_always():
    told = [spoken((("sub_1", "cus_1"), UPDATED, 0, "active", PRO, DAY, False), number) for number in range(2)]
    told[0]["data"]["object"]["items"]["data"][0]["current_period_start"] -= DAY
    rows = [stripe_events.read(event) for event in told]
    assert stripe_events.work_out(rows) == stripe_events.work_out(rows[::-1])


def test_what_is_final_stays_whatever_is_said_later(payer):
    tell(DELETED, said=NOW)
    assert tell(UPDATED, said=NOW + 60) == "stale"
    assert (row().status, tier(payer)) == ("cancelled", "free")


# One of three subscriptions of two customers, said within a few seconds, with any status, plan and period.
words = st.tuples(
    st.sampled_from([("sub_1", "cus_1"), ("sub_2", "cus_1"), ("sub_3", "cus_2")]),
    st.sampled_from(stripe_events.KINDS),
    st.integers(0, 4),
    st.sampled_from(sorted(stripe_events.STATUSES)),
    st.sampled_from([PRO, ENTERPRISE, UNKNOWN]),
    st.sampled_from([-DAY, DAY, MONTH]),
    st.booleans(),
)
BEGAN = {"sub_1": NOW - 3 * MONTH, "sub_2": NOW - MONTH, "sub_3": NOW - 2 * MONTH}


def spoken(word: tuple, number: int) -> dict:
    (sub, customer), kind, after, status, price, ends, cancels = word
    about = sender.subscription(
        sub, customer, price, status=status, start=BEGAN[sub], created=BEGAN[sub], end=NOW + ends,
        cancel_at_period_end=cancels,
    )  # fmt: skip
    return sender.event(kind, about, said=NOW + 60 + after, stripe_id=f"evt_{number}")


@given(words=st.lists(words, max_size=8), data=st.data())
def test_what_was_said_means_the_same_in_every_order(words, data):
    rows = [stripe_events.read(spoken(word, number)) for number, word in enumerate(words)]
    shuffled = data.draw(st.permutations(rows))
    assert by_id(stripe_events.work_out(shuffled)) == by_id(stripe_events.work_out(rows))


def by_id(told: list[subscriptions.Told]) -> dict:
    return {state.id: state for state in told}


@example_settings(max_examples=12, deadline=None)
@given(words=st.lists(words, max_size=6), data=st.data())
def test_the_end_is_the_same_in_whatever_order_and_however_often_it_is_delivered(words, data):
    """A history of two customers with their checkouts, beside a subscription kept by hand; permuted and repeated."""
    told = [spoken(word, number) for number, word in enumerate(words)]
    by_hand = data.draw(st.booleans())
    expected = delivered(told + checkouts(), by_hand)
    twice = told + checkouts() + data.draw(st.lists(st.sampled_from(told + checkouts()), max_size=4))
    assert delivered(data.draw(st.permutations(twice)), by_hand) == expected


def checkouts() -> list[dict]:
    return [
        sender.event(stripe_events.CHECKOUT, sender.checkout(customer, "{person}"), said=NOW + 60, stripe_id=stripe_id)
        for customer, stripe_id in (("cus_1", "evt_link_1"), ("cus_2", "evt_link_2"))
    ]


def delivered(told: list[dict], by_hand: bool) -> tuple:
    """Everything that stands in the end for a new person to whom this was told."""
    user = make_user()
    if by_hand:
        Subscription.objects.create(user=user, plan="enterprise")
        user.subscriptions.update(created_at=moment(NOW - DAY))
    for event in told:
        stripe_events.receive(json.loads(json.dumps(event).replace("{person}", str(user.pk))))
    names = ("stripe_subscription_id", "status", "plan", "period_end", "cancel_at_period_end", "stripe_said_at")
    rows = sorted(user.subscriptions.values_list(*names), key=str)
    assert sum(row[1] in ("active", "past_due") for row in rows) <= 1
    stands = [tuple(row[:3]) if not row[0] else row for row in rows], tier(user)
    StripeEvent.objects.all().delete()
    user.delete()
    return stands


# --- Several at once ----------------------------------------------------------------------------------------------
def test_of_two_that_run_the_newer_is_the_persons_until_it_ends(payer):
    link(payer, "cus_2")
    tell(created=NOW - DAY)
    tell(CREATED, ENTERPRISE, sub="sub_2", customer="cus_2", created=NOW - 2 * DAY, said=NOW + 60)
    assert (row("sub_1").status, row("sub_2").status, tier(payer)) == ("active", "expired", "pro")
    tell(DELETED, created=NOW - DAY, said=NOW + 120)
    assert (row("sub_1").status, row("sub_2").status, tier(payer)) == ("cancelled", "active", "enterprise")


def test_one_that_is_paid_goes_before_one_that_is_not(payer):
    tell(created=NOW - 2 * DAY)
    tell(CREATED, ENTERPRISE, sub="sub_2", created=NOW - DAY, status="past_due")
    assert (row("sub_1").status, row("sub_2").status, tier(payer)) == ("active", "expired", "pro")


def test_one_kept_by_hand_gives_way_to_one_that_is_paid(payer):
    own = Subscription.objects.create(user=payer, plan="enterprise")
    tell(status="past_due")
    assert (row().status, tier(payer)) == ("expired", "enterprise")
    tell(UPDATED, said=NOW + 1)
    own.refresh_from_db()
    assert (own.status, row().status, tier(payer)) == ("expired", "active", "pro")


@pytest.mark.parametrize(("said", "after"), [(NOW - 60, "expired"), (NOW - 2 * DAY, "active")], ids=["since", "before"])
def test_one_kept_by_hand_gave_way_also_to_one_that_has_ended_by_the_time_we_hear_of_it(payer, said, after):
    """As it would have in the right order; unless that one had ended before it began."""
    own = Subscription.objects.create(user=payer, plan="enterprise")
    Subscription.objects.update(created_at=moment(NOW - DAY))
    tell(DELETED, said=said + 1)
    own.refresh_from_db()
    assert own.status == "active"
    tell(UPDATED, said=said)
    own.refresh_from_db()
    assert (own.status, row().status) == (after, "cancelled")


# --- What is kept -------------------------------------------------------------------------------------------------
def test_only_what_decides_is_kept(payer):
    """No address, no card: what is not there cannot be stolen."""
    about = sender.subscription("sub_1", "cus_1", PRO, start=NOW, end=NOW + MONTH)
    about |= {"default_source": {"last4": "4242"}, "metadata": {"email": "payer@example.org"}, "description": "4242"}
    stripe_events.receive(sender.event(CREATED, about, said=NOW))
    kept = json.dumps(list(StripeEvent.objects.values()), default=str)
    assert "4242" not in kept and "payer@" not in kept and "PT" not in kept
    assert set(StripeEvent.objects.get(kind=CREATED).facts) == {"status", "began", "cancels", "cancels_at", "items"}


@pytest.mark.parametrize("kind", ["invoice.paid", "invoice.payment_failed", "customer.deleted", "a.kind.to.come"])
def test_other_kinds_are_ignored_and_forgotten_after_a_month(payer, kind):
    assert stripe_events.receive(sender.event(kind, {"id": "x", "email": "payer@example.org"}, said=NOW)) == "ignored"
    tell()
    assert StripeEvent.objects.get(kind=kind).facts == {}
    assert stripe_events.forget() == 0
    assert stripe_events.forget(now=timezone.now() + dt.timedelta(days=31)) == 1
    assert set(StripeEvent.objects.values_list("kind", flat=True)) == {stripe_events.CHECKOUT, CREATED}


def test_what_waits_for_nobody_is_forgotten_after_three_months(payer):
    """Of a person who is here the last word stays, whatever its price."""
    tell(CREATED, UNKNOWN)
    tell(sub="sub_2", customer="cus_2")
    link(User(email="gone@example.org"), "cus_3")
    assert stripe_events.forget(now=timezone.now() + dt.timedelta(days=89)) == 0
    assert stripe_events.forget(now=timezone.now() + dt.timedelta(days=91)) == 2
    assert set(StripeEvent.objects.values_list("customer_id", flat=True)) == {"cus_1"}


def test_a_status_to_come_is_kept_and_changes_nothing(payer, caplog):
    tell()
    assert tell(UPDATED, said=NOW + 1, status="hibernating") == "ignored"
    assert "hibernating" in caplog.text and (row().status, tier(payer)) == ("active", "pro")


WELL = sender.event(CREATED, sender.subscription("sub_1", "cus_1", PRO, start=NOW, end=NOW + MONTH), said=NOW)


def bent(path: str, value=None) -> dict:
    """The event with one place of it replaced, or without it."""
    copy = json.loads(json.dumps(WELL))
    *places, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    place = copy
    for part in places:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return copy


@pytest.mark.parametrize(
    "event",
    [
        [], "event", None, 7, {}, {"object": "event"}, bent("object", "v2.core.event"), bent("id"), bent("id", "a b"),
        bent("id", "x" * 256), bent("id", 7), bent("type", "Über"), bent("type", "x" * 81), bent("created"),
        bent("created", "now"), bent("created", True), bent("created", -1), bent("created", 10**15),
        bent("created", 1.5), bent("data"), bent("data", []), bent("data.object", []), bent("data.object.id"),
        bent("data.object.customer"), bent("data.object.customer", "c" * 65), bent("data.object.customer", "\0"),
        bent("data.object.customer", {"id": "cus_1"}), bent("data.object.status", ["active"]),
        bent("data.object.status", "a\0b"), bent("data.object.items"), bent("data.object.items.data", []),
        bent("data.object.items.data", {"0": 1}), bent("data.object.items.data.0", "x"),
        bent("data.object.items.data.0.price"), bent("data.object.items.data.0.price.id", "\0"),
        bent("data.object.items.data.0.price.metadata", "pro"),
        bent("data.object.items.data.0.current_period_end"), bent("data.object.items.data.0.current_period_end", "x"),
        bent("data.object.items.data.0.current_period_start"), bent("data.object.created"),
        bent("data.object.cancel_at", "soon"), bent("data.object.cancel_at", 10**30),
    ],
    ids=lambda event: "",
)  # fmt: skip
def test_what_is_not_shaped_like_stripes_is_refused_and_nothing_kept(payer, event):
    with pytest.raises(Refusal) as no:
        stripe_events.receive(event)
    assert (no.value.code, no.value.status) == ("MALFORMED", 400)
    assert StripeEvent.objects.count() == 1 and not Subscription.objects.exists()


def test_a_period_that_runs_back_is_taken_as_a_moment(payer):
    tell(start=NOW + DAY, end=NOW)
    assert row().period_end == moment(NOW + DAY + 1)


def test_the_events_of_a_person_are_theirs_alone(payer, bob):
    tell()
    link(bob, "cus_2")
    tell(sub="sub_2", customer="cus_2")
    assert {event.customer_id for event in stripe_events.of(payer)} == {"cus_1"}
    assert not stripe_events.of(make_user()).exists()


# --- At once ------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_what_arrives_at_once_is_applied_once_and_all_of_it():
    """One event eight times; a checkout beside what it links; two customers of one person."""
    ana = make_user("ana")
    same = [lambda: tell(stripe_id="evt_1")] * 4, [lambda: link(ana, stripe_id="evt_2")] * 4
    assert set(side_by_side(*same[0], *same[1])) <= {"applied", "unmatched"}
    assert (StripeEvent.objects.count(), Subscription.objects.count(), tier(ana)) == (2, 1, "pro")
    for number in range(8):
        bob, new = make_user(), {"sub": f"sub_at_once_{number}", "customer": f"cus_at_once_{number}"}
        side_by_side(partial(link, bob, new["customer"]), partial(tell, **new))
        assert tier(bob) == "pro"
    link(ana, "cus_2")
    for turn in range(1, 6):
        one = {"sub": "sub_1", "customer": "cus_1", "created": NOW - 9, "said": NOW + turn}
        two = {"sub": "sub_2", "customer": "cus_2", "created": NOW, "said": NOW + turn}
        statuses = ("past_due", "active") if turn % 2 else ("active", "past_due")
        side_by_side(*[partial(tell, UPDATED, status=s, **who) for who, s in zip((one, two), statuses, strict=True)])
        assert {r.stripe_subscription_id: r.status for r in ana.subscriptions.all()} == {
            "sub_1": "expired" if turn % 2 else "active", "sub_2": "active" if turn % 2 else "expired",
        }  # fmt: skip
