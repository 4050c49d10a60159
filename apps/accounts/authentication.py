"""API keys at the door: `Authorization: Bearer kt_…`."""

import datetime as dt

from django.db.models import Q
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed

from apps.accounts.keys import digest
from apps.accounts.models import ApiKey

WRONG = "The API key is wrong, expired or revoked."
# Last use is kept to the minute: a busy key must not write a row per request.
USE_GRAIN = dt.timedelta(minutes=1)


class ApiKeyAuthentication(BaseAuthentication):
    def authenticate(self, request):
        """(user, key) or None without a Bearer header. The key's scopes bound what the user may do in this request."""
        scheme, _, value = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        now = timezone.now()
        found = ApiKey.objects.usable(now).select_related("user")
        key = found.filter(digest=digest(value.decode("ascii", "replace").strip())).first()
        if key is None:
            raise AuthenticationFailed(WRONG)
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USE_GRAIN)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
        key.user.key_scopes = frozenset(key.scopes)
        return key.user, key

    def authenticate_header(self, request) -> str:
        return 'Bearer realm="keeptrack"'


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema) -> dict:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "kt_…"}
