"""`/uploads/direct`: a file goes straight into the object store, in parts, by links that are signed here."""

import uuid

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api import IDEMPOTENCY_KEY, policy
from apps.accounts.idempotency import once
from apps.catalog.models import Track
from apps.catalog.serializers import TrackFacts
from apps.lib import multipart
from apps.uploads import direct, tasks
from apps.uploads.api import UploadForm, UploadSerializer
from apps.uploads.models import Upload

HEX = r"^[0-9a-f]{64}\Z"


class DirectForm(UploadForm):
    file = None
    file_name = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    content_type = serializers.CharField(max_length=255, required=False, allow_blank=True)
    size_bytes = serializers.IntegerField(max_value=2**62)
    sha256 = serializers.RegexField(HEX, required=False, help_text="Of the whole file, in hex.")
    checksums = serializers.BooleanField(
        required=False, help_text="Every part carries its SHA-256, if the store knows how: see `part_checksums`."
    )
    replaces = serializers.UUIDField(required=False, help_text="The track whose audio this becomes.")

    class Meta(UploadForm.Meta):
        fields = [
            "file_name", "content_type", "size_bytes", "sha256", "checksums", "replaces", "library", "is_pro_only",
            *TrackFacts.Meta.fields,
        ]  # fmt: skip


class WantedPart(serializers.Serializer):
    number = serializers.IntegerField(min_value=1, max_value=multipart.MOST_PARTS)
    sha256 = serializers.RegexField(HEX, required=False, help_text="Of this part, in hex.")


class WantedParts(serializers.Serializer):
    parts = WantedPart(many=True, allow_empty=True, max_length=direct.LINKS_AT_ONCE)


class SentPart(serializers.Serializer):
    number = serializers.IntegerField(min_value=1, max_value=multipart.MOST_PARTS)
    etag = serializers.CharField(max_length=200, help_text="As the store answered.")


class SentParts(serializers.Serializer):
    parts = SentPart(many=True, required=False, max_length=multipart.MOST_PARTS)


class LinkSerializer(serializers.Serializer):
    number = serializers.IntegerField()
    size = serializers.IntegerField(help_text="bytes")
    url = serializers.CharField(help_text="PUT the part's bytes here within the hour.")
    headers = serializers.DictField(child=serializers.CharField(), help_text="To be sent exactly so.")


class ArrivedSerializer(serializers.Serializer):
    number = serializers.IntegerField()
    size = serializers.IntegerField(help_text="bytes")
    etag = serializers.CharField()


class PartsSerializer(serializers.Serializer):
    parts = LinkSerializer(many=True)
    arrived = ArrivedSerializer(many=True, help_text="What the store has already.")


class DirectSerializer(UploadSerializer):
    part_bytes = serializers.SerializerMethodField(help_text="Of every part but the last.")
    part_count = serializers.SerializerMethodField()
    parts = serializers.SerializerMethodField(
        help_text=f"Links for the first {direct.LINKS_AT_ONCE} parts; none with `part_checksums`."
    )

    class Meta(UploadSerializer.Meta):
        fields = [*UploadSerializer.Meta.fields, "expires_at", "part_bytes", "part_count", "part_checksums", "parts"]
        read_only_fields = fields

    def get_part_bytes(self, upload: Upload) -> int:
        return multipart.part_size(upload.size_bytes)

    def get_part_count(self, upload: Upload) -> int:
        return len(multipart.sizes(upload.size_bytes))

    def get_parts(self, upload: Upload) -> LinkSerializer(many=True):
        """None without the hash of each part, and none of an upload that a repeated request finds whole or over."""
        if upload.part_checksums or upload.state != "receiving":
            return []
        first = list(multipart.sizes(upload.size_bytes))[: direct.LINKS_AT_ONCE]
        return LinkSerializer(direct.links(upload, dict.fromkeys(first, "")), many=True).data


class DirectView(APIView):
    permission_classes = [policy(scope="upload")]

    @extend_schema(
        operation_id="uploads_direct_create",
        request=DirectForm,
        responses={201: DirectSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request) -> Response:
        """Announce a file; the answer says in which parts it goes to the store, and where each of them is sent."""
        made = self.made(request)
        upload = Upload.objects.get_visible(request.user, pk=made.data["id"])
        made.data = DirectSerializer(upload).data
        return made

    @once
    def made(self, request) -> Response:
        """Kept for repetitions without the links: those end, and let anybody write."""
        form = DirectForm(data=request.data)
        form.is_valid(raise_exception=True)
        facts = dict(form.validated_data)
        if replaces := facts.pop("replaces", None):
            facts["replaces"] = Track.objects.get_editable(request.user, pk=replaces)
        upload = direct.begin(
            user=request.user,
            size=facts.pop("size_bytes"),
            file_name=facts.pop("file_name", ""),
            announced_sha256=facts.pop("sha256", ""),
            **facts,
        )
        return Response(UploadSerializer(upload).data, status=status.HTTP_201_CREATED)


class _OfOne(APIView):
    permission_classes = [policy(scope="upload")]

    def upload(self) -> Upload:
        return Upload.objects.get_editable(self.request.user, pk=self.kwargs["pk"], way=Upload.Way.DIRECT)


class DirectPartsView(_OfOne):
    @extend_schema(operation_id="uploads_direct_parts", request=WantedParts, responses=PartsSerializer)
    def post(self, request, pk: uuid.UUID) -> Response:
        """Links for these parts, fresh for an hour, and what the store has already: ask so where to go on."""
        upload, form = self.upload(), WantedParts(data=request.data)
        form.is_valid(raise_exception=True)
        wanted = {part["number"]: part.get("sha256", "") for part in form.validated_data["parts"]}
        links = direct.links(upload, wanted)
        return Response(PartsSerializer({"parts": links, "arrived": direct.arrived(upload)}).data)


class DirectCompleteView(_OfOne):
    @extend_schema(operation_id="uploads_direct_complete", request=SentParts, responses=UploadSerializer)
    def post(self, request, pk: uuid.UUID) -> Response:
        """Every part is there: a worker fetches the file and checks it. Saying it again is harmless."""
        upload, form = self.upload(), SentParts(data=request.data)
        form.is_valid(raise_exception=True)
        etags = {part["number"]: part["etag"] for part in form.validated_data.get("parts", [])}
        upload = direct.complete(upload, etags)
        tasks.nudge(upload)
        return Response(UploadSerializer(upload).data)


urls = [
    path("uploads/direct", DirectView.as_view(), name="uploads-direct"),
    path("uploads/<uuid:pk>/parts", DirectPartsView.as_view(), name="upload-parts"),
    path("uploads/<uuid:pk>/complete", DirectCompleteView.as_view(), name="upload-complete"),
]
