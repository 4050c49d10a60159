"""`/uploads`: a file comes in as multipart/form-data."""

import uuid

from django.urls import path
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api import IDEMPOTENCY_KEY, policy
from apps.accounts.idempotency import once
from apps.catalog.serializers import Switch, TrackFacts
from apps.lib.errors import Conflict
from apps.uploads import actions, direct, holding, progress, quota, tasks
from apps.uploads.envelope import SHAPE, Enveloped
from apps.uploads.models import Upload


class UploadForm(TrackFacts):
    file = serializers.FileField(allow_empty_file=True, max_length=None)
    library = Switch(required=False, help_text="Into the house's library, as nobody's own; for staff who curate.")
    is_pro_only = Switch(required=False, help_text="Of the library: others than pro members hear the preview.")

    class Meta(TrackFacts.Meta):
        fields = ["file", "library", "is_pro_only", *TrackFacts.Meta.fields]
        extra_kwargs = {"title": {"required": False, "allow_blank": True, "help_text": "Default: the file's name."}}


class UploadProgressSerializer(serializers.Serializer):
    percent = serializers.IntegerField(help_text="0 to 100 of the whole way; 100 when it is ready or refused.")
    words = serializers.CharField(help_text="Where it stands, for people.")
    advice = serializers.CharField(help_text="What to do about it; empty where there is nothing to do.")


class UploadSerializer(serializers.ModelSerializer):
    progress = serializers.SerializerMethodField()

    @extend_schema_field(UploadProgressSerializer)
    def get_progress(self, upload: Upload) -> dict:
        return UploadProgressSerializer(progress.of(upload)).data

    class Meta:
        model = Upload
        fields = [
            "id", "state", "progress", "file_name", "content_type", "size_bytes", "received_bytes", "sha256", "title",
            "track", "replaces", "is_duplicate", "sounds_different", "error_code", "error_message", "expires_at",
            "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = fields


class Held:
    """For a view that a form brings a file to."""

    def initial(self, request, *args, **kwargs) -> None:
        """Whoever may not, or has nothing left today, learns it before the file is read."""
        super().initial(request, *args, **kwargs)
        if request.method == "POST" and request.auth is not None:
            holding.hold(request._request, request.user)


class UploadsView(Held, Enveloped, generics.ListAPIView):
    """The signed-in person's uploads, newest first."""

    permission_classes = [policy(scope="upload")]
    parser_classes = [MultiPartParser]
    serializer_class = UploadSerializer

    def get_queryset(self):
        return Upload.objects.filter(user=self.request.user).select_related("check_row")

    @extend_schema(
        request={"multipart/form-data": UploadForm},
        responses={201: UploadSerializer},
        parameters=[IDEMPOTENCY_KEY, SHAPE],
    )
    @once
    def post(self, request) -> Response:
        """Upload an MP3, WAV or FLAC file of 50 MiB at most. The track plays at once; its compressed copy follows."""
        form = UploadForm(data=request.data)
        form.is_valid(raise_exception=True)
        facts = dict(form.validated_data)
        file = facts.pop("file")
        upload = actions.receive(
            user=request.user,
            content=file,
            file_name=file.name or "",
            content_type=file.content_type or "",
            held=request.held,
            **facts,
        )
        tasks.nudge(upload)
        return Response(UploadSerializer(upload).data, status=status.HTTP_201_CREATED)


class UploadView(Enveloped, generics.RetrieveAPIView):
    """One upload: received, checked, compressed, ready, or refused with its reason."""

    permission_classes = [policy(scope="upload")]
    serializer_class = UploadSerializer

    def get_object(self) -> Upload:
        return Upload.objects.get_visible(self.request.user, pk=self.kwargs["pk"])

    @extend_schema(operation_id="uploads_end", responses={204: None})
    def delete(self, request, pk: uuid.UUID) -> Response:
        """End an upload straight to the object store that is not whole: its parts go, the quota has its bytes back."""
        upload = Upload.objects.get_editable(request.user, pk=pk)
        if upload.way != Upload.Way.DIRECT:
            raise Conflict("Only an upload straight to the object store ends here; one by tus ends where it began.")
        direct.end(upload)
        return Response(status=status.HTTP_204_NO_CONTENT)


class QuotaSerializer(serializers.Serializer):
    """Bytes of this UTC day."""

    used = serializers.IntegerField()
    limit = serializers.IntegerField(help_text="Of the tier, and what staff granted for today.")
    left = serializers.IntegerField()
    resets_at = serializers.DateTimeField(help_text="When the next UTC day begins.")


class QuotaView(APIView):
    """How much may still come in today."""

    permission_classes = [policy(scope="upload")]

    @extend_schema(responses=QuotaSerializer)
    def get(self, request) -> Response:
        return Response(QuotaSerializer(quota.standing(request.user)).data)


urls = [
    path("me/quota", QuotaView.as_view(), name="quota"),
    path("uploads", UploadsView.as_view(), name="uploads"),
    path("uploads/<uuid:pk>", UploadView.as_view(), name="upload"),
]
