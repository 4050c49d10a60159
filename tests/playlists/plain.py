"""A playlist written by REST framework as it is written everywhere: what the database's JSON is compared with."""

from django.db.models import Prefetch
from rest_framework import serializers
from rest_framework.reverse import reverse

from apps.catalog.models import Track
from apps.playlists.models import Entry, Playlist
from tests.catalog.plain import COUNTS, OwnerSerializer, TrackSerializer


class EntrySerializer(serializers.Serializer):
    """Takes entries with their `place`, and with `shown`: their track, or None where the viewer does not see it."""

    id = serializers.UUIDField()
    track_id = serializers.UUIDField(source="shown.id", default=None)
    position = serializers.IntegerField(source="place")
    added_at = serializers.DateTimeField()
    added_by = serializers.SerializerMethodField()
    hidden = serializers.SerializerMethodField()
    track = TrackSerializer(source="shown", allow_null=True)

    def get_hidden(self, entry) -> bool:
        return entry.shown is None

    def get_added_by(self, entry) -> str | None:
        return entry.added_by.profile.username if entry.shown and entry.added_by else None


class PlaylistSerializer(serializers.ModelSerializer):
    owner = OwnerSerializer()
    cover_url = serializers.SerializerMethodField()
    cover_image_url = serializers.SerializerMethodField()
    track_count = serializers.SerializerMethodField()
    role = serializers.SerializerMethodField()
    tracks = serializers.SerializerMethodField()

    class Meta:
        model = Playlist
        fields = [
            "id", "name", "description", "owner", "is_public", "is_collaborative", "cover_url", "cover_image_url",
            "track_count", "version", "role", "created_at", "updated_at", "tracks",
        ]  # fmt: skip

    def get_cover_url(self, playlist) -> str | None:
        there = hasattr(playlist, "cover")
        return reverse("playlist-cover", args=[playlist.pk], request=self.context["request"]) if there else None

    def get_cover_image_url(self, playlist) -> str | None:
        return self.get_cover_url(playlist) or playlist.cover_image_url or None

    def get_track_count(self, playlist) -> int:
        return sum(entry.track_id in self.context["seen"] for entry in playlist.entries.all())

    def get_role(self, playlist) -> str | None:
        viewer = self.context["viewer"]
        if playlist.owner_id == viewer.pk:
            return "owner"
        return next((member.role for member in playlist.members.all() if member.user_id == viewer.pk), None)

    def get_tracks(self, playlist) -> list:
        entries = list(playlist.entries.all())
        for place, entry in enumerate(entries):
            entry.place, entry.shown = place, entry.track if entry.track_id in self.context["seen"] else None
        return EntrySerializer(entries, many=True, context=self.context).data


def written(pk, *, viewer, request) -> dict:
    """One playlist as a view would answer it, in as few queries as prefetching takes."""
    tracks = _tracks(viewer).select_related("owner__profile", "owner__avatar", "source")
    tracks = tracks.prefetch_related("files__blob", "credits", "instruments")
    entries = Entry.objects.order_by("position").select_related("added_by__profile")
    rows = Playlist.objects.select_related("owner__profile", "owner__avatar", "cover").defer("cover__image")
    entries = entries.prefetch_related(Prefetch("track", tracks))
    return _answer(rows.prefetch_related("members", Prefetch("entries", entries)).get(pk=pk), viewer, request)


def naively(pk, *, viewer, request) -> dict:
    """The same, each row asked for when it is needed."""
    entries = Entry.objects.order_by("position").prefetch_related(Prefetch("track", _tracks(viewer)))
    return _answer(Playlist.objects.prefetch_related(Prefetch("entries", entries)).get(pk=pk), viewer, request)


def _tracks(viewer):
    return Track.objects.with_playable(viewer).annotate(**COUNTS)


def _answer(playlist: Playlist, viewer, request) -> dict:
    keys = [entry.track_id for entry in playlist.entries.all()]
    seen = set(Track.objects.visible_to(viewer).live().filter(pk__in=keys).values_list("pk", flat=True))
    return PlaylistSerializer(playlist, context={"request": request, "viewer": viewer, "seen": seen}).data
