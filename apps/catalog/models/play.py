"""Who heard what, counted once per listener, track and window (C-17)."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.catalog.access import OfVisibleTracks
from apps.catalog.models.track import Track


class Play(models.Model):
    """One play. `listener` is a keyed hash of the person, or of a visitor's network on that day: nobody's address."""

    track = models.ForeignKey(Track, on_delete=models.PROTECT, related_name="plays")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="plays")
    listener = models.CharField(max_length=64, editable=False)
    window = models.DateTimeField(editable=False, help_text="Start of the window in which this listener counts once.")
    played_at = models.DateTimeField(editable=False)
    counted_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["track", "listener", "window"], name="play_once_per_window"),
        ]
        indexes = [models.Index("id", condition=Q(counted_at__isnull=True), name="play_to_count")]

    def __str__(self) -> str:
        return f"{self.track_id} at {self.played_at:%Y-%m-%d %H:%M}"


class PlayDay(models.Model):
    """Plays of a track on one UTC day, as counted so far."""

    track = models.ForeignKey(Track, on_delete=models.PROTECT, related_name="play_days")
    day = models.DateField(db_index=True)
    plays = models.PositiveBigIntegerField(default=0)

    objects = OfVisibleTracks.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["track", "day"], name="play_day_once")]

    def __str__(self) -> str:
        return f"{self.plays} on {self.day}"
