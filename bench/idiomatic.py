"""What ours is measured beside: the same pages as most projects build them. Addresses for `bench/catalogue.py` only.

The catalogue page twice: with ModelSerializers, `select_related`, `prefetch_related` and a cursor, as the guides
advise; and naively, asking for each track's children by themselves and for the number of all tracks. Both answer the
very shape that `/api/v1/tracks` answers. The admin as a ModelAdmin comes out of the box.
"""

from django.urls import include, path
from rest_framework import generics, pagination, serializers
from rest_framework.permissions import AllowAny
from rest_framework.reverse import reverse
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from apps.catalog.files import ROLE_OF
from apps.catalog.keys import camelot
from apps.catalog.models import Credit, Instrument, ProviderSource, Sample, Section, Track


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
    contact_email = serializers.SerializerMethodField()
    contact_phone = serializers.SerializerMethodField()

    class Meta:
        model = Credit
        fields = ["id", "name", "role", "ipi", "pro", "split", "contact_email", "contact_phone"]

    def get_contact_email(self, credit) -> None:
        """For who may edit the track, and nobody who measures may."""

    get_contact_phone = get_contact_email


class InstrumentSerializer(serializers.ModelSerializer):
    class Meta:
        model = Instrument
        fields = ["id", "category", "type", "is_primary"]


class SampleSerializer(serializers.ModelSerializer):
    class Meta:
        model = Sample
        fields = ["id", "pack_name", "description", "is_cleared", "clearance_notes"]


class SourceSerializer(serializers.ModelSerializer):
    provider = serializers.CharField(source="provider_id")

    class Meta:
        model = ProviderSource
        fields = ["provider", "provider_track_id", "generated_at", "expires_at"]


class OwnerSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    username = serializers.CharField(source="profile.username")
    display_name = serializers.CharField(source="profile.name")
    avatar_url = serializers.SerializerMethodField()

    def get_avatar_url(self, owner) -> str | None:
        avatar = getattr(owner, "avatar", None)
        return reverse("avatar", args=[avatar.sha256], request=self.context["request"]) if avatar else None


