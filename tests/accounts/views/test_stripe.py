"""Stripe's door: what is signed comes in, everything else is told so and leaves nothing behind (S4-13)."""

import json
import time

import pytest
import time_machine
from django.db import transaction
from django.test import Client

from apps.accounts import stripe_events
from apps.accounts.models import StripeEvent, Subscription
from apps.lib.api import PROBLEM
from tests.fakes import stripe_sender as sender
from tests.make import make_user

pytestmark = pytest.mark.django_db

NOW = int(time.time())
MONTH = 30 * 86_400
PAID = sender.subscription("sub_1", "cus_1", sender.price("price_pro", "pro"), start=NOW - 60, end=NOW + MONTH)


@pytest.fixture(autouse=True)
def door(settings):
    """It is now however late in the suite: signatures are a few minutes' worth."""
    settings.STRIPE_WEBHOOK_SECRET = sender.SECRET
    with time_machine.travel(NOW):
        yield


def told(kind: str = "customer.subscription.created", about: dict = PAID, **facts) -> dict:
    return sender.event(kind, about, **{"said": NOW, **facts})


def post(body: bytes | str, header: str | None, content_type: str = "application/json"):
    headers = {sender.SIGNATURE: header} if header is not None else {}
    return Client().post(sender.DOOR, body, content_type=content_type, headers=headers)


def test_a_person_who_pays_has_the_tier(as_, ana):
    """From the checkout to the end, as Stripe sends it; with CSRF checks on, for Stripe has no token."""
    stripe = Client(enforce_csrf_checks=True)
    first = told(stripe_events.CHECKOUT, sender.checkout("cus_1", str(ana.pk), subscription="sub_1"))
    answer = sender.deliver(stripe, first)
    assert (answer.status_code, answer.json()) == (200, {"outcome": "applied"})
    assert sender.deliver(stripe, told()).json() == {"outcome": "applied"}
    assert as_(ana).get("/api/v1/me").json()["tier"] == "pro"
    assert sender.deliver(stripe, told("customer.subscription.deleted", said=NOW + 1)).status_code == 200
    assert as_(ana).get("/api/v1/me").json()["tier"] == "free"


def test_a_replayed_event_is_answered_as_before_and_not_applied_again(ana):
    same = told("customer.subscription.created", stripe_id="evt_1")
    assert [sender.deliver(Client(), same).json()["outcome"] for _ in range(2)] == ["unmatched"] * 2
    assert StripeEvent.objects.count() == 1


@pytest.mark.parametrize("kind", ["invoice.paid", "ping", "v1.a_kind.to_come"])
def test_an_unknown_kind_is_taken_and_ignored(kind):
    answer = sender.deliver(Client(), told(kind, {"anything": 1}))
    assert (answer.status_code, answer.json()) == (200, {"outcome": "ignored"})


BODY = json.dumps(told())
SIGNED = sender.signature(BODY, at=NOW)


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (BODY, None), (BODY, ""), (BODY, "nonsense"), (BODY, "t=,v1="), (BODY, f"t={NOW}"), (BODY, f"v1={'0' * 64}"),
        (BODY, SIGNED.replace("v1=", "v0=")), (BODY, SIGNED[:-1] + ("0" if SIGNED[-1] != "0" else "1")),
        (BODY, sender.signature(BODY, secret="whsec_of_another")), (BODY, sender.signature(BODY, secret="")),
        (BODY.replace("cus_1", "cus_2"), SIGNED), (BODY + " ", SIGNED), ("{}", SIGNED), (BODY, f"t={NOW},v1=é"),
        (BODY, f"t={NOW + 1},v1={SIGNED.partition('v1=')[2]}"), (BODY, f"t={'9' * 5000},v1={'0' * 64}"),
        (BODY, sender.signature(BODY, at=NOW - 301)), (BODY, sender.signature(BODY, at=1)),
    ],
    ids=lambda value: "",
)  # fmt: skip
def test_what_stripe_did_not_sign_just_now_is_refused(body, header):
    """Unsigned, forged, altered, or recorded more than five minutes ago."""
    answer = post(body, header)
    assert (answer.status_code, answer["Content-Type"], answer.json()["code"]) == (400, PROBLEM, "SIGNATURE_INVALID")
    assert not StripeEvent.objects.exists()


def test_the_signature_may_be_minutes_old_and_one_of_two(settings):
    """While a secret is exchanged Stripe signs with both."""
    body = json.dumps(told())
    old = sender.signature(body, secret="whsec_old", at=NOW - 200)
    both = f"{old},{sender.signature(body, at=NOW - 200).partition(',')[2]}"
    assert post(body, both).status_code == 200


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("", "application/json"), ("{", "application/json"), ("[]", "application/json"), ("7", "application/json"),
        ("null", "application/json"), ('"event"', "application/json"), ("{}", "application/json"),
        ('{"object": "v2.core.event", "id": "evt_1"}', "application/json"), ("[" * 100_000, "application/json"),
        (BODY, "text/plain"), (BODY, "application/x-www-form-urlencoded"), (BODY, "multipart/form-data; boundary=x"),
        (BODY[:-1] + " " * 1_000_000 + "}", "application/json"), (BODY.replace("cus_1", "cus\\u0000"), "application/json"),
        (BODY.replace(str(NOW), "1e999"), "application/json"), (BODY.replace(str(NOW), "NaN"), "application/json"),
    ],
    ids=lambda value: "",
)  # fmt: skip
def test_what_is_signed_and_no_event_is_refused(body, content_type):
    answer = post(body, sender.signature(body), content_type)
    assert (answer.status_code, answer["Content-Type"], answer.json()["code"]) == (400, PROBLEM, "MALFORMED")
    assert not StripeEvent.objects.exists()


def test_bytes_that_are_no_text_are_refused():
    answer = post(b"\xff\xfe{}", "t=1,v1=0")
    assert (answer.status_code, answer.json()["code"]) == (400, "MALFORMED")


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_the_door_takes_posts_alone(method):
    answer = getattr(Client(), method)(sender.DOOR)
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


@pytest.mark.parametrize("method", ["get", "post"])
def test_without_the_secret_there_is_no_door(settings, method):
    settings.STRIPE_WEBHOOK_SECRET = ""
    body = json.dumps(told())
    answer = getattr(Client(), method)(
        sender.DOOR, *([body, "application/json"] if method == "post" else []),
        headers={sender.SIGNATURE: sender.signature(body, secret="")},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert not StripeEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_stripe_hears_that_all_is_well_only_once_it_is_committed(monkeypatch):
    """What breaks after the event was kept takes it along, so that Stripe's repetition finds nothing half done."""
    ana = make_user("ana")
    stripe = Client(raise_request_exception=False)
    sender.deliver(stripe, told(stripe_events.CHECKOUT, sender.checkout("cus_1", str(ana.pk))))
    event, whole = told(), stripe_events.subscriptions.mirror

    def breaks(**facts):
        whole(**facts)
        raise OSError("the disk is away")

    with monkeypatch.context() as broken:
        broken.setattr(stripe_events.subscriptions, "mirror", breaks)
        assert sender.deliver(stripe, event).status_code == 500
    assert (StripeEvent.objects.count(), Subscription.objects.count()) == (1, 0)
    seen = []
    with monkeypatch.context() as watched:
        watched.setattr(
            stripe_events.subscriptions, "mirror",
            lambda **facts: (whole(**facts), transaction.on_commit(lambda: seen.append("committed"))),
        )  # fmt: skip
        assert sender.deliver(stripe, event).status_code == 200
    assert (seen, Subscription.objects.get().status) == (["committed"], "active")
