"""`/archive/*` for staff (S3-05, S3-09, S3-10); an owner may run own tracks and see their jobs."""

import datetime as dt
import time
import uuid
from uuid import UUID

from django.conf import settings
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from apps.accounts.access import may
from apps.accounts.api import IDEMPOTENCY_KEY, SIGNED_IN, policy
from apps.accounts.idempotency import once
from apps.archive import actions, handing, repairs, risks, tasks
from apps.archive.access import archivable
from apps.archive.models import OPEN_STATES, ArchiveAsset, ArchiveJob, Finding
from apps.archive.statistics import lately
from apps.catalog import tasks as derivations
from apps.lib import nudges
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

    def to_representation(self, job) -> dict:
        """Who of staff asked for it or handed a file in is nobody's business but staff's."""
        shown = super().to_representation(job)
        user = self.context["request"].user
        if may(user, "archive.see"):
            return shown
        if shown["requested_by"] != user.pk:
            shown["requested_by"] = None
        given = [{k: v for k, v in file.items() if k != "by"} for file in job.metadata.get("handed_in", ())]
        shown["metadata"] = {**job.metadata, "handed_in": given} if given else job.metadata
        return shown

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


class Narrowed(serializers.Serializer):
    """What the lists are narrowed by."""

    provider = serializers.SlugField(required=False, help_text="Its code.")
    kind = serializers.ChoiceField(choices=ArchiveAsset.Kind.choices, required=False)
    state = serializers.ChoiceField(choices=ArchiveAsset.machine.choices, required=False)
    within = serializers.FloatField(
        required=False, min_value=0, max_value=24 * 366, help_text="Expiring within so many hours from now."
    )


@extend_schema(parameters=[Narrowed])
class FilesView(generics.ListAPIView):
    """A list of files of the archive, for staff."""

    permission_classes = [policy(read="archive.see")]
    serializer_class = DueSerializer
    ordering: tuple[str, ...] = ("expires_at", "id")

    def rows(self):
        raise NotImplementedError

    def get_queryset(self):
        asked = Narrowed(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        said, rules = asked.validated_data, {}
        if "provider" in said:
            rules["track__source__provider"] = said["provider"]
        if "within" in said:
            now = timezone.now()
            rules |= {"expires_at__gt": now, "expires_at__lte": now + dt.timedelta(hours=said["within"])}
        rules |= {name: said[name] for name in ("kind", "state") if name in said}
        seen = ArchiveAsset.objects.visible_to(self.request.user)
        return (self.rows() & seen).filter(**rules).select_related("track__source")

    @property
    def paginator(self):
        paginator = super().paginator
        paginator.ordering = self.ordering
        return paginator


class DueView(FilesView):
    """What is not archived yet, the next to expire first (S3-09)."""

    def rows(self):
        return ArchiveAsset.objects.filter(state__in=OPEN_STATES)


class AtRiskView(FilesView):
    """What may be lost: failing or waiting close to expiry, said to be gone, quarantined; the next to expire first."""

    def rows(self):
        return risks.at_risk()


class LostView(FilesView):
    """What was lost, the latest first."""

    ordering = ("-lost_at", "-id")

    def rows(self):
        return risks.lost()


class HandInForm(serializers.Serializer):
    kind = serializers.ChoiceField(choices=ArchiveAsset.Kind.choices)
    file = serializers.FileField(allow_empty_file=True, max_length=None)
    any_length = serializers.BooleanField(
        default=False, help_text="Keep audio also if it is not as long as the provider announced."
    )


class HandInView(APIView):
    permission_classes = [policy(read="archive.run", write="archive.run", scope="archive")]
    parser_classes = [MultiPartParser]

    @extend_schema(request={"multipart/form-data": HandInForm}, responses={201: DueSerializer})
    def post(self, request, pk: uuid.UUID) -> Response:
        """Hand in a file that the provider does not give any more (S3-09); verified and stored as a fetched one."""
        track = archivable(request.user, pk)
        form = HandInForm(data=request.data)
        form.is_valid(raise_exception=True)
        facts = dict(form.validated_data)
        file = facts.pop("file")
        asset = handing.hand_in(track=track, content=file, file_name=file.name or "", by=request.user, **facts)
        nudges.send(derivations.sweep)
        return Response(DueSerializer(asset).data, status=status.HTTP_201_CREATED)


class PercentilesSerializer(serializers.Serializer):
    """Seconds."""

    p50 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)
    p99 = serializers.FloatField(allow_null=True)


class WindowSerializer(serializers.Serializer):
    """How soon and how surely, of files that were decided on within so many seconds; rates are shares of 1."""

    seconds = serializers.FloatField()
    archived = serializers.IntegerField()
    lost = serializers.IntegerField()
    success_rate = serializers.FloatField(help_text="Archived before their expiry.")
    failure_rate = serializers.FloatField(help_text="Lost.")
    mean_seconds = serializers.FloatField(allow_null=True, help_text="Of a track's job, from start to end.")
    since_finished = PercentilesSerializer(help_text="Since the provider had it ready.")
    since_known = PercentilesSerializer(help_text="Since we could know of it, where that is later.")


