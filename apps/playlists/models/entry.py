"""A track's place in a playlist (S0-09, S0-26, S4-14)."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.catalog.models import Track
from apps.lib.records import uuid7
from apps.playlists.access import OfVisiblePlaylists
from apps.playlists.models.playlist import Playlist


class Entry(models.Model):
    """`position` orders and has gaps, so that a move writes one row; readers see places without gaps, from 0 on."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    playlist = models.ForeignKey(
        Playlist, on_delete=models.CASCADE, related_name="entries", db_index=False, editable=False
    )
    track = models.ForeignKey(Track, on_delete=models.PROTECT, related_name="entries", editable=False)
    position = models.IntegerField(editable=False)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    added_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OfVisiblePlaylists.as_manager()

    class Meta:
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(fields=["playlist", "track"], name="entry_track_once"),
            models.UniqueConstraint(
                fields=["playlist", "position"], name="entry_position_once", deferrable=models.Deferrable.DEFERRED
            ),
        ]

    def __str__(self) -> str:
        return f"“{self.track}” in “{self.playlist}”"
