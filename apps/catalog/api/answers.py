"""How a track is answered: the database's JSON as it is, known again by its ETag."""

import hashlib
import json
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase, HttpResponsePermanentRedirect
from django.urls import reverse
from django.utils.cache import get_conditional_response

from apps.catalog import cards
from apps.lib.errors import NotFound


def base(request) -> str:
    """The origin that addresses of this site begin with."""
    return request.build_absolute_uri("/")[:-1]


def whole(request, pk: UUID) -> str:
    """One track with its parts, for who was let through to it. `fields` and `expand` of the query string hold."""
    fields, expand = cards.asked(request.GET)
    own = cards.WHOLE_TRACK if fields is None else {n for n in cards.WHOLE_TRACK if cards.EXPANDS[n].name in fields}
    found = cards.read([pk], viewer=request.user, base=base(request), fields=fields, expand=expand | own)
    if not found:
        raise NotFound  # gone since the caller looked
    return found[0]


def shown(request, pk: UUID) -> dict:
    """The same as data, for an answer that is kept to be repeated."""
    return json.loads(whole(request, pk))


def raw(text: str | bytes, *, status: int = 200) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="application/json")


def known_again(request, text: str, *, prefix: str = "") -> HttpResponseBase:
    """200 with an ETag, or 304. The tag is of the very text that this person gets, so it says nothing beyond it.

    `prefix` of the tag is what a later `If-Match` goes by.
    """
    body = text.encode()
    response = raw(body)
    response["ETag"] = f'"{prefix}{hashlib.sha256(body).hexdigest()[:32]}"'
    response["Cache-Control"] = "private, no-cache"
    return get_conditional_response(request, etag=response["ETag"], response=response)


def moved(route: str, into: UUID) -> HttpResponseBase:
    """308 to what a merged track lives on in. Kept by nobody: a merge can be undone."""
    response = HttpResponsePermanentRedirect(reverse(route, args=[into]), preserve_request=True)
    response["Cache-Control"] = "private, no-store"
    return response