class NextToExpireSerializer(serializers.Serializer):
    track_id = serializers.UUIDField()
    kind = serializers.CharField()
    expires_at = serializers.DateTimeField()


class QueueSerializer(serializers.Serializer):
    waiting = serializers.IntegerField()
    due = serializers.IntegerField()
    age_seconds = serializers.FloatField(help_text="Since when the oldest is due.")
    next_to_expire = NextToExpireSerializer(allow_null=True)


class ExampleSerializer(serializers.Serializer):
    tracks = serializers.IntegerField()
    gb = serializers.IntegerField()
    cost_month = serializers.DecimalField(max_digits=12, decimal_places=2)


class KindSerializer(serializers.Serializer):
    files = serializers.IntegerField()
    bytes = serializers.IntegerField()
    month = serializers.IntegerField(help_text="Bytes that came within 30 days.")


class StorageSerializer(serializers.Serializer):
    by_kind = serializers.DictField(child=KindSerializer())
    bytes = serializers.IntegerField()
    growth_month_bytes = serializers.IntegerField()
    price_gb_month = serializers.DecimalField(max_digits=12, decimal_places=6)
    cost_month = serializers.DecimalField(max_digits=12, decimal_places=2)
    bytes_in_a_year = serializers.IntegerField()
    cost_month_in_a_year = serializers.DecimalField(max_digits=12, decimal_places=2)
    example_1000_tracks = ExampleSerializer()


class HostSerializer(serializers.Serializer):
    host = serializers.CharField()
    state = serializers.CharField(help_text="paused, probing or shut")
    failures = serializers.IntegerField(help_text="In a row.")
    opens_at = serializers.DateTimeField(allow_null=True)
    last_success_at = serializers.DateTimeField(allow_null=True)
    last_failure_at = serializers.DateTimeField(allow_null=True)
    error_code = serializers.CharField(allow_blank=True)


class HostsSerializer(serializers.Serializer):
    states = serializers.DictField(child=serializers.IntegerField(), help_text="How many hosts are in each.")
    left_alone = HostSerializer(many=True)


class SeenSerializer(serializers.Serializer):
    orphans = serializers.IntegerField()
    half_written = serializers.IntegerField()
    removed = serializers.IntegerField()


class FixitySerializer(serializers.Serializer):
    """Of all places together; bytes are read in time when that was within SCRUB_DAYS."""

    bytes_total = serializers.IntegerField()
    bytes_checked = serializers.IntegerField()
    bytes_unchecked = serializers.IntegerField()
    oldest_check = serializers.DateTimeField(allow_null=True)
    to_check = serializers.IntegerField(help_text="Files that are looked at out of their turn.")
    open_findings = serializers.IntegerField(
        help_text="Damages that stand, those beyond repair too, without what was written off."
    )
    unrepairable_findings = serializers.IntegerField()
    copies_missing = serializers.IntegerField()
    bytes_without_copy = serializers.IntegerField()
    orphans = serializers.DictField(child=SeenSerializer(), help_text="By place, as it was listed last.")


class LedgerStandingSerializer(serializers.Serializer):
    last_closed = serializers.DateField(allow_null=True)
    head = serializers.CharField(allow_blank=True, help_text="SHA-256 of that day.")
    unclosed_days = serializers.IntegerField(help_text="Over, and not closed.")


class TargetsSerializer(serializers.Serializer):
    """S3-15."""

    success_rate = serializers.FloatField()
    failure_rate = serializers.FloatField()
    mean_seconds = serializers.FloatField()
    lost = serializers.IntegerField()


class StatisticsSerializer(serializers.Serializer):
    total_tracks = serializers.IntegerField()
    total_archived = serializers.IntegerField()
    pending_archive = serializers.IntegerField()
    urgent_archive_needed = serializers.IntegerField(help_text="Expiring within two days.")
    expired_tracks = serializers.IntegerField()
    archive_percentage = serializers.FloatField()
    last_archived_at = serializers.DateTimeField(allow_null=True)
    last_day = WindowSerializer()
    last_days = WindowSerializer(help_text="The last 30.")
    queue = QueueSerializer()
    storage = StorageSerializer()
    hosts = HostsSerializer()
    fixity = FixitySerializer()
    ledger = LedgerStandingSerializer()
    targets = TargetsSerializer()


class StatisticsView(APIView):
    permission_classes = [policy(read="archive.see")]

    @extend_schema(responses=StatisticsSerializer)
    def get(self, request) -> Response:
        """The archive in numbers: by track (S3-10), how soon and surely (S3-15), what it costs (S3-16), how it is kept.

        Some seconds old, of months and bytes some minutes; in a large archive fifty times as old as counting takes.
        """
        return Response(StatisticsSerializer(lately()).data)


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
    path("archive/at-risk", AtRiskView.as_view(), name="archive-at-risk"),
    path("archive/lost", LostView.as_view(), name="archive-lost"),
    path("archive/tracks/<uuid:pk>/files", HandInView.as_view(), name="archive-hand-in"),
    path("archive/statistics", StatisticsView.as_view(), name="archive-statistics"),
]
