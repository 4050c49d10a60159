"""What people see of a run (S3-04)."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.archive.access import ArchiveRows
from apps.catalog.models import Track
from apps.lib.records import Record
from apps.lib.states import Machine

JOB_STATES = Machine(
    "status",
    {
        "pending": ("processing", "failed"),
        "processing": ("completed", "failed"),
        "completed": (),
        "failed": (),
    },
)


class ArchiveJob(Record):
    """What people see of one run over one track's assets."""

    machine = JOB_STATES

    track = models.ForeignKey(Track, on_delete=models.PROTECT, related_name="archive_jobs", editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False,
        help_text="Owner of the track; empty for the library and after they left.",
    )  # fmt: skip
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False,
        help_text="Empty: the schedule.",
    )  # fmt: skip
    status = machine.column()
    original_audio_url = models.URLField(max_length=2000, blank=True, default="", editable=False)
    original_cover_url = models.URLField(max_length=2000, blank=True, default="", editable=False)
    original_video_url = models.URLField(max_length=2000, blank=True, default="", editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    completed_at = models.DateTimeField(null=True, editable=False)
    error_message = models.CharField(max_length=1000, blank=True, default="", editable=False)
    metadata = models.JSONField(default=dict, editable=False)

    objects = ArchiveRows.as_manager()

    class Meta:
        constraints = [
            JOB_STATES.constraint("job_status_known"),
            models.UniqueConstraint(
                fields=["track"],
                condition=Q(status__in=["pending", "processing"]),
                name="job_one_open_per_track",
            ),
            models.CheckConstraint(
                condition=Q(status="pending", started_at__isnull=True)
                | Q(status="processing", started_at__isnull=False)
                | Q(status__in=["completed", "failed"]),
                name="job_started_when_processing",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["completed", "failed"], completed_at__isnull=False)
                | Q(status__in=["pending", "processing"], completed_at__isnull=True),
                name="job_completed_when_over",
            ),
        ]
        indexes = [models.Index("completed_at", condition=Q(completed_at__isnull=False), name="job_over_by_time")]

    def __str__(self) -> str:
        return f"job {self.pk} · {self.status}"
