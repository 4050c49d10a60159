"""Stripe's door: a signed event comes in, its outcome goes back. Without STRIPE_WEBHOOK_SECRET there is none."""

import json
from typing import Any

import stripe
from django.conf import settings
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from apps.accounts import stripe_events
from apps.lib.api import problem
from apps.lib.errors import Refusal

TOLERANCE_S = 300
LONGEST = 1_000_000


@csrf_exempt
def hook(request: HttpRequest) -> JsonResponse:
    """Answers 200 once the event is kept and what follows from it is committed; Stripe repeats anything else."""
    if not settings.STRIPE_WEBHOOK_SECRET:
        raise Http404
    if request.method != "POST":
        return problem(Refusal("METHOD_NOT_ALLOWED", "Stripe posts its events here.", status=405), {"Allow": "POST"})
    try:
        return JsonResponse({"outcome": stripe_events.receive(_verified(request))})
    except Refusal as refusal:
        return problem(refusal)


def _verified(request: HttpRequest) -> Any:
    """The body as Stripe signed it. Refusal SIGNATURE_INVALID, or MALFORMED for what Stripe never sends."""
    if request.content_type != "application/json" or len(request.body) > LONGEST:
        raise Refusal("MALFORMED", f"An event is application/json of at most {LONGEST} bytes.")
    signature, secret = request.headers.get("Stripe-Signature"), settings.STRIPE_WEBHOOK_SECRET
    message = f"The signature is missing, wrong, or older than {TOLERANCE_S} seconds."
    try:
        stripe.WebhookSignature.verify_header(request.body, signature, secret, TOLERANCE_S)
        return json.loads(request.body)
    except (stripe.SignatureVerificationError, TypeError) as wrong:  # TypeError: letters that no signature has
        raise Refusal("SIGNATURE_INVALID", message) from wrong
    except ValueError as wrong:
        raise Refusal("MALFORMED", "The body is not JSON in UTF-8.") from wrong
