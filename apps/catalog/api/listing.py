"""Lists of tracks: what is wanted of what this person may see, in pages, with counts (S0-22, S4-15)."""

import json

from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponseBase
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from apps.accounts import profiles
from apps.accounts.api import ANYONE, IDEMPOTENCY_KEY, policy
from apps.accounts.idempotency import once
from apps.catalog import actions, browse, cards, facets, filters
from apps.catalog.api.answers import base, known_again, shown
from apps.catalog.filters import Wanted
from apps.catalog.keyset import ORDERS, Place, Reader
from apps.catalog.models import Track
from apps.catalog.serializers import GeneratedSerializer, TrackSerializer, WholeTrackSerializer
from apps.lib.errors import Refusal
from apps.lib.paging import Keyset

# What a list reads beside the filters, and what it means.
BESIDE = {
    "limit": "Tracks of a page, 1 to 200; 50 by default.",
    "cursor": "From `next` or `previous` of another page.",
    "fields": "Only these fields, by commas.",
    "expand": f"Parts, by commas: {', '.join(sorted(cards.KNOWN_EXPANDS))}.",
    "total": "1: also how many tracks there are.",
    "facets": f"Also how many tracks say what, by commas: {', '.join(facets.FACETS)}.",
}
OWNED = "owner: the address says whose tracks these are."
PRIVATE = {"include_private": "1: also the private ones, for their owner and staff."}


class TrackPageSerializer(serializers.Serializer):
    """A page of tracks. `total` and `facets` when they were asked for; `read_as` when words of `q` were put right."""

    results = TrackSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    total = serializers.IntegerField(required=False)
    facets = serializers.DictField(child=serializers.DictField(child=serializers.IntegerField()), required=False)
    read_as = serializers.CharField(required=False)


def _described(known: filters.Filter) -> OpenApiParameter:
    schema = dict(known.takes.schema)
    if not known.many:
        return OpenApiParameter(known.name, schema, description=f"{known.help}: {known.takes.says}.")
    many = {"type": "array", "items": schema, "maxItems": filters.VALUES_AT_MOST}
    return OpenApiParameter(known.name, many, description=f"{known.help}: {known.takes.says}.", explode=False)


PARAMETERS = [
    *map(_described, filters.FILTERS.values()),
    OpenApiParameter("ordering", str, enum=list(ORDERS), description="-id by default, and relevance with q."),
    *(OpenApiParameter(name, str, description=text) for name, text in BESIDE.items()),
]


class TracksView(APIView):
    permission_classes = [policy(read=ANYONE)]

    @extend_schema(operation_id="tracks_list", parameters=PARAMETERS, responses={200: TrackPageSerializer, 304: None})
    def get(self, request) -> HttpResponseBase:
        """Tracks you may see, newest first unless you say otherwise."""
        return listed(request, filters.read(request.query_params, beside=BESIDE), sees=request.user)

    @extend_schema(
        request=GeneratedSerializer,
        responses={201: WholeTrackSerializer, 200: WholeTrackSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @once
    def post(self, request) -> Response:
        """Register a finished generation; the archive fetches its files at once. Said again: 200, the same track."""
        form = GeneratedSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        track, new = actions.register_generated(owner=request.user, **form.validated_data)
        return Response(shown(request, track.pk), status=status.HTTP_201_CREATED if new else status.HTTP_200_OK)


class PersonTracksView(APIView):
    permission_classes = [policy(read=ANYONE)]

    @extend_schema(
        operation_id="users_tracks_list",
        parameters=[*PARAMETERS, *(OpenApiParameter(name, str, description=text) for name, text in PRIVATE.items())],
        responses={200: TrackPageSerializer, 304: None},
    )
    def get(self, request, username) -> HttpResponseBase:
        """Somebody's public tracks, newest first; with `include_private=1` all of them that you may see."""
        person = profiles.public(username)
        wanted = filters.read(request.query_params, beside=BESIDE | PRIVATE)
        if wanted.get("owner"):
            raise Refusal("INVALID", OWNED, fields={"owner": [OWNED]})
        everything = _switched(request, "include_private")
        return listed(request, wanted.of(person.profile.username), sees=request.user if everything else AnonymousUser())


def listed(request, wanted: Wanted, *, sees) -> HttpResponseBase:
    """A page of what this person sees: first its ids, then the tracks as they are shown to who asks."""
    size, params = Keyset().get_page_size(request), request.query_params
    fields, expand = cards.asked(params)
    reader = wanted.reader(Track.objects.visible_to(sees).live())
    page = reader.page(size, reader.place(params["cursor"]) if "cursor" in params else None)
    found = cards.read(page.ids, viewer=request.user, base=base(request), fields=fields, expand=expand)
    said = {"next": _link(request, reader, page.next), "previous": _link(request, reader, page.previous)}
    said |= _counts(request, wanted, sees)
    if put_right := browse.read_as(wanted, page.ids):
        said["read_as"] = put_right
    return known_again(request, f'{{"results": [{", ".join(found)}], {json.dumps(said)[1:]}')


def _link(request, reader: Reader, place: Place | None) -> str | None:
    return place and replace_query_param(request.build_absolute_uri(), "cursor", reader.cursor(place))


def _counts(request, wanted: Wanted, sees) -> dict:
    """`total` and `facets`, as far as they are asked for."""
    names = [name.strip() for name in request.query_params.get("facets", "").split(",") if name.strip()]
    if not names and not _switched(request, "total"):
        return {}
    counts = facets.count(sees, wanted, names)
    return {"total": counts.total} | ({"facets": counts.facets} if names else {})


def _switched(request, name: str) -> bool:
    """Refusal INVALID for what is neither 1 nor 0."""
    said = request.query_params.get(name, "0")
    if said not in ("0", "1"):
        raise Refusal("INVALID", f"{name}: 1 or 0.", fields={name: [f"{name}: 1 or 0."]})
    return said == "1"


urls = [
    path("tracks", TracksView.as_view(), name="tracks"),
    path("users/<str:username>/tracks", PersonTracksView.as_view(), name="user-tracks"),
]
