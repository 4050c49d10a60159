"""What the separation of tracks from posts did to old playlists (S0-33, S0-34, S0-42)."""

from django.db import models
from django.db.models import Q


class EntryMove(models.Model):
    """What became of an old entry that could not stay as it was when playlists moved from posts to tracks.

    Kept until the old columns are dropped: the way back restores every old entry from here. No foreign keys: some of
    what it names was missing already.
    """

    class Fate(models.TextChoices):
        REPOINTED = "repointed", "points at the track of its post"
        REPLACED = "replaced", "moved to another position, because its own was taken"
        DOUBLE = "double", "left out: the playlist has this track already"
        TEXT = "text", "left out: its post has no audio"
        MISSING = "missing", "left out: its post is not there"
        QUARANTINED = "quarantined", "left out: its post could not become a track"

    entry_id = models.UUIDField(primary_key=True, editable=False)
    playlist_id = models.UUIDField(editable=False)
    post_id = models.UUIDField(editable=False)
    position = models.IntegerField(editable=False)
    added_at = models.DateTimeField(editable=False)
    fate = models.CharField(max_length=12, choices=Fate, editable=False)
    new_position = models.IntegerField(null=True, editable=False, help_text="Where it was put instead, if it was.")
    kept_entry_id = models.UUIDField(null=True, editable=False, help_text="The entry that stayed in its stead.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(fate__in=["repointed", "replaced", "double", "text", "missing", "quarantined"]),
                name="entry_move_fate_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}: {self.fate}"


class PlaylistMend(models.Model):
    """What an old playlist said that could not stay as it was, by the column's name: blank and over-long words."""

    playlist_id = models.UUIDField(primary_key=True, editable=False)
    old = models.JSONField(editable=False)

    def __str__(self) -> str:
        return f"{self.playlist_id}: {', '.join(self.old)}"
