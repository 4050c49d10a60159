"""Stored bytes, one row per distinct content (C-02, S1-06)."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.lib import storage
from apps.lib.records import Record


class Blob(Record):
    """One row per distinct content; the object was verified before the row was written."""

    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    key = models.CharField(max_length=100, unique=True, editable=False)
    size = models.BigIntegerField(editable=False, db_comment="bytes")
    mime = models.CharField(max_length=60, editable=False)
    extension = models.CharField(max_length=8, editable=False)
    verified_at = models.DateTimeField(default=timezone.now, editable=False)
    unused_since = models.DateTimeField(null=True, editable=False, help_text="No track holds it, as the sweeper found.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="blob_sha256_hex"),
            models.CheckConstraint(condition=Q(size__gt=0), name="blob_size_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.sha256[:12]} · {self.mime}"

    def open(self):
        return storage.open(self.key)
