"""How files were made smaller (S0-16)."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.catalog.models import Track
from apps.lib.records import Record
from apps.uploads.access import ReportAccess


class CompressionReport(Record):
    """How one original was made smaller (S0-16). Stays when the track or the person goes, without their names."""

    class Quality(models.TextChoices):
        MEDIUM = "medium"
        SPEECH = "speech"
        LOSSLESS = "lossless"

    track = models.ForeignKey(
        Track, null=True, on_delete=models.SET_NULL, related_name="compression_reports", editable=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    file_name = models.CharField(max_length=255, blank=True, default="", editable=False)
    original_size = models.BigIntegerField(editable=False, db_comment="bytes")
    compressed_size = models.BigIntegerField(editable=False, db_comment="bytes of what is served")
    ratio = models.DecimalField(max_digits=10, decimal_places=2, editable=False)
    processing_ms = models.PositiveIntegerField(editable=False, db_comment="milliseconds, as measured")
    applied = models.BooleanField(editable=False)
    quality = models.CharField(max_length=8, choices=Quality, default=Quality.MEDIUM, editable=False)
    bit_rate = models.PositiveIntegerField(null=True, editable=False, db_comment="bits per second")
    original_bit_rate = models.PositiveIntegerField(null=True, editable=False, db_comment="bits per second")

    objects = ReportAccess.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(original_size__gt=0, compressed_size__gt=0, ratio__gt=0), name="report_positive"
            ),
            models.CheckConstraint(condition=Q(quality__in=["medium", "speech", "lossless"]), name="report_quality"),
        ]
        indexes = [models.Index("created_at", name="report_by_day")]

    def __str__(self) -> str:
        return f"{self.file_name}: {self.ratio}"
