"""`/playlists` and `/users/{username}/playlists`: lists of playlists, and a new one."""

from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponseBase
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import profiles
from apps.accounts.api import ANYONE, IDEMPOTENCY_KEY, policy
from apps.accounts.idempotency import once
from apps.catalog.api.answers import base
from apps.playlists import actions, choosing, shape
from apps.playlists.api.answers import PAGE, PlaylistSerializer, one, paged
from apps.playlists.api.playlists import PlaylistForm

NAMED = OpenApiParameter("q", str, description="Part of the name.")
CHOICE = [
    OpenApiParameter(
        "show", str, enum=list(choosing.SHOWN),
        description="`own`, `joined`, `mine` for both, or `public`. By default yours, and the public ones for who is "
        "not signed in; with `owner` all of theirs that you see.",
    ),
    OpenApiParameter("owner", str, description="Username."),
]  # fmt: skip


class PlaylistPageSerializer(serializers.Serializer):
    results = PlaylistSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class PlaylistsView(APIView):
    permission_classes = [policy(read=ANYONE)]

    @extend_schema(
        operation_id="playlists_list",
        parameters=[*CHOICE, NAMED, *PAGE],
        responses={200: PlaylistPageSerializer, 304: None},
    )
    def get(self, request) -> HttpResponseBase:
        """Playlists, newest first, without their tracks."""
        asked = {name: request.query_params.get(name, "") for name in ("show", "owner")}
        return listed(request, choosing.rows(request.user, **asked))

    @extend_schema(request=PlaylistForm, responses={201: PlaylistSerializer}, parameters=[IDEMPOTENCY_KEY])
    @once
    def post(self, request) -> Response:
        """A new playlist of yours."""
        form = PlaylistForm(data=request.data)
        form.is_valid(raise_exception=True)
        playlist = actions.create(owner=request.user, **form.validated_data)
        return Response(one(request, playlist.pk), status=status.HTTP_201_CREATED)


class PersonPlaylistsView(APIView):
    permission_classes = [policy(read=ANYONE)]

    @extend_schema(
        operation_id="users_playlists_list",
        parameters=[NAMED, *PAGE],
        responses={200: PlaylistPageSerializer, 304: None},
    )
    def get(self, request, username) -> HttpResponseBase:
        """Somebody's public playlists, newest first."""
        person = profiles.public(username)
        return listed(request, choosing.rows(AnonymousUser(), owner=person.profile.username))


def listed(request, rows) -> HttpResponseBase:
    """A page of these: first its ids, then the playlists as they are shown to who asks."""
    reader = choosing.reader(choosing.named(rows, request.query_params.get("q", "")))
    return paged(request, reader, lambda ids: shape.read(ids, viewer=request.user, base=base(request)))


urls = [
    path("playlists", PlaylistsView.as_view(), name="playlists-api"),
    path("users/<str:username>/playlists", PersonPlaylistsView.as_view(), name="user-playlists"),
]
