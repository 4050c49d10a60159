"""What ours is measured beside: the same pages as most projects build them. Addresses for `bench/catalogue.py` only.

The catalogue page twice: with ModelSerializers, `select_related`, `prefetch_related` and a cursor, as the guides
advise; and naively, asking for each track's children by themselves and for the number of all tracks. Both answer the
very shape that `/api/v1/tracks` answers, by the serializers that the contract test compares it with. A playlist
likewise, for `bench/playlists.py`, and the feed for `bench/social.py`. The admin as a ModelAdmin comes out of the box.
"""

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, F, OuterRef, Prefetch
from django.urls import include, path
from rest_framework import generics, pagination
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from apps.catalog.models import Instrument, Section, Track
from apps.social.models import Like, Post
from tests.catalog.plain import COUNTS, ExpandedSerializer
from tests.playlists import plain as playlists
from tests.social import plain as social


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
        rows = (
            Track.objects.with_playable(AnonymousUser())
            .annotate(**COUNTS)
            .filter(is_public=True, status="ready", removed_at__isnull=True, genre=asked["genre"])
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


class PlaylistPage(APIView):
    """A whole playlist with its tracks."""

    permission_classes = [AllowAny]
    throttle_classes = []

    def get(self, request, pk) -> Response:
        return Response(playlists.written(pk, viewer=AnonymousUser(), request=request))


class NaivePlaylist(PlaylistPage):
    """Each entry asks for its track, and each track for what belongs to it."""

    def get(self, request, pk) -> Response:
        return Response(playlists.naively(pk, viewer=AnonymousUser(), request=request))


class ByMoment(pagination.CursorPagination):
    page_size = 20
    ordering = ("-created_at", "-id")


class PlainPost(social.PostSerializer):
    """Takes its track from where the query put it."""

    def _seen(self, post):
        return next(iter(post.seen), None) if isinstance(post.seen, list) else post.seen


class Feed(generics.ListAPIView):
    """The newest posts with author, track and its owner, a counter column, whether one likes it."""

    permission_classes = [AllowAny]
    throttle_classes = []
    serializer_class = PlainPost
    pagination_class = ByMoment

    def get_queryset(self):
        viewer = self.request.user
        tracks = Track.objects.visible_to(viewer).live().with_playable(viewer).with_page()
        liked = Like.objects.filter(post=OuterRef("pk"), user=viewer.pk)
        return (
            Post.objects.filter(status="shown")
            .annotate(liked=Exists(liked), likes_now=F("like_count"), comments_now=F("comment_count"))
            .select_related("author__profile", "author__avatar", "track")
            .prefetch_related(Prefetch("track", tracks, to_attr="seen"))
        )


class NaivePost(social.PostSerializer):
    """Asks for everything post by post."""

    def to_representation(self, post) -> dict:
        viewer = self.context["request"].user
        post.likes_now, post.comments_now = post.likes.count(), post.comments.filter(status="shown").count()
        post.liked = post.likes.filter(user=viewer.pk).exists()
        return super().to_representation(post)

    def _seen(self, post):
        viewer = self.context["request"].user
        return Track.objects.visible_to(viewer).live().with_playable(viewer).filter(pk=post.track_id).first()


class NaiveFeed(Feed):
    serializer_class = NaivePost
    pagination_class = ByNumber

    def get_queryset(self):
        return Post.objects.filter(status="shown").order_by("-created_at", "-id")


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
    path("bench/playlists/<uuid:pk>", PlaylistPage.as_view()),
    path("bench/playlists/<uuid:pk>/naive", NaivePlaylist.as_view()),
    path("bench/feed", Feed.as_view()),
    path("bench/feed/naive", NaiveFeed.as_view()),
    path("bench/admin/", plain.urls),
    path("", include("config.urls")),
]
