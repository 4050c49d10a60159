"""A playlist, who works on it, and its picture (S0-10, S4-14)."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.lib.records import Record
from apps.playlists.access import MemberAccess, PlaylistAccess


class Playlist(Record):
    """`version` goes up by one with every change of its entries: who reorders says which one they saw.

    What old programs do not know has its default in the database.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="playlists", db_index=False, editable=False
    )
    name = models.CharField(max_length=255)
    description = models.TextField(max_length=5_000, blank=True, default="")
    is_public = models.BooleanField(
        default=False, db_default=False, help_text="Everyone sees it; off: you and its members."
    )
    is_collaborative = models.BooleanField(
        default=False, db_default=False, help_text="Members who are editors add and move tracks."
    )
    cover_image_url = models.CharField(
        max_length=2_000, blank=True, default="", editable=False,
        help_text="Where its picture was before pictures were kept here; told, never shown.",
    )  # fmt: skip
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)

    objects = PlaylistAccess.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(name__trim__length__gt=0), name="playlist_name_not_blank"),
            models.CheckConstraint(condition=Q(version__gte=1), name="playlist_version_counts"),
        ]
        indexes = [
            models.Index("owner", F("created_at").desc(), F("id").desc(), name="playlist_newest_of_owner"),
            models.Index(
                F("created_at").desc(), F("id").desc(), condition=Q(is_public=True), name="playlist_newest_public"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Member(Record):
    """Somebody beside the owner who sees a playlist; an editor also fills it while it is collaborative."""

    class Role(models.TextChoices):
        VIEWER = "viewer"
        EDITOR = "editor"

    playlist = models.ForeignKey(
        Playlist, on_delete=models.CASCADE, related_name="members", db_index=False, editable=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="playlists_joined", editable=False
    )
    role = models.CharField(max_length=6, choices=Role, default=Role.VIEWER)

    objects = MemberAccess.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["playlist", "user"], name="member_once"),
            models.CheckConstraint(condition=Q(role__in=["viewer", "editor"]), name="member_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.playlist_id} ({self.role})"


class Cover(Record):
    """A square picture, re-encoded by us; small, so it lives and dies with its playlist's row."""

    playlist = models.OneToOneField(Playlist, on_delete=models.CASCADE, related_name="cover")
    image = models.BinaryField(db_comment="WebP")
    sha256 = models.CharField(max_length=64, editable=False, db_index=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="playlist_cover_sha256_hex"),
        ]

    def __str__(self) -> str:
        return f"cover of {self.playlist_id}"
