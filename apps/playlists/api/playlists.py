"""`/playlists/{id}` and its cover: read, change, delete."""

import io

from django.http import HttpResponseBase
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api import ANYONE, policy
from apps.catalog.serializers import Switch
from apps.lib import picture, ranges
from apps.lib.api import AnyAccept
from apps.playlists import actions, covers
from apps.playlists.api.answers import PlaylistSerializer, WholePlaylistSerializer, one, whole
from apps.playlists.models import Playlist


class PlaylistForm(serializers.Serializer):
    """What its owner may write; form only, the rules are in `actions`."""

    name = serializers.CharField(max_length=2_000, help_text="1 to 255 characters")
    description = serializers.CharField(required=False, allow_blank=True, max_length=5_000)
    is_public = Switch(required=False, help_text="Off by default: you and its members see it.")
    is_collaborative = Switch(required=False, help_text="Members who are editors add and move tracks.")


class PlaylistView(APIView):
    permission_classes = [policy(read=ANYONE)]

    @extend_schema(responses={200: WholePlaylistSerializer, 304: None})
    def get(self, request, pk) -> HttpResponseBase:
        """A playlist with all its tracks in order. What of it you may not see is a stub: `hidden`, without a track."""
        return whole(request, Playlist.objects.get_visible(request.user, pk=pk).pk)

    @extend_schema(request=PlaylistForm(partial=True), responses=PlaylistSerializer)
    def patch(self, request, pk) -> Response:
        """Change what is named; the rest stays."""
        playlist = Playlist.objects.get_editable(request.user, pk=pk)
        form = PlaylistForm(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        actions.edit(playlist=playlist, **form.validated_data)
        return Response(one(request, pk))

    @extend_schema(responses={204: None})
    def delete(self, request, pk) -> Response:
        """Delete the playlist; its tracks stay."""
        actions.delete(playlist=Playlist.objects.get_editable(request.user, pk=pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


class CoverForm(serializers.Serializer):
    file = serializers.FileField(allow_empty_file=True, max_length=None)


class CoverView(APIView):
    permission_classes = [policy(read=ANYONE, reads="media")]
    parser_classes = [MultiPartParser]
    content_negotiation_class = AnyAccept

    @extend_schema(responses={(200, picture.MIME): OpenApiTypes.BINARY, 304: None})
    def get(self, request, pk) -> HttpResponseBase:
        """The picture, for who sees the playlist."""
        cover = covers.get(Playlist.objects.get_visible(request.user, pk=pk))
        return ranges.ranged_response(
            request, io.BytesIO(cover.image), size=len(cover.image), content_type=picture.MIME, etag=cover.sha256,
            cache_control="private, no-cache",
        )  # fmt: skip

    @extend_schema(request={"multipart/form-data": CoverForm}, responses=PlaylistSerializer)
    def put(self, request, pk) -> Response:
        """A JPEG, PNG, WebP or GIF of 5 MB at most. Its middle is kept as a WebP of 512 x 512 pixels."""
        playlist = Playlist.objects.get_editable(request.user, pk=pk)
        form = CoverForm(data=request.data)
        form.is_valid(raise_exception=True)
        covers.put(playlist=playlist, content=form.validated_data["file"])
        return Response(one(request, pk))

    @extend_schema(responses={204: None})
    def delete(self, request, pk) -> Response:
        """No picture any more."""
        covers.drop(playlist=Playlist.objects.get_editable(request.user, pk=pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


urls = [
    path("playlists/<uuid:pk>", PlaylistView.as_view(), name="playlist"),
    path("playlists/<uuid:pk>/cover", CoverView.as_view(), name="playlist-cover"),
]
