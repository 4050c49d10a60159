"""Generations that are not finished yet: announced here, asked for by the archive, and then they are tracks."""

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.response import Response

from apps.accounts.api import IDEMPOTENCY_KEY, SIGNED_IN, policy
from apps.accounts.idempotency import once
from apps.archive import generations, tasks
from apps.archive.models import Generation
from apps.catalog.serializers import TrackFacts


class GenerationForm(TrackFacts):
    """A generation under way: its provider, the provider's id, and the facts of the track to be."""

    provider = serializers.SlugField()
    provider_track_id = serializers.CharField(max_length=90, help_text="The provider's id of the task or prediction.")

    class Meta(TrackFacts.Meta):
        fields = [*TrackFacts.Meta.fields, "provider", "provider_track_id"]


class GenerationSerializer(serializers.ModelSerializer):
    class Meta:
        model = Generation
        fields = [
            "id", "provider", "provider_track_id", "title", "state", "said", "next_at", "asked_at", "ends_at",
            "attempts", "error_code", "error_message", "tracks", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class GenerationsView(generics.ListAPIView):
    permission_classes = [policy(read=SIGNED_IN)]
    serializer_class = GenerationSerializer

    def get_queryset(self):
        return Generation.objects.visible_to(self.request.user).prefetch_related("tracks")

    def get(self, request, *args, **kwargs) -> Response:
        """Generations that you announced, newest first; staff see all."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        request=GenerationForm,
        responses={202: GenerationSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @once
    def post(self, request) -> Response:
        """Announce a generation: it is asked for until it is finished, and then a track. Said again: the same one."""
        form = GenerationForm(data=request.data)
        form.is_valid(raise_exception=True)
        row, _ = generations.announce(owner=request.user, **form.validated_data)
        tasks.nudge_asking()
        return Response(GenerationSerializer(row).data, status=status.HTTP_202_ACCEPTED)


urls = [path("generations", GenerationsView.as_view(), name="generations")]
