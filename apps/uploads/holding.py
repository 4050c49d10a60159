"""Where a form brings a file, its person's quota is asked before a byte of it is read (S1-04, decision 0051).

A body says how long it is. Less its envelope that is what the file has at least: so much is held while it comes in, and
refused where it does not fit. The view hands `request.held` on to `intake.begin`; what nobody took up is withdrawn.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.http import HttpRequest

from apps.accounts.access import may
from apps.accounts.models import IdempotentAnswer
from apps.lib.errors import Forbidden
from apps.uploads import intake

ADMIN = "/admin/"


@contextmanager
def released(request: HttpRequest) -> Iterator[None]:
    request.held = None
    try:
        yield
    finally:
        if request.held is not None:
            intake.withdraw(request.held)


def hold(request: HttpRequest, user) -> None:
    """Hold room for the file that this request brings. Refusals as of `intake.begin`.

    The library's files count on nobody's quota, so who may add to it is not asked. A request that is said again is
    answered as it was, whatever is left.
    """
    if may(user, "catalog.curate"):
        return
    if request.path_info.startswith(ADMIN):
        raise Forbidden
    size = _length(request) - settings.FORM_ENVELOPE_BYTES
    if request.held is None and not _is_known(request, user):
        request.held = intake.hold(user=user, size=max(1, size))


def _length(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdecimal() else 0


def _is_known(request: HttpRequest, user) -> bool:
    key = request.headers.get("Idempotency-Key", "")
    return bool(key) and IdempotentAnswer.objects.filter(user=user, key=key).exists()