class TrackSerializer(serializers.ModelSerializer):
    owner = OwnerSerializer(allow_null=True)
    key = serializers.CharField(source="musical_key")
    scale = serializers.CharField(source="mode")
    camelot = serializers.SerializerMethodField()
    duration = serializers.SerializerMethodField()
    source = SourceSerializer(default=None)
    arrangement = serializers.SerializerMethodField()
    creators = CreditSerializer(source="credits", many=True)
    instruments = serializers.SerializerMethodField()
    samples = SampleSerializer(many=True)
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
    compression = serializers.SerializerMethodField()
    stats = serializers.SerializerMethodField()
    archived_to_storage = serializers.SerializerMethodField()
    storage_audio_url = serializers.SerializerMethodField()
    storage_cover_url = serializers.SerializerMethodField()
    storage_video_url = serializers.SerializerMethodField()

    class Meta:
        model = Track
        fields = [
            "id", "kind", "status", "title", "artist", "description", "owner", "is_public", "is_pro_only", "genre",
            "subgenre", "tempo", "key", "scale", "camelot", "mood", "tags", "catalog_number", "isrc", "release_date",
            "popularity_score", "play_count", "duration", "duration_ms", "creators", "instruments", "clearance",
            "clearance_reasons", "file_url", "preview_url", "waveform_url", "cover_url", "video_url", "file_size",
            "mime_type", "original_file_size", "compression_ratio", "compression_applied", "compression_savings",
            "compression", "stats", "source", "archived_to_storage", "storage_audio_url", "storage_cover_url",
            "storage_video_url", "created_at", "updated_at", "arrangement", "samples",
        ]  # fmt: skip

    def get_camelot(self, track) -> str:
        return camelot(track.pitch_class, track.mode)

    def get_duration(self, track) -> float | None:
        return None if track.duration_ms is None else track.duration_ms / 1000

    def get_arrangement(self, track) -> list:
        return SectionSerializer(sorted(track.sections.all(), key=lambda s: s.start_ms), many=True).data

    def get_instruments(self, track) -> list:
        rows = sorted(track.instruments.all(), key=lambda i: (not i.is_primary, i.pk))
        return InstrumentSerializer(rows, many=True).data

    def get_file_url(self, track) -> str | None:
        return self._address(track, "stream", self._plays(track) and track.served)

    def get_preview_url(self, track) -> str | None:
        return self._address(track, "preview", track.file("preview"))

    def get_waveform_url(self, track) -> str | None:
        return self._address(track, "waveform", track.file("waveform"))

    def get_cover_url(self, track) -> str | None:
        return self._address(track, "cover", track.file("cover"))

    def get_video_url(self, track) -> str | None:
        return self._address(track, "video", self._plays(track) and track.file("video"))

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

    def get_compression(self, track) -> dict:
        names = ("original_file_size", "compression_ratio", "compression_applied", "compression_savings")
        return {name: getattr(self, f"get_{name}")(track) for name in names}

    def get_stats(self, track) -> dict:
        return {"play_count": track.play_count}

    def get_archived_to_storage(self, track) -> bool:
        urls = track.source.urls() if hasattr(track, "source") else {}
        return bool(urls) and all(track.file(ROLE_OF[kind]) for kind in urls)

    def get_storage_audio_url(self, track) -> str | None:
        return self._address(track, "stream", hasattr(track, "source") and track.file("original"))

    def get_storage_cover_url(self, track) -> str | None:
        return self._address(track, "cover", hasattr(track, "source") and track.file("cover"))

    def get_storage_video_url(self, track) -> str | None:
        return self._address(track, "video", hasattr(track, "source") and track.file("video"))

    def _plays(self, track) -> bool:
        """For a visitor, who is who measures."""
        return not track.is_pro_only

    def _address(self, track, name: str, there) -> str | None:
        return reverse(f"track-{name}", args=[track.pk], request=self.context["request"]) if there else None


class ByCursor(pagination.CursorPagination):
    page_size = 50
    ordering = ("-popularity_score", "-id")


class ByNumber(pagination.PageNumberPagination):
    page_size = 50


class Page(generics.ListAPIView):
    """genre, tempo range, moods any: what is compared."""

    permission_classes = [AllowAny]
    throttle_classes = []
    serializer_class = TrackSerializer
    pagination_class = ByCursor

    def get_queryset(self):
        asked = self.request.query_params
        rows = Track.objects.filter(is_public=True, status="ready", removed_at__isnull=True, genre=asked["genre"])
        rows = rows.filter(tempo__gte=asked["tempo_min"], tempo__lte=asked["tempo_max"])
        rows = rows.filter(mood__overlap=asked["mood"].split(","))
        return rows.select_related("owner__profile", "owner__avatar", "source").prefetch_related(
            "files__blob", "sections", "credits", "instruments", "samples"
        )


class NaivePage(Page):
    pagination_class = ByNumber

    def get_queryset(self):
        rows = super().get_queryset().select_related(None).prefetch_related(None).prefetch_related("files__blob")
        return rows.order_by("-popularity_score", "-id")


class PlainTracks(ModelAdmin):
    """A table, filters on columns and a search by ILIKE, in the same theme."""

    list_display = ["title", "artist", "genre", "tempo", "owner", "clearance", "status", "is_public", "duration_ms",
                    "popularity_score", "play_count", "created_at"]  # fmt: skip
    list_filter = ["kind", "status", "clearance", "is_public", "is_pro_only", "genre"]
    search_fields = ["title", "artist", "owner__email", "isrc"]
    ordering = ["-id"]


plain = UnfoldAdminSite(name="plain")
plain.register(Track, PlainTracks)

urlpatterns = [
    path("bench/idiomatic", Page.as_view()),
    path("bench/naive", NaivePage.as_view()),
    path("bench/admin/", plain.urls),
    path("", include("config.urls")),
]
