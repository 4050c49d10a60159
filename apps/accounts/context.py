"""What every page may ask for."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from apps.accounts import notices


def bell(request: HttpRequest) -> dict:
    """`unread_notices`, 0 to 100: counted when a template asks, and for nobody who is not signed in."""
    return {"unread_notices": SimpleLazyObject(lambda: _unread(request))}


def _unread(request: HttpRequest) -> int:
    # A page that refuses early has no session, and so no person, behind it.
    user = getattr(request, "user", None)
    return notices.unread(user) if user is not None and user.is_authenticated else 0
