"""Stored bytes, one row per distinct content (C-02, S1-06)."""

import logging
from contextlib import suppress
from typing import BinaryIO

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from apps.lib import storage
from apps.lib.records import Record
from apps.lib.storage import COPY, MAIN, StorageFailed

log = logging.getLogger(__name__)


class Blob(Record):
    """One row per distinct content; the object was verified before the row was written.

    `verified_at` and `copy_verified_at` move on whenever all bytes were read again and found right.
    """

    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    key = models.CharField(max_length=100, unique=True, editable=False)
    size = models.BigIntegerField(editable=False, db_comment="bytes")
    mime = models.CharField(max_length=60, editable=False)
    extension = models.CharField(max_length=8, editable=False)
    verified_at = models.DateTimeField(default=timezone.now, editable=False)
    copied_at = models.DateTimeField(null=True, editable=False, help_text="Empty: no second place has it yet.")
    copy_verified_at = models.DateTimeField(null=True, editable=False)
    check_at = models.DateTimeField(
        null=True, editable=False, help_text="Looked at then, out of its turn: asked for, or not read."
    )
    unused_since = models.DateTimeField(null=True, editable=False, help_text="No track holds it, as the sweeper found.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="blob_sha256_hex"),
            models.CheckConstraint(condition=Q(size__gt=0), name="blob_size_positive"),
            models.CheckConstraint(
                condition=Q(copied_at__isnull=True, copy_verified_at__isnull=True)
                | Q(copied_at__isnull=False, copy_verified_at__gte=F("copied_at")),
                name="blob_copy_verified_when_copied",
            ),
        ]
        indexes = [
            models.Index("verified_at", name="blob_by_verified"),
            models.Index("copy_verified_at", name="blob_by_copy_verified"),
            models.Index("check_at", condition=Q(check_at__isnull=False), name="blob_to_check"),
            models.Index("id", condition=Q(copied_at__isnull=True), name="blob_without_copy"),
        ]

    def __str__(self) -> str:
        return f"{self.sha256[:12]} · {self.mime}"

    def open(self) -> BinaryIO:
        return storage.open(self.key, place=self.place())

    def place(self) -> str:
        """Where to read it: the main place, unless that has no such object, or of another length, or does not answer,
        and the copy is as it should be. Then somebody looks at it soon."""
        if self.copied_at is None or COPY not in storage.places() or self._stands_in(MAIN):
            return MAIN
        log.warning("blob %s is not where it should be", self.sha256)
        self.ask()
        return COPY if self._stands_in(COPY) else MAIN

    def _stands_in(self, place: str) -> bool:
        """By its length alone: who waits for a file does not wait for its hash."""
        with suppress(StorageFailed):
            return storage.size(self.key, place=place) == self.size
        return False

    def ask(self) -> None:
        """Have it looked at before its turn."""
        now = timezone.now()
        Blob.objects.filter(Q(check_at__isnull=True) | Q(check_at__gt=now), pk=self.pk).update(check_at=now)
