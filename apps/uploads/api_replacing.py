"""`/tracks/{id}/audio`: another recording for a track that stays what it is, and the way back."""

from django.urls import path
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api import IDEMPOTENCY_KEY, policy
from apps.accounts.idempotency import once
from apps.catalog import tasks as catalog
from apps.catalog.api.answers import shown
from apps.catalog.models import FormerFile, Track
from apps.catalog.serializers import WholeTrackSerializer
from apps.lib import nudges
from apps.uploads import actions, replacing, tasks
from apps.uploads.api import Held, UploadSerializer
from apps.uploads.envelope import SHAPE, Enveloped


class AudioForm(serializers.Serializer):
    file = serializers.FileField(allow_empty_file=True, max_length=None)


class FormerAudioSerializer(serializers.ModelSerializer):
    """An original that another took the place of."""

    sha256 = serializers.CharField(source="blob.sha256")
    size_bytes = serializers.IntegerField(source="blob.size")
    content_type = serializers.CharField(source="blob.mime")
    replaced_at = serializers.DateTimeField(source="created_at")
    replaced_by = serializers.SerializerMethodField(help_text="A username; null for nobody.")

    class Meta:
        model = FormerFile
        fields = [
            "id",
            "file_name",
            "sha256",
            "size_bytes",
            "content_type",
            "duration_ms",
            "replaced_at",
            "replaced_by",
        ]

    @extend_schema_field({"type": ["string", "null"]})
    def get_replaced_by(self, former) -> str | None:
        profile = getattr(former.replaced_by, "profile", None)
        return profile.username if profile else None


class AudioView(Held, Enveloped, APIView):
    permission_classes = [policy(scope="upload")]
    parser_classes = [MultiPartParser]

    @extend_schema(
        request={"multipart/form-data": AudioForm},
        responses={201: UploadSerializer},
        parameters=[IDEMPOTENCY_KEY, SHAPE],
    )
    @once
    def post(self, request, pk) -> Response:
        """Replace the audio. The track keeps its id, words, plays, likes and places in playlists.

        What it was is kept and can be put back. `sounds_different` says in words when the two do not sound alike.
        """
        track = Track.objects.get_editable(request.user, pk=pk)
        form = AudioForm(data=request.data)
        form.is_valid(raise_exception=True)
        file = form.validated_data["file"]
        upload = actions.receive(
            user=request.user,
            content=file,
            file_name=file.name or "",
            content_type=file.content_type or "",
            held=request.held,
            replaces=track,
        )
        tasks.nudge(upload)
        return Response(UploadSerializer(upload).data, status=status.HTTP_201_CREATED)


class FormerAudioView(generics.ListAPIView):
    """Former originals of a track that one may change, the last replaced first."""

    permission_classes = [policy(scope="upload")]
    serializer_class = FormerAudioSerializer
    queryset = FormerFile.objects.none()  # says to the schema what is listed

    def get_queryset(self):
        track = Track.objects.get_editable(self.request.user, pk=self.kwargs["pk"])
        return replacing.former(track)


class RestoreView(APIView):
    permission_classes = [policy(scope="upload")]

    @extend_schema(request=None, responses=WholeTrackSerializer)
    def post(self, request, pk, former_pk) -> Response:
        """Put a former original back; the present one becomes a former one."""
        former = FormerFile.objects.get_editable(request.user, pk=former_pk, track=pk)
        replacing.restore(former=former, by=request.user)
        nudges.send(catalog.sweep)
        return Response(shown(request, pk))


urls = [
    path("tracks/<uuid:pk>/audio", AudioView.as_view(), name="track-audio"),
    path("tracks/<uuid:pk>/former-audio", FormerAudioView.as_view(), name="track-former-audio"),
    path(
        "tracks/<uuid:pk>/former-audio/<uuid:former_pk>/restore",
        RestoreView.as_view(),
        name="track-former-audio-restore",
    ),
]
