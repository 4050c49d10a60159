"""`/archive/*` for staff (S3-05, S3-09, S3-10); an owner may run own tracks and see their jobs."""

import time
from uuid import UUID

from django.conf import settings
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from apps.accounts.access import may
from apps.accounts.api import IDEMPOTENCY_KEY, SIGNED_IN, policy
from apps.accounts.idempotency import once
from apps.archive import actions, repairs, tasks
from apps.archive.access import archivable
from apps.archive.models import OPEN_STATES, ArchiveAsset, ArchiveJob, Finding
from apps.archive.statistics import statistics
from apps.lib.errors import Forbidden

LONGEST_WAIT = 20
LOOK_EVERY = 0.25


class RunForm(serializers.Serializer):
    track_id = serializers.UUIDField(required=False)
    limit = serializers.IntegerField(
        min_value=1, max_value=settings.ARCHIVE_LIMIT_MOST, default=settings.ARCHIVE_LIMIT, help_text="tracks"
    )
    wait = serializers.FloatField(
        min_value=0,
        max_value=LONGEST_WAIT,
        default=10,
        help_text="seconds to wait for the result; only staff wait",
    )


class RunErrorSerializer(serializers.Serializer):
    track_id = serializers.UUIDField()
    title = serializers.CharField()
    error = serializers.CharField()


class RunResultsSerializer(serializers.Serializer):
    total = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    pending = serializers.IntegerField(help_text="Still in work; look at /archive/jobs.")
    errors = RunErrorSerializer(many=True)


class RunAnswer(serializers.Serializer):
    success = serializers.BooleanField()
    message = serializers.CharField()
    results = RunResultsSerializer()


class RunView(APIView):
    permission_classes = [policy(scope="archive")]

    @extend_schema(request=RunForm, responses=RunAnswer, parameters=[IDEMPOTENCY_KEY])
    @once
    def post(self, request) -> Response:
        """Archive one track, or what is due, now. Workers do it; the answer waits for them, `wait` seconds at most."""
        form = RunForm(data=request.data)
        form.is_valid(raise_exception=True)
        jobs = ArchiveJob.objects.filter(pk__in=self._jobs(request.user, **form.validated_data))
        tasks.nudge()
        # A waiting request holds a thread of the site: staff may, others look at /archive/jobs.
        wait = form.validated_data["wait"] if may(request.user, "archive.run") else 0
        until = time.monotonic() + wait
        while (found := actions.results(jobs)).pending and time.monotonic() < until:
            time.sleep(LOOK_EVERY)
        results = {name: getattr(found, name) for name in ("total", "succeeded", "failed", "pending", "errors")}
        answer = {
            "success": not (found.failed or found.pending),
            "message": found.message,
            "results": results,
        }
        return Response(answer)

    def _jobs(self, user, *, limit: int, wait: float, track_id=None) -> list:
        if track_id is not None:
            return [actions.request(track=archivable(user, track_id), by=user).pk]
        if not may(user, "archive.run"):
            raise Forbidden("Only staff archive what is due; name a track_id of yours.")
        return actions.request_due(limit=limit, by=user)


class JobSerializer(serializers.ModelSerializer):
    title = serializers.CharField(source="track.title")
    storage_audio_url = serializers.SerializerMethodField()
    storage_cover_url = serializers.SerializerMethodField()
    storage_video_url = serializers.SerializerMethodField()

    class Meta:
        model = ArchiveJob
        fields = [
            "id", "track", "title", "user", "requested_by", "status", "original_audio_url", "original_cover_url",
            "original_video_url", "storage_audio_url", "storage_cover_url", "storage_video_url", "started_at",
            "completed_at", "error_message", "metadata", "created_at",
        ]  # fmt: skip

    def get_storage_audio_url(self, job) -> str | None:
        return self._address(job, "audio", "track-stream")

    def get_storage_cover_url(self, job) -> str | None:
        return self._address(job, "cover", "track-cover")

    def get_storage_video_url(self, job) -> str | None:
        return self._address(job, "video", "track-video")

    def _address(self, job, kind: str, route: str) -> str | None:
        archived = any(a.kind == kind and a.state == "archived" for a in job.track.archive_assets.all())
        return reverse(route, args=[job.track_id], request=self.context["request"]) if archived else None


