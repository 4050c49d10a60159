"""`/playlists/{id}/entries`: tracks in a playlist: read in pages, added, moved, taken out (S0-26)."""

from django.http import HttpResponseBase
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api import ANYONE, IDEMPOTENCY_KEY, policy
from apps.accounts.idempotency import once
from apps.catalog.api.answers import base
from apps.playlists import actions, choosing, positions, shape, sources
from apps.playlists.api.answers import IF_MATCH, PAGE, EntrySerializer, entry, paged, seen, version_of
from apps.playlists.models import Entry, Playlist


class PositionField(serializers.IntegerField):
    """Whatever is no number is refused as a number that is none of the places."""

    def fail(self, key, **context):
        raise positions.refused()


class EntryForm(serializers.Serializer):
    """A track by its own id or by what shows it, and where it comes to stand; at the end when that is not said."""

    position = PositionField(required=False, allow_null=True, help_text="From 0 on.")

    def get_fields(self) -> dict:
        named = {name: serializers.UUIDField(required=False, allow_null=True) for name in sources.names()}
        return {**named, **super().get_fields()}


class MoveForm(serializers.Serializer):
    position = PositionField(help_text="From 0 on; the others close up.")


class EntryPageSerializer(serializers.Serializer):
    results = EntrySerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class EntriesView(APIView):
    permission_classes = [policy(read=ANYONE)]

    @extend_schema(operation_id="playlists_entries_list", parameters=PAGE,
                   responses={200: EntryPageSerializer, 304: None})  # fmt: skip
    def get(self, request, pk) -> HttpResponseBase:
        """The entries in their order, in pages."""
        playlist = Playlist.objects.get_visible(request.user, pk=pk)
        reader = choosing.entry_reader(playlist)
        return paged(request, reader, lambda ids: shape.entries(pk, ids, viewer=request.user, base=base(request)))

    @extend_schema(request=EntryForm, responses={201: EntrySerializer}, parameters=[IDEMPOTENCY_KEY, IF_MATCH])
    @once
    def post(self, request, pk) -> Response:
        """Add a track. It must be yours to see, and it is in a playlist once."""
        playlist = Playlist.objects.get_fillable(request.user, pk=pk)
        form = EntryForm(data=request.data)
        form.is_valid(raise_exception=True)
        facts = dict(form.validated_data)
        position = facts.pop("position", None)
        track_id = sources.track(request.user, facts)
        row = actions.add(
            playlist=playlist, track_id=track_id, by=request.user, position=position, seen=seen(request)
        )  # fmt: skip
        return entry(request, row, status=status.HTTP_201_CREATED)


class EntryView(APIView):
    permission_classes = [policy(read=ANYONE)]

    @extend_schema(responses=EntrySerializer)
    def get(self, request, pk, entry_pk) -> Response:
        """One entry."""
        return entry(request, Entry.objects.get_visible(request.user, pk=entry_pk, playlist=pk))

    @extend_schema(request=MoveForm, responses=EntrySerializer, parameters=[IF_MATCH])
    def patch(self, request, pk, entry_pk) -> Response:
        """Move it. With `If-Match` only if the playlist is as you saw it."""
        row = Entry.objects.get_editable(request.user, pk=entry_pk, playlist=pk)
        form = MoveForm(data=request.data)
        form.is_valid(raise_exception=True)
        return entry(request, actions.move(entry=row, **form.validated_data, seen=seen(request)))

    @extend_schema(responses={204: None}, parameters=[IF_MATCH])
    def delete(self, request, pk, entry_pk) -> Response:
        """Take it out of the playlist; the track stays."""
        actions.remove(
            entry=Entry.objects.get_editable(request.user, pk=entry_pk, playlist=pk), seen=seen(request)
        )  # fmt: skip
        return Response(status=status.HTTP_204_NO_CONTENT, headers=version_of(pk))


urls = [
    path("playlists/<uuid:pk>/entries", EntriesView.as_view(), name="playlist-entries"),
    path("playlists/<uuid:pk>/entries/<uuid:entry_pk>", EntryView.as_view(), name="playlist-entry"),
]
