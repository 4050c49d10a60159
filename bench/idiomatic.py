"""What ours is measured beside: the same pages as most projects build them. Addresses for `bench/catalogue.py` only.

The catalogue page twice: with ModelSerializers, `select_related`, `prefetch_related` and a cursor, as the guides
advise; and naively, asking for each track's children by themselves and for the number of all tracks. Both answer the
very shape that `/api/v1/tracks` answers, by the serializers that the contract test compares it with. The admin as a
ModelAdmin comes out of the box.
"""

from django.contrib.auth.models import AnonymousUser
from django.db.models import Prefetch
from django.urls import include, path
from rest_framework import generics, pagination
from rest_framework.permissions import AllowAny
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from apps.catalog.models import Instrument, Section, Track
from tests.catalog.plain import ExpandedSerializer


class ByCursor(pagination.CursorPagination):
    page_size = 50
    ordering = ("-popularity_score", "-id")


class ByNumber(pagination.PageNumberPagination):
    page_size = 50


class Page(generics.ListAPIView):
    """genre, tempo range, moods any: what is compared."""

    permission_classes = [AllowAny]
    throttle_classes = []
    serializer_class = ExpandedSerializer
    pagination_class = ByCursor

    def get_queryset(self):
        asked = self.request.query_params
        rows = Track.objects.with_playable(AnonymousUser()).filter(
            is_public=True, status="ready", removed_at__isnull=True, genre=asked["genre"]
        )
        rows = rows.filter(tempo__gte=asked["tempo_min"], tempo__lte=asked["tempo_max"])
        rows = rows.filter(mood__overlap=asked["mood"].split(","))
        return rows.select_related("owner__profile", "owner__avatar", "source").prefetch_related(
            "files__blob", "credits", "samples",
            Prefetch("sections", Section.objects.order_by("start_ms")),
            Prefetch("instruments", Instrument.objects.order_by("-is_primary", "pk")),
        )  # fmt: skip

    def get_serializer_context(self) -> dict:
        return {**super().get_serializer_context(), "editable": False}


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
