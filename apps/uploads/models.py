"""One act of bringing a file in (S1-01, S0-14)."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.catalog.models import Track
from apps.lib.records import Record
from apps.lib.states import Machine
from apps.uploads.access import UploadAccess

UPLOAD_STATES = Machine(
    "state",
    {
        "received": ("checked", "refused"),
        "checked": ("compressed", "ready"),
        "compressed": ("ready",),
        "ready": (),
        "refused": (),
    },
)


class Upload(Record):
    """received → checked → compressed → ready, or refused. The track plays from `checked` on."""

    machine = UPLOAD_STATES

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads")
    track = models.ForeignKey(Track, null=True, on_delete=models.PROTECT, related_name="uploads", editable=False)
    state = machine.column()
    file_key = models.CharField(max_length=120, unique=True, editable=False)
    file_name = models.CharField(max_length=255, editable=False)
    content_type = models.CharField(max_length=100, editable=False, help_text="As declared; the content decides.")
    size_bytes = models.BigIntegerField(editable=False)
    sha256 = models.CharField(max_length=64, editable=False, db_index=True)
    title = models.CharField(max_length=255, blank=True, default="", editable=False)
    error_code = models.CharField(max_length=40, blank=True, default="", editable=False)
    error_message = models.CharField(max_length=500, blank=True, default="", editable=False)

    objects = UploadAccess.as_manager()

    class Meta:
        constraints = [
            UPLOAD_STATES.constraint("upload_state_known"),
            models.CheckConstraint(condition=Q(size_bytes__gt=0), name="upload_size_positive"),
            models.CheckConstraint(
                condition=Q(state__in=["received", "refused"], track__isnull=True)
                | Q(state__in=["checked", "compressed", "ready"], track__isnull=False),
                name="upload_track_when_checked",
            ),
            models.CheckConstraint(
                condition=Q(state="refused") & ~Q(error_code="") | ~Q(state="refused") & Q(error_code=""),
                name="upload_reason_when_refused",
            ),
        ]
        indexes = [
            models.Index("user", "created_at", name="upload_by_user"),
            models.Index("created_at", condition=Q(state__in=["checked", "compressed"]), name="upload_unfinished"),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} · {self.state}"
