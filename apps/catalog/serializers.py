"""The one declared shape of a track (S0-12) and what may be written of it."""

import datetime as dt

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from apps.catalog.files import ROLE_OF
from apps.catalog.keys import MODES, PITCHES, camelot
from apps.catalog.models import Track

EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
CLOCK_SKEW = dt.timedelta(minutes=10)


def words() -> serializers.ListField:
    """Commas part words where people write them in one line, so no word holds one."""
    word = serializers.RegexField(r"^[^,]+\Z", max_length=40, error_messages={"invalid": "A word has no comma."})
    return serializers.ListField(child=word, required=False, max_length=30)


class OwnerSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    username = serializers.CharField(source="profile.username")
    display_name = serializers.CharField(source="profile.name")
    avatar_url = serializers.SerializerMethodField()

    def get_avatar_url(self, owner) -> str | None:
        """Read with the track: a list asks the database no more than one does."""
        avatar = getattr(owner, "avatar", None)
        return reverse("avatar", args=[avatar.sha256], request=self.context["request"]) if avatar else None


class SourceSerializer(serializers.Serializer):
    provider = serializers.CharField(source="provider_id")
    provider_track_id = serializers.CharField()
    generated_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class KeyField(serializers.ChoiceField):
    """`C#` outside, pitch class 1 inside; null when unknown (C-04)."""

    def __init__(self, **options):
        super().__init__(choices=list(PITCHES), **options)

    def to_internal_value(self, data) -> int:
        return PITCHES.index(super().to_internal_value(data))

    def to_representation(self, value) -> str:
        return PITCHES[value]


class Switch(serializers.BooleanField):
    """A form that leaves it out says nothing, as JSON does; the stock field reads that as off."""

    default_empty_html = serializers.empty


class TrackFacts(serializers.ModelSerializer):
    """What the owner may write; form only, the rules are in `actions`."""

    key = KeyField(source="pitch_class", required=False, allow_null=True)
    scale = serializers.ChoiceField(source="mode", choices=list(MODES), required=False, allow_blank=True)
    mood = words()
    tags = words()
    is_public = Switch(required=False)

    class Meta:
        model = Track
        fields = [
            "title", "artist", "description", "is_public", "genre", "subgenre", "tempo", "key", "scale", "mood", "tags",
            "catalog_number", "isrc", "release_date",
        ]  # fmt: skip


class GeneratedSerializer(TrackFacts):
    """A finished generation: its provider, the provider's id and its URLs (S3-03)."""

    provider = serializers.SlugField()
    provider_track_id = serializers.CharField(max_length=200)
    audio_url = serializers.URLField(max_length=2000)
    cover_url = serializers.URLField(max_length=2000, required=False, allow_blank=True)
    video_url = serializers.URLField(max_length=2000, required=False, allow_blank=True)
    duration = serializers.FloatField(min_value=0.001, max_value=86_400, required=False, help_text="seconds")
    generated_at = serializers.DateTimeField(required=False)
    expires_at = serializers.DateTimeField(required=False, help_text="Default: the provider's lifetime.")

    class Meta(TrackFacts.Meta):
        fields = [
            *TrackFacts.Meta.fields, "provider", "provider_track_id", "audio_url", "cover_url", "video_url", "duration",
            "generated_at", "expires_at",
        ]  # fmt: skip

    def validate_generated_at(self, value):
        if not EARLIEST <= value <= timezone.now() + CLOCK_SKEW:
            raise serializers.ValidationError("A generation is finished: not in the future, not before 2000.")
        return value

    def validate(self, attrs: dict) -> dict:
        if duration := attrs.pop("duration", None):
            attrs["duration_ms"] = round(duration * 1000)
        return attrs


