"""What the separation of tracks from posts did, post by post (S0-32 … S0-36, S0-42)."""

from django.db import models
from django.db.models import Q


class PostMove(models.Model):
    """An old audio post and the track it has now, or why it has none. Kept until the old columns are dropped.

    The first post of a person with a file gives its track, which has that post's id; later ones share it, and what
    they said otherwise of the file is kept here. No foreign keys: the way back and reports read it alone.
    """

    class Fate(models.TextChoices):
        MOVED = "moved", "became a track"
        SHARED = "shared", "shares the track of an earlier post with its file"
        NO_URL = "no_url", "has no audio address: a text post now"
        BAD_URL = "bad_url", "has an address nothing can be fetched from: a text post now"
        LEFTOVER = "leftover", "was a text post, with leftovers of audio in its columns"

    post_id = models.UUIDField(primary_key=True, editable=False)
    track_id = models.UUIDField(null=True, editable=False)
    fate = models.CharField(max_length=8, choices=Fate, editable=False)
    mended = models.JSONField(
        null=True, editable=False, help_text="Old values that could not be taken as they were, by name."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(fate__in=["moved", "shared"], track_id__isnull=False)
                | Q(fate__in=["no_url", "bad_url", "leftover"], track_id__isnull=True),
                name="post_move_fate_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.post_id}: {self.fate}"
