"""The providers' door: what they deliver by themselves, believed by its signature alone.

The signature is over the bytes as they came, so they are read here and by no parser of the framework.
"""

from django.urls import path
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import throttles
from apps.accounts.api import ANYONE, policy
from apps.archive import generations, tasks
from apps.archive.providers import CLIENTS, Delivery, ProviderError
from apps.lib.errors import NotFound, Refusal

LONGEST = 256 * 1024
STATUSES = {"HOOK_REFUSED": 403, "SIGNATURE_INVALID": 400}


class OutcomeSerializer(serializers.Serializer):
    outcome = serializers.CharField(help_text="finished, failed, expired, due, waiting or unknown")


class HookView(APIView):
    permission_classes = [policy(read=ANYONE, write=ANYONE)]
    # A provider delivers for everybody here from one network: only what is refused counts.
    counts_refusals = True

    @extend_schema(request={"application/json": OpenApiTypes.OBJECT}, responses={202: OutcomeSerializer})
    def post(self, request, provider: str) -> Response:
        """A provider's delivery about a generation. Repeated ones are harmless."""
        try:
            delivery = _verified(request._request, provider)
        except Refusal:
            throttles.spend("wrong_hook", throttles.subject_of(request), self.headers)
            raise
        outcome = generations.delivered(provider, delivery)
        if outcome == "due":
            tasks.nudge_asking()
        elif outcome == "finished":
            tasks.nudge()
        return Response({"outcome": outcome}, status=status.HTTP_202_ACCEPTED)


def _verified(request, provider: str) -> Delivery:
    if provider not in CLIENTS:
        raise NotFound("No provider of this name delivers anything.", code="NOT_FOUND")
    headers, body = {name.lower(): value for name, value in request.headers.items()}, _body(request)
    try:
        return CLIENTS[provider].hook(headers, body, now=timezone.now())
    except ProviderError as refused:
        code = refused.code if refused.code in STATUSES else "MALFORMED"
        raise Refusal(code, refused.message, status=STATUSES.get(code, 400)) from None


def _body(request) -> bytes:
    """Not read at all when it says that it is longer than a delivery ever is."""
    said = request.META.get("CONTENT_LENGTH") or "0"
    if not said.isdecimal() or int(said) > LONGEST or len(request.body) > LONGEST:
        raise Refusal("TOO_LARGE", f"A delivery has {LONGEST} bytes at most.", status=413)
    return request.body


urls = [path("hooks/<slug:provider>", HookView.as_view(), name="provider-hook")]