class JobsView(generics.ListAPIView):
    """Runs, newest first: staff see all, an owner those of own tracks."""

    permission_classes = [policy(read=SIGNED_IN)]
    serializer_class = JobSerializer

    def get_queryset(self):
        rows = ArchiveJob.objects.visible_to(self.request.user)
        return rows.select_related("track").prefetch_related("track__archive_assets")


class DueSerializer(serializers.ModelSerializer):
    track_id = serializers.UUIDField()
    title = serializers.CharField(source="track.title")
    provider = serializers.CharField(source="track.source.provider_id")
    days_until_expiry = serializers.SerializerMethodField()

    class Meta:
        model = ArchiveAsset
        fields = [
            "id", "track_id", "title", "kind", "provider", "state", "expires_at", "days_until_expiry", "next_at",
            "attempts", "error_code", "error_message",
        ]  # fmt: skip

    def get_days_until_expiry(self, asset) -> float:
        return round((asset.expires_at - timezone.now()).total_seconds() / 86_400, 3)


class DueView(generics.ListAPIView):
    """What is not archived yet, the next to expire first (S3-09)."""

    permission_classes = [policy(read="archive.see")]
    serializer_class = DueSerializer

    def get_queryset(self):
        waiting = ArchiveAsset.objects.visible_to(self.request.user).filter(state__in=OPEN_STATES)
        return waiting.select_related("track__source")

    @property
    def paginator(self):
        paginator = super().paginator
        paginator.ordering = ("expires_at", "id")
        return paginator


class StatisticsSerializer(serializers.Serializer):
    total_tracks = serializers.IntegerField()
    total_archived = serializers.IntegerField()
    pending_archive = serializers.IntegerField()
    urgent_archive_needed = serializers.IntegerField(help_text="Expiring within two days.")
    expired_tracks = serializers.IntegerField()
    archive_percentage = serializers.FloatField()
    last_archived_at = serializers.DateTimeField(allow_null=True)


class StatisticsView(APIView):
    permission_classes = [policy(read="archive.see")]

    @extend_schema(responses=StatisticsSerializer)
    def get(self, request) -> Response:
        """The archive in numbers, by track."""
        return Response(StatisticsSerializer(statistics()).data)


class FindingSerializer(serializers.ModelSerializer):
    tracks = serializers.SerializerMethodField(help_text="Which tracks hold these bytes now.")

    class Meta:
        model = Finding
        fields = [
            "id", "sha256", "size", "place", "what", "found_size", "found_sha256", "found_at", "state",
            "repaired_from", "repaired_at", "note", "tracks",
        ]  # fmt: skip

    def get_tracks(self, finding) -> list[UUID]:
        return [track.pk for track, _ in self.context["concerned"][finding.sha256]]


class FindingsForm(serializers.Serializer):
    state = serializers.ChoiceField(Finding.machine.choices, required=False)


class FindingsView(generics.ListAPIView):
    """Damages of stored files and what became of them, newest first; of one `state` or of all."""

    permission_classes = [policy(read="archive.see")]
    serializer_class = FindingSerializer

    @extend_schema(parameters=[FindingsForm])
    def get(self, request) -> Response:
        form = FindingsForm(data=request.query_params)
        form.is_valid(raise_exception=True)
        page = self.paginate_queryset(Finding.objects.visible_to(request.user).filter(**form.validated_data))
        concerned = repairs.concerned([finding.sha256 for finding in page])
        context = {**self.get_serializer_context(), "concerned": concerned}
        return self.get_paginated_response(FindingSerializer(page, many=True, context=context).data)


urls = [
    path("archive/run", RunView.as_view(), name="archive-run"),
    path("archive/jobs", JobsView.as_view(), name="archive-jobs"),
    path("archive/due", DueView.as_view(), name="archive-due"),
    path("archive/findings", FindingsView.as_view(), name="archive-findings"),
    path("archive/statistics", StatisticsView.as_view(), name="archive-statistics"),
]
