"""API keys at the door: `Authorization: Bearer kt_…`, and nowhere else."""

import datetime as dt

from django.db.models import Q
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed

from apps.accounts import asking
from apps.accounts.keys import digest, is_shaped
from apps.accounts.models import ApiKey
from apps.accounts.throttles import spend
from apps.lib.client import address, network

WRONG = "The API key is wrong, expired or revoked."
EXPOSED = "A key in an address ends up in logs. Revoke it, and send another one as Authorization: Bearer KEY."
# Last use is kept to the minute: a busy key must not write a row per request.
USE_GRAIN = dt.timedelta(minutes=1)


class ApiKeyAuthentication(BaseAuthentication):
    def authenticate(self, request):
        """(user, key) or None without a Bearer header. The key's scopes bound what the user may do in this request.

        A key goes before a session, and a wrong one is refused even beside a good session. Keys of any person who is
        switched off, expired, revoked and unknown ones answer alike.
        """
        if any(is_shaped(value) for values in request.GET.lists() for value in values[1]):
            raise _refused(request, EXPOSED)
        scheme, *sent = get_authorization_header(request).split(None, 1) or [b""]
        if scheme.lower() != b"bearer":
            return None
        key = _usable(b"".join(sent).decode("ascii", "replace").strip(), timezone.now())
        if key is None:
            raise _refused(request, WRONG)
        user = asking.person(key.user_id)
        if user is None:  # left, or was switched off, at this moment
            raise _refused(request, WRONG)
        user.key_scopes, key.user = frozenset(key.scopes), user
        return user, key

    def authenticate_header(self, request) -> str:
        return 'Bearer realm="keeptrack"'


def _usable(clear: str, now: dt.datetime) -> ApiKey | None:
    """The key, its use noted, with its person; None when it opens nothing."""
    if not is_shaped(clear):
        return None
    key = ApiKey.objects.usable(now).filter(digest=digest(clear)).first()
    before = now - USE_GRAIN
    if key is not None and (key.last_used_at is None or key.last_used_at < before):
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=before)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
    return key


def _refused(request, message: str) -> AuthenticationFailed:
    """256 bits are not guessed; counting keeps a program that has lost its key from filling the log."""
    spend("wrong_key", f"network/{network(address(request))}", {})
    return AuthenticationFailed(message)


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema) -> dict:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "kt_…"}
