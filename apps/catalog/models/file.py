"""Which content a track has in which role, with the facts of its format (S0-05, S1-03)."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.catalog.access import OfVisibleTracks
from apps.catalog.models.blob import Blob
from apps.catalog.models.track import Track
from apps.lib.records import Record


class TrackFile(Record):
    class Role(models.TextChoices):
        ORIGINAL = "original"
        AUDIO = "audio"
        PREVIEW = "preview"
        COVER = "cover"
        VIDEO = "video"
        WAVEFORM = "waveform"

    track = models.ForeignKey(Track, on_delete=models.PROTECT, related_name="files")
    role = models.CharField(max_length=10, choices=Role, editable=False)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="files", editable=False)
    codec = models.CharField(max_length=40, blank=True, default="", editable=False)
    duration_ms = models.PositiveBigIntegerField(null=True, editable=False, db_comment="milliseconds")
    starts_ms = models.PositiveBigIntegerField(
        null=True, editable=False, db_comment="where in the track a preview begins, milliseconds"
    )
    sample_rate = models.PositiveIntegerField(null=True, editable=False, db_comment="Hz")
    channels = models.PositiveSmallIntegerField(null=True, editable=False)
    bit_rate = models.PositiveIntegerField(null=True, editable=False, db_comment="bits per second")
    loudness_lufs = models.DecimalField(
        null=True, max_digits=5, decimal_places=2, editable=False, db_comment="integrated, EBU R 128"
    )
    true_peak_dbtp = models.DecimalField(null=True, max_digits=5, decimal_places=2, editable=False, db_comment="dBTP")
    original_file_size = models.BigIntegerField(
        null=True, editable=False, db_comment="bytes of the original this file was made from"
    )
    compression_ratio = models.DecimalField(
        max_digits=10, decimal_places=2, default=1, editable=False,
        db_comment="original size / this size; 2.5 = 2.5 times smaller, 1.0 when not compressed",
    )  # fmt: skip
    compression_applied = models.BooleanField(default=False, editable=False)

    objects = OfVisibleTracks.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["track", "role"], name="track_file_one_per_role"),
            models.CheckConstraint(
                condition=Q(role__in=["original", "audio", "preview", "cover", "video", "waveform"]),
                name="track_file_role_known",
            ),
            models.CheckConstraint(condition=Q(compression_ratio__gt=0), name="track_file_ratio_positive"),
            models.CheckConstraint(
                condition=Q(compression_applied=False) | Q(role="audio", original_file_size__gt=0),
                name="track_file_compressed_from",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} of {self.track_id}"

    @property
    def compression_savings(self) -> int:
        """Bytes saved against the original (S0-05)."""
        return (self.original_file_size or self.blob.size) - self.blob.size


class FormerFile(Record):
    """An original that another took the place of: its bytes stay, and it can be put back."""

    track = models.ForeignKey(Track, on_delete=models.PROTECT, related_name="former_files")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="former_files", editable=False)
    replaced_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    file_name = models.CharField(max_length=255, blank=True, default="", editable=False)
    codec = models.CharField(max_length=40, blank=True, default="", editable=False)
    duration_ms = models.PositiveBigIntegerField(null=True, editable=False, db_comment="milliseconds")
    sample_rate = models.PositiveIntegerField(null=True, editable=False, db_comment="Hz")
    channels = models.PositiveSmallIntegerField(null=True, editable=False)
    bit_rate = models.PositiveIntegerField(null=True, editable=False, db_comment="bits per second")

    objects = OfVisibleTracks.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["track", "blob"], name="former_file_once")]

    def __str__(self) -> str:
        return f"former original of {self.track_id}"
