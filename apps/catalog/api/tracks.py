"""`/tracks`: list, register, read, change, remove, and the bytes."""

from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import profiles
from apps.accounts.api import ANYONE, IDEMPOTENCY_KEY, policy
from apps.accounts.idempotency import once
from apps.catalog import actions, bytes
from apps.catalog.models import Track
from apps.catalog.serializers import GeneratedSerializer, TrackFacts, TrackSerializer
from apps.lib.api import AnyAccept
from apps.lib.errors import Refusal

PAGING = {"limit", "cursor"}
FILTERS = {
    "kind": ("kind", "uploaded, generated, gallery or library"),
    "genre": ("genre__iexact", "The genre's name."),
    "owner": ("owner__profile__username__iexact", "A username."),
}


def filtered(rows, params):
    """The rows that the query string asks for. An unknown filter is refused with the list of known ones."""
    unknown = sorted(set(params) - set(FILTERS) - PAGING)
    if unknown:
        message = f"Unknown filter {unknown[0]!r}. Known: {', '.join(sorted({*FILTERS, *PAGING}))}."
        raise Refusal("UNKNOWN_FILTER", message, fields={unknown[0]: [message]})
    for name, (lookup, _) in FILTERS.items():
        if name in params:
            if "\x00" in params[name]:
                raise Refusal("INVALID", f"{name}: not a text.", fields={name: ["Not a text."]})
            rows = rows.filter(**{lookup: params[name]})
    return rows


def readable(request):
    """The gate of every view here."""
    return Track.objects.visible_to(request.user).with_playable(request.user).with_page()


def shown(request, track: Track) -> dict:
    return TrackSerializer(readable(request).get_visible(request.user, pk=track.pk), context={"request": request}).data


class TracksView(generics.ListAPIView):
    """Tracks this person may see, newest first."""

    permission_classes = [policy(read=ANYONE)]
    serializer_class = TrackSerializer

    def get_queryset(self):
        return filtered(readable(self.request), self.request.query_params).live()

    @extend_schema(parameters=[OpenApiParameter(name, str, description=text) for name, (_, text) in FILTERS.items()])
    def get(self, request, *args, **kwargs) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        request=GeneratedSerializer,
        responses={201: TrackSerializer, 200: TrackSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @once
    def post(self, request) -> Response:
        """Register a finished generation; the archive fetches its files at once. Said again: 200, the same track."""
        form = GeneratedSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        track, new = actions.register_generated(owner=request.user, **form.validated_data)
        return Response(shown(request, track), status=status.HTTP_201_CREATED if new else status.HTTP_200_OK)


class PersonTracksView(generics.ListAPIView):
    """A person's tracks, those of them that you may see, newest first."""

    permission_classes = [policy(read=ANYONE)]
    serializer_class = TrackSerializer
    queryset = Track.objects.none()  # says to the schema what is listed

    def get_queryset(self):
        return readable(self.request).of(profiles.public(self.kwargs["username"])).live()


class TrackView(APIView):
    permission_classes = [policy(read=ANYONE)]

    @extend_schema(responses=TrackSerializer)
    def get(self, request, pk) -> Response:
        """One track."""
        track = readable(request).get_visible(request.user, pk=pk)
        return Response(TrackSerializer(track, context={"request": request}).data)

    @extend_schema(request=TrackFacts(partial=True), responses=TrackSerializer)
    def patch(self, request, pk) -> Response:
        """Change words and facts; what is not named stays."""
        track = Track.objects.get_editable(request.user, pk=pk)
        form = TrackFacts(track, data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        actions.edit(track=track, by=request.user, **form.validated_data)
        return Response(shown(request, track))

    @extend_schema(responses={204: None})
    def delete(self, request, pk) -> Response:
        """Remove the track; posts that show it keep a note of it."""
        actions.remove(track=Track.objects.get_editable(request.user, pk=pk), by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
class TrackBytesView(APIView):
    """Bytes of a track with Range support; of an object store, a redirect to a link that lives five minutes."""

    permission_classes = [policy(read=ANYONE, reads="media")]
    content_negotiation_class = AnyAccept
    role = "stream"

    def get(self, request, pk):
        track = readable(request).get_visible(request.user, pk=pk)
        if self.role == "stream":
            return bytes.stream(request, track)
        return bytes.file(request, track, self.role)

    head = get


urls = [
    path("tracks", TracksView.as_view(), name="tracks"),
    path("tracks/<uuid:pk>", TrackView.as_view(), name="track"),
    path("users/<str:username>/tracks", PersonTracksView.as_view(), name="user-tracks"),
    *(
        path(f"tracks/<uuid:pk>/{role}", TrackBytesView.as_view(role=role), name=f"track-{role}")
        for role in ("stream", "preview", "waveform", "cover", "video")
    ),
]
