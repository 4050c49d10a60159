"""One act of bringing a file in (S1-01, S0-14), and the queue of what is to be checked."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.catalog.models import Track
from apps.lib.leases import Leased
from apps.lib.records import Record
from apps.lib.states import Machine
from apps.uploads.access import UploadAccess

UPLOAD_STATES = Machine(
    "state",
    {
        "receiving": ("received", "refused"),
        "received": ("checked", "ready", "refused"),
        "checked": ("compressed", "ready"),
        "compressed": ("ready",),
        "ready": (),
        "refused": (),
    },
)
CHECK_STATES = Machine(
    "state",
    {
        "due": ("running", "failed"),
        "running": ("running", "done", "retrying", "failed"),
        "retrying": ("running", "failed"),
        "done": (),
        "failed": (),
    },
)


class Upload(Record):
    """receiving → received → checked → compressed → ready, or refused. The track plays from `checked` on.

    A duplicate of what the person has is `ready` at once, with the track that was there (S0-29). What the day's quota
    holds for it is `reserved_bytes` of the day `reserved_on`; 0 when it was refunded.
    """

    class Way(models.TextChoices):
        FORM = "form"
        TUS = "tus"
        DIRECT = "direct"
        FOLDER = "folder"

    machine = UPLOAD_STATES

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads")
    track = models.ForeignKey(Track, null=True, on_delete=models.PROTECT, related_name="uploads", editable=False)
    replaces = models.ForeignKey(
        Track, null=True, on_delete=models.PROTECT, related_name="replacing", editable=False,
        help_text="The track whose audio this becomes.",
    )  # fmt: skip
    state = machine.column()
    way = models.CharField(max_length=6, choices=Way, default=Way.FORM, db_default=Way.FORM, editable=False)
    file_key = models.CharField(max_length=120, unique=True, editable=False)
    file_name = models.CharField(max_length=255, editable=False)
    content_type = models.CharField(max_length=100, editable=False, help_text="As declared; the content decides.")
    size_bytes = models.BigIntegerField(editable=False, db_comment="bytes, as announced until they are there")
    received_bytes = models.BigIntegerField(default=0, db_default=0, editable=False, db_comment="bytes")
    sha256 = models.CharField(max_length=64, blank=True, default="", editable=False, db_index=True)
    announced_sha256 = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    multipart_id = models.CharField(
        max_length=255, blank=True, default="", db_default="", editable=False, help_text="The store's name of it."
    )
    tus_metadata = models.TextField(
        blank=True, default="", db_default="", editable=False, help_text="Upload-Metadata, as it was sent."
    )
    part_checksums = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="The store checks every part by its SHA-256."
    )
    title = models.CharField(max_length=255, blank=True, default="", editable=False)
    facts = models.JSONField(default=dict, db_default={}, editable=False, help_text="Words and switches of the track.")
    proposal = models.JSONField(default=dict, db_default={}, editable=False, help_text="What the file says of itself.")
    is_duplicate = models.BooleanField(default=False, db_default=False, editable=False)
    sounds_different = models.CharField(max_length=200, blank=True, default="", db_default="", editable=False)
    reserved_bytes = models.BigIntegerField(default=0, db_default=0, editable=False)
    reserved_on = models.DateField(null=True, editable=False)
    expires_at = models.DateTimeField(null=True, editable=False, help_text="Until then the rest has to come.")
    error_code = models.CharField(max_length=40, blank=True, default="", editable=False)
    error_message = models.CharField(max_length=500, blank=True, default="", editable=False)

    objects = UploadAccess.as_manager()

    class Meta:
        constraints = [
            UPLOAD_STATES.constraint("upload_state_known"),
            models.CheckConstraint(condition=Q(size_bytes__gt=0), name="upload_size_positive"),
            models.CheckConstraint(
                condition=Q(received_bytes__gte=0, received_bytes__lte=F("size_bytes")), name="upload_received_within"
            ),
            models.CheckConstraint(condition=Q(reserved_bytes__gte=0), name="upload_reserved_not_negative"),
            models.CheckConstraint(
                condition=Q(reserved_bytes=0) | Q(reserved_on__isnull=False), name="upload_reserved_on_a_day"
            ),
            models.CheckConstraint(
                condition=~Q(state="refused") | Q(reserved_bytes=0), name="upload_refused_is_refunded"
            ),
            models.CheckConstraint(
                condition=Q(state="receiving", expires_at__isnull=False) | ~Q(state="receiving"),
                name="upload_receiving_expires",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["receiving", "received", "refused"], track__isnull=True)
                | Q(state__in=["checked", "compressed", "ready"], track__isnull=False),
                name="upload_track_when_checked",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["receiving", "refused"])
                | Q(state="received", way="direct")
                | Q(sha256__regex=r"^[0-9a-f]{64}$"),
                name="upload_hashed_when_received",
            ),
            models.CheckConstraint(
                condition=Q(state="refused") & ~Q(error_code="") | ~Q(state="refused") & Q(error_code=""),
                name="upload_reason_when_refused",
            ),
        ]
        indexes = [
            models.Index("user", "created_at", name="upload_by_user"),
            models.Index("created_at", condition=Q(state__in=["checked", "compressed"]), name="upload_unfinished"),
            models.Index("expires_at", condition=Q(state="receiving"), name="upload_receiving"),
            models.Index("user", condition=Q(state__in=["receiving", "received"]), name="upload_under_way"),
            models.Index("created_at", condition=~Q(multipart_id=""), name="upload_in_bucket"),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} · {self.state}"


class Check(Leased):
    """The queue row for reading a received file: what it is, where it is kept, whose track it becomes."""

    machine = CHECK_STATES

    upload = models.OneToOneField(Upload, on_delete=models.CASCADE, related_name="check_row")
    state = machine.column()

    class Meta:
        constraints = [CHECK_STATES.constraint("upload_check_state_known")]
        indexes = [models.Index("next_at", condition=Q(state__in=["due", "retrying"]), name="upload_check_due")]

    def __str__(self) -> str:
        return f"check of {self.upload_id}: {self.state}"
