"""`/tracks/{id}`: read, change, remove, and the bytes."""

from django.http import HttpResponseBase
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api import ANYONE, policy
from apps.catalog import actions, bytes, cards
from apps.catalog.api.answers import known_again, moved, shown, whole
from apps.catalog.models import Track
from apps.catalog.serializers import TrackFacts, WholeTrackSerializer
from apps.lib.api import AnyAccept
from apps.lib.errors import NotFound

CHOICE = [
    OpenApiParameter("fields", str, description="Only these fields, by commas."),
    OpenApiParameter("expand", str, description=f"Parts, by commas: {', '.join(sorted(cards.KNOWN_EXPANDS))}."),
]


class TrackView(APIView):
    permission_classes = [policy(read=ANYONE)]

    @extend_schema(parameters=CHOICE, responses={200: WholeTrackSerializer, 304: None, 308: None})
    def get(self, request, pk) -> HttpResponseBase:
        """One track with its arrangement, creators and instruments. Merged into another: 308 to that one."""
        state = Track.objects.visible_to(request.user).filter(pk=pk).values_list("status", flat=True).first()
        if state in (None, "merged") and (into := Track.objects.successor(request.user, pk)):
            return moved("track", into)
        if state is None:
            raise NotFound
        return known_again(request, whole(request, pk))

    @extend_schema(request=TrackFacts(partial=True), responses=WholeTrackSerializer)
    def patch(self, request, pk) -> Response:
        """Change words and facts; what is not named stays."""
        track = Track.objects.get_editable(request.user, pk=pk)
        form = TrackFacts(track, data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        actions.edit(track=track, by=request.user, **form.validated_data)
        return Response(shown(request, pk))

    @extend_schema(responses={204: None})
    def delete(self, request, pk) -> Response:
        """Remove the track; posts that show it keep a note of it."""
        actions.remove(track=Track.objects.get_editable(request.user, pk=pk), by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, 308: None})
class TrackBytesView(APIView):
    """Bytes of a track with Range support; of an object store, a redirect to a link that lives five minutes.

    Of a track that was merged into another, 308 to that one's; staff, who still see it, get its own.
    """

    permission_classes = [policy(read=ANYONE, reads="media")]
    content_negotiation_class = AnyAccept
    role = "stream"

    def get(self, request, pk):
        rows = Track.objects.visible_to(request.user).with_playable(request.user).with_page()
        track = rows.filter(pk=pk).first()
        if track is None:
            if into := Track.objects.successor(request.user, pk):
                return moved(f"track-{self.role}", into)
            raise NotFound
        if self.role == "stream":
            return bytes.stream(request, track)
        return bytes.file(request, track, self.role)

    head = get


urls = [
    path("tracks/<uuid:pk>", TrackView.as_view(), name="track"),
    *(
        path(f"tracks/<uuid:pk>/{role}", TrackBytesView.as_view(role=role), name=f"track-{role}")
        for role in ("stream", "preview", "waveform", "cover", "video")
    ),
]
