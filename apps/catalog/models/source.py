"""Where generated tracks come from, and until when it keeps them (S3-01, S3-03)."""

import datetime as dt

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from apps.catalog.access import OfVisibleTracks
from apps.catalog.models.track import Track
from apps.lib.records import Record

LIFETIMES = ("lifetime", "audio_lifetime", "cover_lifetime", "video_lifetime")


class Provider(models.Model):
    """A service that generates tracks and deletes them after a while; its lifetimes are for staff to change (S3-01)."""

    code = models.SlugField(primary_key=True, max_length=20)
    name = models.CharField(max_length=60)
    lifetime = models.DurationField(
        default=dt.timedelta(days=15),
        help_text="How long after generation its URLs work, e.g. “15 00:00:00”.",
    )
    audio_lifetime = models.DurationField(null=True, blank=True, help_text="Of audio alone, where it is another.")
    cover_lifetime = models.DurationField(null=True, blank=True, help_text="Of covers alone, where it is another.")
    video_lifetime = models.DurationField(null=True, blank=True, help_text="Of videos alone, where it is another.")
    hosts = ArrayField(
        models.CharField(max_length=120), default=list,
        help_text="Hosts that may serve its files: exact names, or “.example.com” for all below it.",
    )  # fmt: skip

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(**{f"{name}__gt": dt.timedelta(0), f"{name}__lte": dt.timedelta(days=3650)}),
                name=f"provider_{name}_within_ten_years",
                violation_error_message="A lifetime is more than nothing and ten years at most.",
            )
            for name in LIFETIMES
        ]

    def __str__(self) -> str:
        return self.name

    def lives(self, kind: str) -> dt.timedelta:
        """How long its addresses of this kind of asset (audio, cover, video) work."""
        return getattr(self, f"{kind}_lifetime") or self.lifetime


class ProviderSource(Record):
    """Where a generated track came from. The URLs are the provider's and die, the audio's at `expires_at`.

    `renewed_at` is the audio's too: its lifetime began anew then.
    """

    track = models.OneToOneField(Track, on_delete=models.PROTECT, related_name="source")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="sources")
    provider_track_id = models.CharField("provider's id", max_length=200)
    audio_url = models.URLField(max_length=2000)
    cover_url = models.URLField(max_length=2000, blank=True, default="")
    video_url = models.URLField(max_length=2000, blank=True, default="")
    generated_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True, help_text="Of its audio.")
    renewed_at = models.DateTimeField(
        null=True, editable=False, help_text="Since when its addresses are other ones than at first."
    )

    objects = OfVisibleTracks.as_manager()

    class Meta:
        constraints = [
            # Of people who left nobody registers again; the library may hold what two of them made of one generation.
            models.UniqueConstraint(fields=["owner", "provider", "provider_track_id"], name="source_once_per_owner"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("generated_at")), name="source_expires_after_start"),
        ]
        indexes = [models.Index("provider_track_id", name="source_of_provider_id")]

    def __str__(self) -> str:
        return f"{self.provider_id}:{self.provider_track_id}"

    def urls(self) -> dict[str, str]:
        """The URLs it has, by asset kind (audio, cover, video)."""
        pairs = {"audio": self.audio_url, "cover": self.cover_url, "video": self.video_url}
        return {kind: url for kind, url in pairs.items() if url}
