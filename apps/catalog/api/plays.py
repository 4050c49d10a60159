"""`/tracks/{id}/plays` and `/tracks/{id}/statistics`: a track was heard, and how often on which day."""

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api import ANYONE, IDEMPOTENCY_KEY, policy
from apps.accounts.idempotency import once
from apps.catalog import plays
from apps.catalog.models import Track
from apps.lib.client import address, network


class PlaySerializer(serializers.Serializer):
    counted = serializers.BooleanField(help_text="False: counted before within the window, or your own track.")


class DaySerializer(serializers.Serializer):
    day = serializers.DateField()
    plays = serializers.IntegerField()


class PlaysByDaySerializer(serializers.Serializer):
    play_count = serializers.IntegerField(help_text="Since there is the track.")
    popularity_score = serializers.DecimalField(max_digits=5, decimal_places=2)
    plays = serializers.IntegerField(help_text="In the days told.")
    days = DaySerializer(many=True, help_text="UTC days, the oldest first, today last.")


class Asked(serializers.Serializer):
    days = serializers.IntegerField(
        min_value=1, max_value=plays.MOST_DAYS, default=plays.DAYS, help_text="How many days, today the last of them."
    )


class PlaysView(APIView):
    permission_classes = [policy(write=ANYONE)]

    @extend_schema(
        request=None, responses={201: PlaySerializer, 200: PlaySerializer}, parameters=[IDEMPOTENCY_KEY]
    )  # fmt: skip
    @once
    def post(self, request, pk) -> Response:
        """You heard the track. 201: it counts. 200: it does not, for it counted before or the track is yours."""
        track = Track.objects.live().get_visible(request.user, pk=pk)
        counted = plays.play(track=track, user=request.user, network=network(address(request)))
        return Response({"counted": counted}, status=status.HTTP_201_CREATED if counted else status.HTTP_200_OK)


class StatisticsView(APIView):
    permission_classes = [policy()]

    @extend_schema(parameters=[Asked], responses=PlaysByDaySerializer)
    def get(self, request, pk) -> Response:
        """Plays by day, for the owner and staff. A play is told within a minute of being heard."""
        asked = Asked(data=request.query_params)
        asked.is_valid(raise_exception=True)
        track = Track.objects.get_editable(request.user, pk=pk)
        days = plays.by_day(track=track, **asked.validated_data)
        told = {"plays": sum(day.plays for day in days), "days": days}
        facts = {"play_count": track.play_count, "popularity_score": track.popularity_score}
        return Response(PlaysByDaySerializer({**facts, **told}).data)


urls = [
    path("tracks/<uuid:pk>/plays", PlaysView.as_view(), name="track-plays"),
    path("tracks/<uuid:pk>/statistics", StatisticsView.as_view(), name="track-statistics"),
]
