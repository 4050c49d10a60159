"""How much one key, one person or one network may ask for in a minute (S4-12).

One class for all views of the API, by DEFAULT_THROTTLE_CLASSES; the numbers are RATE_LIMITS. A request counts as the
scope it needs, so that writing never uses up reading. Files have a limit of their own: a player asks for ranges of a
file as its listener jumps about, a page of tracks for dozens of covers at once. Without the cache nobody is refused
here; signing in is then refused, for its limits ask the cache themselves.
"""

import logging

from django.conf import settings
from rest_framework.exceptions import Throttled
from rest_framework.permissions import SAFE_METHODS
from rest_framework.throttling import BaseThrottle

from apps.lib import rates
from apps.lib.client import address, network
from apps.lib.errors import Refusal

log = logging.getLogger(__name__)


class Limits(BaseThrottle):
    def allow_request(self, request, view) -> bool:
        """True, or Throttled; every answer says in its headers what is left.

        A view that `counts_refusals` has no other limit: it says itself what counts.
        """
        if not getattr(view, "counts_refusals", False):
            spend(kind_of(request, view), subject_of(request), view.headers)
        return True


def spend(kind: str, subject: str, headers: dict[str, str]) -> None:
    """Count one request against a limit. Throttled (429, RATE_LIMITED) once it is used up for this minute.

    `headers` are told the limit and what is left of it, as draft-ietf-httpapi-ratelimit-headers has it.
    """
    usage = rates.use(f"{kind}/{subject}", settings.RATE_LIMITS[kind])
    if usage is None:
        return
    headers["RateLimit-Policy"] = f'"{kind}";q={usage.limit};w={rates.WINDOW_S}'
    headers["RateLimit"] = f'"{kind}";r={usage.left};t={usage.resets_in}'
    if usage.just_exceeded:  # said once a minute: who asks too much must not fill the log as well
        log.warning("%s has used up the limit %s of %d a minute", subject, kind, usage.limit)
    if usage.exceeded:
        raise Throttled(usage.resets_in, f"The limit {kind} of {usage.limit} requests a minute is used up.")


def spend_on_page(kind: str, person) -> None:
    """The same for a page; the API counts their browsers together with it. Refusal RATE_LIMITED 429."""
    try:
        spend(kind, f"person/{person.pk}", {})
    except Throttled as beyond:
        raise Refusal("RATE_LIMITED", f"{beyond.detail} Wait a minute.", status=429) from beyond


def kind_of(request, view) -> str:
    """The name of the limit: the view's own, `media`, `piece`, `anonymous`, or the scope that a key needs for this."""
    if request.user.is_authenticated and (own := getattr(view, "limit", "")):
        return own
    policy = next((each.declared for each in view.permission_classes if hasattr(each, "declared")), {})
    said, usual = ("reads", "read") if request.method in SAFE_METHODS else ("writes", "write")
    kind = policy.get(said, usual)
    return kind if request.user.is_authenticated or kind == "media" else "anonymous"


def subject_of(request) -> str:
    """Who is counted: the key, else the person, else the network."""
    if request.auth is not None:
        return f"key/{request.auth.pk}"
    if request.user.is_authenticated:
        return f"person/{request.user.pk}"
    return f"network/{network(address(request))}"
