"""How a playlist and its entries are answered, and which versions of a playlist a writer has seen."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from apps.catalog.api.answers import base, known_again
from apps.catalog.keyset import Reader
from apps.lib.errors import NotFound
from apps.lib.paging import Keyset
from apps.playlists import shape
from apps.playlists.models import Entry, Playlist

IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER,
    description="The ETag of the playlist as you saw it, or its version in quotes: changed since, it is 412.",
)  # fmt: skip
PAGE = [
    OpenApiParameter("limit", int, description="Rows of a page, 1 to 200; 50 by default."),
    OpenApiParameter("cursor", str, description="From `next` or `previous` of another page."),
]
_TAG = re.compile(r'(?:W/)?"(\d{1,10})(?:-[0-9a-f]+)?"')


class Shaped(serializers.Serializer):
    """What no serializer writes: `schema` tells of it."""

    schema = staticmethod(dict)


class PlaylistSerializer(Shaped):
    """A playlist as `shape.py` declares it and the database builds it."""

    schema = staticmethod(shape.SHAPE.schema)


class WholePlaylistSerializer(Shaped):
    """With its `tracks`, in order."""

    schema = staticmethod(shape.whole_schema)


class EntrySerializer(Shaped):
    """A track's place in a playlist."""

    schema = staticmethod(shape.entry_schema)


class ShapedSchema(OpenApiSerializerExtension):
    target_class = Shaped
    match_subclasses = True

    def map_serializer(self, auto_schema, direction) -> dict:
        return deepcopy(self.target.schema())  # spectacular writes into it


def seen(request) -> set[int] | None:
    """The versions that `If-Match` names; None when every one will do. What is no version matches none."""
    said = request.headers.get("If-Match", "*").strip()
    return None if said == "*" else {int(number) for number in _TAG.findall(said)}


def whole(request, pk: UUID) -> HttpResponseBase:
    """The playlist with its tracks. The tag is of all that one sees and begins with the version, for `If-Match`."""
    found = shape.whole(pk, viewer=request.user, base=base(request))
    if found is None:
        raise NotFound  # gone since the caller looked
    text, version = found
    return known_again(request, text, prefix=f"{version}-")


def paged(
    request, reader: Reader, read: Callable[[list[UUID]], list[str]], *, pages: type[Keyset] = Keyset
) -> HttpResponseBase:
    """A page of rows: first its ids, then their JSON."""
    cursor = request.query_params.get("cursor")
    page = reader.page(pages().get_page_size(request), None if cursor is None else reader.place(cursor))
    links = {
        name: place and replace_query_param(request.build_absolute_uri(), "cursor", reader.cursor(place))
        for name, place in (("next", page.next), ("previous", page.previous))
    }
    return known_again(request, f'{{"results": [{", ".join(read(page.ids))}], {json.dumps(links)[1:]}')


def one(request, pk: UUID) -> dict:
    """A playlist without its tracks, as data."""
    found = shape.read([pk], viewer=request.user, base=base(request))
    if not found:
        raise NotFound
    return json.loads(found[0])


def entry(request, row: Entry, *, status: int = 200) -> Response:
    """An entry as it stands now, with the playlist's version as its tag."""
    found = shape.entries(row.playlist_id, [row.pk], viewer=request.user, base=base(request))
    if not found:
        raise NotFound
    return Response(json.loads(found[0]), status=status, headers=version_of(row.playlist_id))


def version_of(playlist_id: UUID) -> dict[str, str]:
    now = Playlist.objects.filter(pk=playlist_id).values_list("version", flat=True).first()
    return {"ETag": f'"{now}"'}
