"""`/avatars/<sha256>`: pictures of people, under a name that changes with every picture."""

import io

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from apps.accounts import avatars
from apps.lib import picture, ranges

FOR_A_YEAR = "public, max-age=31536000, immutable"


@require_safe
def avatar(request: HttpRequest, sha256: str) -> HttpResponseBase:
    image = avatars.image(sha256)
    return ranges.ranged_response(
        request, io.BytesIO(image), size=len(image), content_type=picture.MIME, etag=sha256, cache_control=FOR_A_YEAR
    )