class TrackSerializer(serializers.ModelSerializer):
    """A track as everyone reads it. Addresses are of this site and check access at every use."""

    owner = OwnerSerializer(allow_null=True)
    key = serializers.CharField(source="musical_key")
    scale = serializers.CharField(source="mode")
    camelot = serializers.SerializerMethodField()
    duration = serializers.SerializerMethodField(help_text="seconds")
    source = serializers.SerializerMethodField(help_text="Null for who gets the preview: it leads to the full file.")
    file_url = serializers.SerializerMethodField(
        help_text="Plays the full file; null when this person gets the preview."
    )
    preview_url = serializers.SerializerMethodField()
    waveform_url = serializers.SerializerMethodField()
    cover_url = serializers.SerializerMethodField()
    video_url = serializers.SerializerMethodField()
    file_size = serializers.SerializerMethodField(help_text="bytes of the file that plays")
    mime_type = serializers.SerializerMethodField()
    original_file_size = serializers.SerializerMethodField(help_text="bytes of the original")
    compression_ratio = serializers.SerializerMethodField(help_text="original / served size")
    compression_applied = serializers.SerializerMethodField()
    compression_savings = serializers.SerializerMethodField(help_text="bytes")
    archived_to_storage = serializers.SerializerMethodField()
    storage_audio_url = serializers.SerializerMethodField()
    storage_cover_url = serializers.SerializerMethodField()
    storage_video_url = serializers.SerializerMethodField()

    class Meta:
        model = Track
        fields = [
            "id", "kind", "status", "title", "artist", "description", "owner", "is_public", "is_pro_only", "genre",
            "subgenre", "tempo", "key", "scale", "camelot", "mood", "tags", "catalog_number", "isrc", "release_date",
            "popularity_score", "play_count", "duration", "duration_ms", "file_url", "preview_url", "waveform_url",
            "cover_url", "video_url", "file_size", "mime_type", "original_file_size", "compression_ratio",
            "compression_applied", "compression_savings", "source", "archived_to_storage", "storage_audio_url",
            "storage_cover_url", "storage_video_url", "created_at", "updated_at",
        ]  # fmt: skip

    def get_camelot(self, track) -> str:
        return camelot(track.pitch_class, track.mode)

    @extend_schema_field({"type": ["number", "null"]})
    def get_duration(self, track):
        return None if track.duration_ms is None else track.duration_ms / 1000

    @extend_schema_field(SourceSerializer(allow_null=True))
    def get_source(self, track) -> dict | None:
        shown = track.playable and hasattr(track, "source")
        return SourceSerializer(track.source).data if shown else None

    def get_file_url(self, track) -> str | None:
        """S3-07: ours when archived, the provider's as long as its URL lives; the address is the same."""
        return self._address(track, "stream", track.playable and (track.served or self._lives(track, "audio_url")))

    def get_preview_url(self, track) -> str | None:
        return self._address(track, "preview", track.file("preview"))

    def get_waveform_url(self, track) -> str | None:
        return self._address(track, "waveform", track.file("waveform"))

    def get_cover_url(self, track) -> str | None:
        return self._address(
            track, "cover", track.file("cover") or (track.playable and self._lives(track, "cover_url"))
        )

    def get_video_url(self, track) -> str | None:
        return self._address(
            track, "video", track.playable and (track.file("video") or self._lives(track, "video_url"))
        )

    def get_file_size(self, track) -> int | None:
        return track.served.blob.size if track.served else None

    def get_mime_type(self, track) -> str | None:
        return track.served.blob.mime if track.served else None

    def get_original_file_size(self, track) -> int | None:
        original = track.file("original")
        return original.blob.size if original else None

    @extend_schema_field({"type": "string", "format": "decimal"})
    def get_compression_ratio(self, track) -> str:
        return f"{track.served.compression_ratio:.2f}" if track.served else "1.00"

    def get_compression_applied(self, track) -> bool:
        return bool(track.served and track.served.compression_applied)

    def get_compression_savings(self, track) -> int:
        return track.served.compression_savings if track.served else 0

    def get_archived_to_storage(self, track) -> bool:
        """C-14: true only when every asset the provider has is ours."""
        source = getattr(track, "source", None)
        urls = source.urls() if source else {}
        return bool(urls) and all(track.file(ROLE_OF[kind]) for kind in urls)

    def get_storage_audio_url(self, track) -> str | None:
        archived = self._archived(track, "audio")
        return self._address(track, "stream", track.playable and archived)

    def get_storage_cover_url(self, track) -> str | None:
        return self._address(track, "cover", self._archived(track, "cover"))

    def get_storage_video_url(self, track) -> str | None:
        return self._address(track, "video", track.playable and self._archived(track, "video"))

    def _archived(self, track, kind: str) -> bool:
        return hasattr(track, "source") and track.file(ROLE_OF[kind]) is not None

    def _lives(self, track, field: str) -> bool:
        source = getattr(track, "source", None)
        return bool(source and getattr(source, field) and source.expires_at > timezone.now())

    def _address(self, track, name: str, there) -> str | None:
        return reverse(f"track-{name}", args=[track.pk], request=self.context["request"]) if there else None
