"""The sender of Stripe's events against Stripe's own library: the same signature, and no field that it does not have."""

import json
import typing

import pytest
import stripe
from stripe.params._webhook_endpoint_create_params import WebhookEndpointCreateParams

from apps.accounts import stripe_events
from tests.fakes import stripe_sender as sender

SUBSCRIPTION = sender.subscription("sub_1", "cus_1", sender.price("price_1", "pro"), start=1000, end=2000)
TOLD = sender.event("customer.subscription.updated", SUBSCRIPTION, said=1000)


def words_of(annotation) -> set[str]:
    """Every string of the Literals inside an annotation."""
    inside = typing.get_args(annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return set(inside)
    return set().union(*(words_of(part) for part in inside))


def test_stripes_library_accepts_what_is_signed():
    body = json.dumps(TOLD)
    built = stripe.Webhook.construct_event(body, sender.signature(body), sender.SECRET)
    assert (built.id, built.type, built.data.object["customer"]) == (TOLD["id"], TOLD["type"], "cus_1")
    for header in (sender.signature(body, secret="whsec_other"), sender.signature(body, at=1), "t=1,v1=0"):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body, header, sender.SECRET)


@pytest.mark.parametrize(
    ("made", "real"),
    [
        (TOLD, stripe.Event), (TOLD["request"], stripe.Event.Request), (SUBSCRIPTION, stripe.Subscription),
        (SUBSCRIPTION["items"]["data"][0], stripe.SubscriptionItem), (sender.price("price_1"), stripe.Price),
        (sender.checkout("cus_1", "1", subscription="sub_1"), stripe.checkout.Session),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_every_field_is_one_of_stripes(made, real):
    assert set(made) <= set(real.__annotations__)


def test_the_period_stands_where_its_version_has_it():
    old = sender.subscription("sub_1", "cus_1", start=1000, end=2000, version=sender.OLD)
    for field in ("current_period_start", "current_period_end"):
        assert field in stripe.SubscriptionItem.__annotations__ and field not in stripe.Subscription.__annotations__
        assert field in old and field not in old["items"]["data"][0]
        assert field not in SUBSCRIPTION and field in SUBSCRIPTION["items"]["data"][0]


def test_every_status_and_kind_of_stripes_that_matters_is_known():
    assert words_of(stripe.Subscription.__annotations__["status"]) == set(stripe_events.STATUSES)
    sent = words_of(WebhookEndpointCreateParams.__annotations__["enabled_events"])
    assert {stripe_events.CHECKOUT, *stripe_events.KINDS} <= sent
