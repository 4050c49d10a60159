"""`/archive/ledger` and `/archive/manifests`: what happened to each file, and its closed days."""

import datetime as dt

from django.http import FileResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from apps.accounts.api import SIGNED_IN, policy
from apps.archive import verifying
from apps.archive.manifests import LINES
from apps.archive.models import LedgerEntry, Manifest
from apps.lib.api import AnyAccept
from apps.lib.errors import NotFound


class LedgerQuery(serializers.Serializer):
    track = serializers.UUIDField(required=False)


class LedgerEntrySerializer(serializers.ModelSerializer):
    class Meta:
        model = LedgerEntry
        fields = [
            "seq", "at", "track", "asset", "kind", "event", "state_from", "state_to", "token", "attempts", "crashes",
            "origin", "url_sha256", "sha256", "size", "error_code", "facts",
        ]  # fmt: skip


class LedgerView(generics.ListAPIView):
    """What happened to files, newest first: staff see all, an owner own tracks'."""

    permission_classes = [policy(read=SIGNED_IN)]
    serializer_class = LedgerEntrySerializer

    @extend_schema(parameters=[LedgerQuery])
    def get(self, request, *args, **kwargs):
        return super().get(request, *args, **kwargs)

    def get_queryset(self):
        query = LedgerQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return LedgerEntry.objects.visible_to(self.request.user).filter(**query.validated_data)

    @property
    def paginator(self):
        paginator = super().paginator
        paginator.ordering = ("-seq",)
        return paginator


class ManifestSerializer(serializers.ModelSerializer):
    url = serializers.SerializerMethodField()

    class Meta:
        model = Manifest
        fields = ["day", "sha256", "previous", "first_seq", "last_seq", "entries", "url"]

    def get_url(self, manifest) -> str:
        return reverse("archive-manifest", args=[manifest.day], request=self.context["request"])


class ManifestsView(generics.ListAPIView):
    """Closed days of the ledger, newest first. The first one's SHA-256 is the head: it stands for all before it."""

    permission_classes = [policy(read="archive.see")]
    serializer_class = ManifestSerializer

    def get_queryset(self):
        return Manifest.objects.visible_to(self.request.user)

    @property
    def paginator(self):
        paginator = super().paginator
        paginator.ordering = ("-day",)
        return paginator


class ManifestView(APIView):
    permission_classes = [policy(read="archive.see")]
    content_negotiation_class = AnyAccept

    @extend_schema(
        parameters=[OpenApiParameter("day", OpenApiTypes.DATE, "path")],
        responses={(200, LINES.mime): OpenApiTypes.BINARY},
    )
    def get(self, request, day: str) -> FileResponse:
        """One closed day as the offline verifier takes it."""
        try:
            wanted = dt.date.fromisoformat(day)
        except ValueError:
            raise NotFound from None
        manifest = Manifest.objects.select_related("blob").get_visible(request.user, day=wanted)
        name = f"{manifest.day}{verifying.SUFFIX}"
        answer = FileResponse(manifest.blob.open(), as_attachment=True, filename=name, content_type=LINES.mime)
        answer["Cache-Control"] = "private, no-store"
        answer["X-Content-Type-Options"] = "nosniff"
        return answer


urls = [
    path("archive/ledger", LedgerView.as_view(), name="archive-ledger"),
    path("archive/manifests", ManifestsView.as_view(), name="archive-manifests"),
    path("archive/manifests/<str:day>", ManifestView.as_view(), name="archive-manifest"),
]
