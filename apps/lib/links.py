"""Links to local blobs that expire: signed with the site's secret, served with ranges, no session needed."""

import time

from django.core import signing
from django.core.files.storage import storages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.lib.ranges import ranged_response

SALT = "apps.lib.links"


def signed_path(
    key: str, seconds: int, filename: str | None = None, content_type: str | None = None, alias: str = "blobs"
) -> str:
    """The path under which `key` can be read for so many seconds; with `filename` it is saved, not played."""
    expires_at = int(time.time()) + seconds
    return reverse("blob", args=[signing.dumps([key, expires_at, filename, content_type, alias], salt=SALT)])


@require_safe
def serve(request: HttpRequest, token: str) -> HttpResponseBase:
    """What a signed path answers: the bytes, 410 once it has expired, 404 for anything we did not sign."""
    try:
        key, expires_at, filename, content_type, alias = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError):
        return _refused(404, "Not found.")
    if time.time() >= expires_at:
        return _refused(410, "This link has expired. Ask for a new one.")
    try:
        blob = storages[alias].open(key)
    except FileNotFoundError:
        return _refused(404, "Not found.")
    return ranged_response(
        request,
        blob,
        size=blob.size,
        content_type=content_type,
        filename=filename,
        etag=key.rpartition("/")[2],
        inline=filename is None,
    )


def _refused(status: int, message: str) -> HttpResponse:
    response = HttpResponse(message, status=status, content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = "no-store"
    return response
