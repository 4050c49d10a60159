"""How posts and comments are answered: the database's JSON as it is, in pages and one by one."""

import json
from collections.abc import Mapping
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.response import Response

from apps.catalog.api.answers import base
from apps.catalog.keyset import Reader
from apps.lib.errors import NotFound, Refusal
from apps.lib.paging import Keyset
from apps.lib.shape import names
from apps.playlists.api.answers import Shaped, paged
from apps.social import comments, compat, feed, shape
from apps.social.api import old
from apps.social.models import Comment, Post

LIGHT = OpenApiParameter("light", str, description="1: without the tracks, only their ids.")
CHOICE = [
    OpenApiParameter("fields", str, description="Only these fields, by commas."),
    OpenApiParameter("expand", str, description="`track`: all that is told of the track."),
    old.SHAPE,
]
PAGE = [
    OpenApiParameter("limit", int, description="Posts of a page, 1 to 200; 15 by default."),
    OpenApiParameter("cursor", str, description="From `next` or `previous` of another page."),
    LIGHT,
    *CHOICE,
    old.PAGES,
]


class Pages(Keyset):
    """S0-24: 15 posts unless somebody wants more."""

    page_size = 15


class PostSerializer(Shaped):
    """A post as `shape.py` declares it and the database builds it; the old fields where they are asked for."""

    schema = staticmethod(compat.schema)


class WholePostSerializer(Shaped):
    """With all that is told of its track (S0-25)."""

    schema = staticmethod(shape.whole_schema)


class CommentSerializer(Shaped):
    """A comment and its place in the thread."""

    schema = staticmethod(shape.comment_schema)


class PostPageSerializer(serializers.Serializer):
    results = PostSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    hasMore = serializers.BooleanField(required=False, help_text="With `page` alone.")


class CommentPageSerializer(serializers.Serializer):
    results = CommentSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


def switched(params: Mapping[str, str], name: str) -> bool:
    """Refusal INVALID for what is neither 1 nor 0."""
    said = params.get(name, "0")
    if said not in ("0", "1"):
        raise Refusal("INVALID", f"{name}: 1 or 0.", fields={name: [f"{name}: 1 or 0."]})
    return said == "1"


def asked(params: Mapping[str, str]) -> tuple[frozenset[str] | None, frozenset[str]]:
    """`fields`, `light` and `expand` of a query string, for `shape.read`."""
    fields = names(params.get("fields"), compat.SHAPE.names, "fields") or None
    fields = compat.chosen(params.get("shape"), fields)
    expand = names(params.get("expand"), shape.EXPANDS, "expand")
    if switched(params, "light"):
        fields = (fields or shape.LIGHT) - {"track"}
    return fields, expand


def posts(request, reader: Reader) -> HttpResponseBase:
    """A page of posts: first its ids, then the posts as they are shown to who asks."""
    fields, expand = asked(request.query_params)
    sight = {"viewer": request.user, "base": base(request), "fields": fields, "expand": expand}
    if old.pages(request.query_params):
        return old.page(request, reader, lambda ids: compat.read(ids, **sight), size=Pages().get_page_size(request))
    return paged(request, reader, lambda ids: compat.read(ids, **sight), pages=Pages)


def post(request, pk: UUID) -> str:
    """One post with its whole track, for who was let through to it."""
    fields, _ = asked(request.GET)
    found = compat.read([pk], viewer=request.user, base=base(request), fields=fields, expand=shape.EXPANDS)
    if not found:
        raise NotFound  # gone since the caller looked
    return found[0]


def one_post(request, row: Post, *, status: int = 200) -> Response:
    return Response(json.loads(post(request, row.pk)), status=status)


def thread(request, row: Post) -> HttpResponseBase:
    """A page of a post's comments."""
    rows = comments.thread(row, request.user)

    def read(ids: list[UUID]) -> list[str]:
        words = rows.filter(pk__in=ids, may_read=True).values_list("pk", flat=True)
        return shape.comments(ids, readable=words, base=base(request))

    return paged(request, feed.oldest(rows), read)


def one_comment(request, row: Comment, *, status: int = 200) -> Response:
    """A comment that the person who asks has just written."""
    [text] = shape.comments([row.pk], readable=[row.pk], base=base(request))
    return Response(json.loads(text), status=status)
