"""Stripe as our door meets it: events shaped and signed like the real ones, delivered in whatever order one likes.

The signature is made by Stripe's own library; `test_stripe_sender` holds the shapes against its classes.
"""

import itertools
import json
from typing import Any

import stripe

SECRET = "whsec_of_the_tests"
DOOR = "/hooks/stripe"
SIGNATURE = "Stripe-Signature"
# Where the period stands: at the items since 2025-03-31, before that at the subscription.
NEW, OLD = "2026-10-28.endive", "2024-06-20"

_numbers = itertools.count(1)


def price(price_id: str, plan: str = "") -> dict[str, Any]:
    return {"id": price_id, "object": "price", "currency": "eur", "unit_amount": 900, "type": "recurring",
            "metadata": {"plan": plan} if plan else {}}  # fmt: skip


def subscription(
    stripe_id: str, customer: str, *prices: dict, status: str = "active", start: int, end: int, created: int = 0,
    cancel_at_period_end: bool = False, cancel_at: int | None = None, version: str = NEW,
) -> dict[str, Any]:  # fmt: skip
    """Times are seconds since 1970. `created` is when it began, by default its period's start."""
    period = {"current_period_start": start, "current_period_end": end}
    items = [
        {"id": f"si_{stripe_id}_{number}", "object": "subscription_item", "created": start, "quantity": 1,
         "subscription": stripe_id, "price": about, **(period if version >= "2025-03-31" else {})}
        for number, about in enumerate(prices or [price("price_pro")])
    ]  # fmt: skip
    return {
        "id": stripe_id, "object": "subscription", "customer": customer, "status": status, "livemode": False,
        "created": created or start, "start_date": created or start, "currency": "eur", "metadata": {},
        "cancel_at_period_end": cancel_at_period_end, "cancel_at": cancel_at,
        "items": {"object": "list", "data": items, "has_more": False, "url": "/v1/subscription_items"},
        **(period if version < "2025-03-31" else {}),
    }  # fmt: skip


def checkout(customer: str | None, person: str | None, *, subscription: str | None = None) -> dict[str, Any]:
    return {
        "id": f"cs_test_{next(_numbers)}", "object": "checkout.session", "livemode": False, "mode": "subscription",
        "client_reference_id": person, "customer": customer, "subscription": subscription, "status": "complete",
        "customer_details": {"email": "payer@example.org", "address": {"country": "PT"}}, "payment_status": "paid",
    }  # fmt: skip


def event(kind: str, about: dict[str, Any], *, said: int, stripe_id: str = "", version: str = NEW) -> dict[str, Any]:
    """`said`: when Stripe says that it happened."""
    return {
        "id": stripe_id or f"evt_{next(_numbers)}", "object": "event", "api_version": version, "created": said,
        "data": {"object": about}, "livemode": False, "pending_webhooks": 1, "type": kind,
        "request": {"id": None, "idempotency_key": None},
    }  # fmt: skip


def signature(body: str, *, secret: str = SECRET, at: int | None = None) -> str:
    """The header as Stripe makes it, at this moment or at `at`."""
    return stripe.WebhookSignature.generate_signature_header(body, secret, at)


def deliver(client, told: dict[str, Any], *, secret: str = SECRET, at: int | None = None):
    """Post it as Stripe does; the answer."""
    body = json.dumps(told, indent=2)
    headers = {SIGNATURE: signature(body, secret=secret, at=at)}
    return client.post(DOOR, body, content_type="application/json; charset=utf-8", headers=headers)
