"""A track written by REST framework as it is written everywhere: what the database's JSON is compared with."""

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from rest_framework import serializers
from rest_framework.reverse import reverse

from apps.catalog.files import ROLE_OF
from apps.catalog.keys import camelot
from apps.catalog.models import Credit, Instrument, Sample, Section, Track
from apps.playlists.models import Entry
from apps.social.models import Post


def counted(model, **those) -> Coalesce:
    """How many rows of a model point to the track, as it is annotated everywhere."""
    rows = model.objects.filter(track=OuterRef("pk"), **those).order_by().values("track")
    return Coalesce(Subquery(rows.annotate(n=Count("pk")).values("n")), 0)


# What apps above tell of a track in its `stats`; the rows to be written are annotated with it.
COUNTS = {
    "playlist_count": counted(Entry, playlist__is_public=True),
    "post_count": counted(Post, status="shown"),
}


def _decibels(track, name: str) -> str | None:
    original = track.file("original")
    value = original and getattr(original, name)
    return None if value is None else f"{value:.2f}"


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


class TrackSerializer(serializers.ModelSerializer):
    """Takes rows of `Track.objects.with_playable(user).with_page().annotate(**COUNTS)`."""

    owner = OwnerSerializer(allow_null=True)
    key = serializers.CharField(source="musical_key")
    scale = serializers.CharField(source="mode")
    camelot = serializers.SerializerMethodField()
    duration = serializers.SerializerMethodField()
    source = serializers.SerializerMethodField()
    file_url = serializers.SerializerMethodField()
    preview_url = serializers.SerializerMethodField()
    waveform_url = serializers.SerializerMethodField()
    cover_url = serializers.SerializerMethodField()
    video_url = serializers.SerializerMethodField()
    file_size = serializers.SerializerMethodField()
    mime_type = serializers.SerializerMethodField()
    original_file_size = serializers.SerializerMethodField()
    compression_ratio = serializers.SerializerMethodField()
    compression_applied = serializers.SerializerMethodField()
    compression_savings = serializers.SerializerMethodField()
    archived_to_storage = serializers.SerializerMethodField()
    storage_audio_url = serializers.SerializerMethodField()
    storage_cover_url = serializers.SerializerMethodField()
    storage_video_url = serializers.SerializerMethodField()
    creators = serializers.SerializerMethodField()
    instruments = serializers.SerializerMethodField()
    stats = serializers.SerializerMethodField()
    compression = serializers.SerializerMethodField()
    loudness_lufs = serializers.SerializerMethodField()
    true_peak_dbtp = serializers.SerializerMethodField()

    class Meta:
        model = Track
        fields = [
            "id", "kind", "status", "title", "artist", "description", "owner", "is_public", "is_pro_only", "genre",
            "subgenre", "tempo", "key", "scale", "camelot", "mood", "tags", "catalog_number", "isrc", "release_date",
            "popularity_score", "play_count", "creators", "instruments", "clearance", "clearance_reasons", "stats", "compression",
            "loudness_lufs", "true_peak_dbtp", "duration", "duration_ms", "file_url", "preview_url", "waveform_url",
            "cover_url", "video_url", "file_size", "mime_type", "original_file_size", "compression_ratio",
            "compression_applied", "compression_savings", "source", "archived_to_storage", "storage_audio_url",
            "storage_cover_url", "storage_video_url", "created_at", "updated_at",
        ]  # fmt: skip

    def get_camelot(self, track) -> str:
        return camelot(track.pitch_class, track.mode)

    def get_duration(self, track):
        return None if track.duration_ms is None else track.duration_ms / 1000

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

    def get_compression_ratio(self, track) -> str:
        return f"{track.served.compression_ratio:.2f}" if track.served else "1.00"

    def get_compression_applied(self, track) -> bool:
        return bool(track.served and track.served.compression_applied)

    def get_compression_savings(self, track) -> int:
        return track.served.compression_savings if track.served else 0

    def get_loudness_lufs(self, track) -> str | None:
        return _decibels(track, "loudness_lufs")

    def get_true_peak_dbtp(self, track) -> str | None:
        return _decibels(track, "true_peak_dbtp")

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

    def get_creators(self, track) -> list[str]:
        return sorted({credit.name for credit in track.credits.all()})

    def get_instruments(self, track) -> list[str]:
        return sorted({instrument.category for instrument in track.instruments.all()})

    def get_stats(self, track) -> dict:
        return {"play_count": track.play_count, **{name: getattr(track, name) for name in COUNTS}}

    def get_compression(self, track) -> dict:
        names = ("original_file_size", "compression_ratio", "compression_applied", "compression_savings")
        return {name: getattr(self, f"get_{name}")(track) for name in names}


class SectionSerializer(serializers.ModelSerializer):
    section = serializers.CharField(source="name")
    startTime = serializers.SerializerMethodField()
    endTime = serializers.SerializerMethodField()

    class Meta:
        model = Section
        fields = ["id", "section", "startTime", "endTime", "start_ms", "end_ms", "description"]

    def get_startTime(self, section) -> float:
        return section.start_ms / 1000

    def get_endTime(self, section) -> float:
        return section.end_ms / 1000


class CreditSerializer(serializers.ModelSerializer):
    class Meta:
        model = Credit
        fields = ["id", "name", "role", "ipi", "pro", "split", "contact_email", "contact_phone"]

    def to_representation(self, credit) -> dict:
        shown = super().to_representation(credit)
        hidden = {} if self.context["editable"] else {"contact_email": None, "contact_phone": None}
        return {**shown, **hidden}


class InstrumentSerializer(serializers.ModelSerializer):
    class Meta:
        model = Instrument
        fields = ["id", "category", "type", "is_primary"]


class SampleSerializer(serializers.ModelSerializer):
    class Meta:
        model = Sample
        fields = ["id", "pack_name", "description", "is_cleared", "clearance_notes"]


class ExpandedSerializer(TrackSerializer):
    arrangement = SectionSerializer(source="sections", many=True)
    creators = CreditSerializer(source="credits", many=True)
    instruments = InstrumentSerializer(many=True)
    samples = SampleSerializer(many=True)

    class Meta(TrackSerializer.Meta):
        fields = [*TrackSerializer.Meta.fields, "arrangement", "samples"]
