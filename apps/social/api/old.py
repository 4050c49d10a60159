"""The door half of `compat`: old parameters and fields, and the headers that tell of them. Goes in v2.0."""

import json
import logging
from collections.abc import Callable, Mapping
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.http import http_date
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.utils.urls import remove_query_param, replace_query_param

from apps.catalog.api.answers import known_again
from apps.catalog.keyset import Reader
from apps.lib.client import address, network
from apps.lib.errors import Refusal
from apps.social import compat

log = logging.getLogger(__name__)

DEEPEST = 10_000  # posts; further down `next` leads, at no cost
SHAPE = OpenApiParameter(
    "shape", str, enum=["old"], deprecated=True,
    description="`old`: also `audio_url`, `audio_filename` and the like; a list as `posts` with `hasMore`.",
)  # fmt: skip
PAGES = OpenApiParameter("page", int, deprecated=True, description="From 1 on; the answer has `hasMore`. Use `cursor`.")
USER = OpenApiParameter("user", str, deprecated=True, description="Id or username of the author. Use `author`.")
MOST = 2**31 - 1


class OldPostForm(serializers.Serializer):
    """What old programs say of a post's file themselves."""

    post_type = serializers.CharField(required=False, max_length=5, help_text="`text` or `audio`")
    audio_url = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=8_000)
    audio_filename = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=10_000)
    audio_duration = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=MOST)
    audio_file_size = serializers.IntegerField(required=False, allow_null=True, min_value=0)
    audio_mime_type = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=255)


def pages(params: Mapping[str, str]) -> bool:
    """Whether a list is asked for by number."""
    return "page" in params or (params.get("shape") == "old" and "cursor" not in params)


def page(request, reader: Reader, read: Callable[[list[UUID]], list[str]], *, size: int) -> HttpResponseBase:
    """S0-24: a page by its number, from 1 on, and whether there are more; `next` is the way on without numbers."""
    if "page" in request.query_params:
        compat.note("page")
    number = _number(request.query_params.get("page", "1"), DEEPEST // size)
    found = reader.page(number * size)
    ids = found.ids[(number - 1) * size :]
    more = found.next is not None and bool(ids)
    onward = remove_query_param(request.build_absolute_uri(), "page")
    rest = {
        "next": replace_query_param(onward, "cursor", reader.cursor(found.next)) if more else None,
        "previous": None,
        "hasMore": more,
    }
    name = "posts" if request.query_params.get("shape") == "old" else "results"
    rows = ", ".join(read(ids)) if ids else ""
    return known_again(request, f'{{"{name}": [{rows}], {json.dumps(rest)[1:]}')


def _number(said: str, most: int) -> int:
    if said.isascii() and said.isdecimal() and len(said) < 10 and 1 <= int(said) <= most:
        return int(said)
    message = f"page: a whole number from 1 to {most} with this limit; further down follow `next`."
    raise Refusal("INVALID", message, fields={"page": [message]})


def told(get_response: Callable) -> Callable:
    """Middleware: who used something old reads it in the answer's headers (RFC 9745, RFC 8594) and is counted."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with compat.listening() as noted:
            response = get_response(request)
        if noted:
            _tell(request, response)
            _count(request, noted)
        return response

    return middleware


def _tell(request: HttpRequest, response: HttpResponse) -> None:
    guide = request.build_absolute_uri(reverse("docs"))
    response["Deprecation"] = f"@{int(compat.SINCE.timestamp())}"
    response["Sunset"] = http_date(settings.OLD_SHAPE_SUNSET.timestamp())
    response["Link"] = ", ".join(
        filter(None, [response.get("Link"), f'<{guide}>; rel="deprecation"; type="text/html"'])
    )


def _count(request: HttpRequest, noted: set[str]) -> None:
    """The answer stands, whether or not it could be counted."""
    who = {"user": request.user, "key": getattr(request, "auth", None), "network": network(address(request))}
    try:
        with transaction.atomic():
            compat.count(noted, **who)
    except DatabaseError:
        log.exception("a deprecated use was not counted")
