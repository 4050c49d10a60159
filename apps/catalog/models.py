"""Tracks, their bytes and where generated ones come from (S0-04 … S0-07, S3-03, S4-02, C-01 … C-07)."""

import datetime as dt

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length, Trim
from django.utils import timezone

from apps.catalog.access import OfVisibleTracks, TrackAccess
from apps.catalog.keys import MODES, PITCHES, key_name
from apps.lib import storage
from apps.lib.leases import Leased
from apps.lib.records import Record
from apps.lib.states import Machine

models.CharField.register_lookup(Length)
models.CharField.register_lookup(Trim)


class TrackQuerySet(TrackAccess):
    def with_page(self):
        """Everything a list or page shows of a track, in a fixed number of queries."""
        rows = self.select_related("owner__profile", "owner__avatar", "source__provider")
        return rows.defer("owner__avatar__image").prefetch_related("files__blob")


TRACK_STATES = Machine(
    "status",
    {
        "pending": ("ready", "failed", "removed"),
        "ready": ("removed",),
        "failed": ("pending", "ready", "removed"),
        "removed": (),
    },
)


class Track(Record):
    class Kind(models.TextChoices):
        UPLOADED = "uploaded"
        GENERATED = "generated"
        GALLERY = "gallery"
        LIBRARY = "library"

    machine = TRACK_STATES

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="tracks",
        help_text="Empty for the house's own library.",
    )  # fmt: skip
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.UPLOADED, editable=False)
    status = machine.column()
    title = models.CharField(max_length=255)
    artist = models.CharField(max_length=255, blank=True, default="")
    description = models.TextField(max_length=10_000, blank=True, default="")
    is_public = models.BooleanField(default=True, help_text="Everyone hears it; off: only the owner and staff.")
    is_pro_only = models.BooleanField(default=False, help_text="Others hear the preview.")
    genre = models.CharField(max_length=80, blank=True, default="", db_index=True)
    subgenre = models.CharField(max_length=80, blank=True, default="")
    tempo = models.DecimalField(
        "tempo (BPM)", max_digits=6, decimal_places=2, null=True, blank=True,
        validators=[MinValueValidator(20), MaxValueValidator(400)],
    )  # fmt: skip
    pitch_class = models.PositiveSmallIntegerField("key", null=True, blank=True, choices=list(enumerate(PITCHES)))
    mode = models.CharField("scale", max_length=5, blank=True, default="", choices=[(m, m) for m in MODES])
    mood = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    catalog_number = models.CharField(max_length=50, blank=True, default="")
    isrc = models.CharField("ISRC", max_length=20, blank=True, default="", db_index=True)
    release_date = models.DateField(null=True, blank=True, db_index=True)
    popularity_score = models.DecimalField(max_digits=5, decimal_places=2, default=0)
    play_count = models.BigIntegerField(default=0, editable=False)
    duration_ms = models.PositiveBigIntegerField(null=True, blank=True, editable=False, db_comment="milliseconds")
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = TrackQuerySet.as_manager()

    class Meta:
        constraints = [
            TRACK_STATES.constraint("track_status_known"),
            models.CheckConstraint(
                condition=Q(kind__in=["uploaded", "generated", "gallery", "library"]), name="track_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(status="removed", removed_at__isnull=False)
                | ~Q(status="removed") & Q(removed_at__isnull=True),
                name="track_removed_when_removed",
            ),
            # A tombstone's words are blank; every other track has a title (S0-06).
            models.CheckConstraint(
                condition=Q(status="removed", title="") | ~Q(status="removed") & Q(title__trim__length__gt=0),
                name="track_title_not_blank",
            ),
            models.CheckConstraint(
                condition=Q(duration_ms__isnull=True) | Q(duration_ms__gt=0), name="track_duration_positive"
            ),
            models.CheckConstraint(
                condition=Q(pitch_class__isnull=True) | Q(pitch_class__range=(0, 11)), name="track_pitch_class_range"
            ),
            models.CheckConstraint(condition=Q(mode__in=["", *MODES]), name="track_mode_known"),
            models.CheckConstraint(condition=Q(tempo__isnull=True) | Q(tempo__gt=0), name="track_tempo_positive"),
            models.CheckConstraint(condition=Q(play_count__gte=0), name="track_play_count_counted"),
            # Nobody owns the house's library, nor what somebody removed who has left since.
            models.CheckConstraint(
                condition=Q(kind="library") | Q(status="removed") | Q(owner__isnull=False), name="track_has_owner"
            ),
        ]
        indexes = [
            models.Index(F("id").desc(), condition=Q(is_public=True, status="ready"), name="track_newest_public"),
            models.Index("owner", F("id").desc(), name="track_newest_of_owner"),
            models.Index("genre", "tempo", "pitch_class", name="track_genre_tempo_key"),
            GinIndex("mood", name="track_mood"),
            GinIndex("tags", name="track_tags"),
        ]

    def __str__(self) -> str:
        return self.title or f"removed track {self.pk}"

    @property
    def musical_key(self) -> str:
        """`C#`, or empty when unknown (C-04)."""
        return key_name(self.pitch_class)

    def file(self, role: str) -> "TrackFile | None":
        """The file in a role, from the prefetched rows."""
        return next((f for f in self.files.all() if f.role == role), None)

    @property
    def served(self) -> "TrackFile | None":
        """What plays: the compressed copy when there is one, else the original (S0-14)."""
        return self.file("audio") or self.file("original")


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
    sample_rate = models.PositiveIntegerField(null=True, editable=False, db_comment="Hz")
    channels = models.PositiveSmallIntegerField(null=True, editable=False)
    bit_rate = models.PositiveIntegerField(null=True, editable=False, db_comment="bits per second")
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


class Provider(models.Model):
    """A service that generates tracks and deletes them after a while; its lifetime is for staff to change (S3-01)."""

    code = models.SlugField(primary_key=True, max_length=20)
    name = models.CharField(max_length=60)
    lifetime = models.DurationField(
        default=dt.timedelta(days=15),
        help_text="How long after generation its URLs work, e.g. “15 00:00:00”.",
    )
    hosts = ArrayField(
        models.CharField(max_length=120), default=list,
        help_text="Hosts that may serve its files: exact names, or “.example.com” for all below it.",
    )  # fmt: skip

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(lifetime__gt=dt.timedelta(0), lifetime__lte=dt.timedelta(days=3650)),
                name="provider_lifetime_within_ten_years",
                violation_error_message="A lifetime is more than nothing and ten years at most.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class ProviderSource(Record):
    """Where a generated track came from. The URLs are the provider's and die at `expires_at`."""

    track = models.OneToOneField(Track, on_delete=models.PROTECT, related_name="source")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="sources")
    provider_track_id = models.CharField("provider's id", max_length=200)
    audio_url = models.URLField(max_length=2000)
    cover_url = models.URLField(max_length=2000, blank=True, default="")
    video_url = models.URLField(max_length=2000, blank=True, default="")
    generated_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)

    objects = OfVisibleTracks.as_manager()

    class Meta:
        constraints = [
            # Of people who left nobody registers again; the library may hold what two of them made of one generation.
            models.UniqueConstraint(fields=["owner", "provider", "provider_track_id"], name="source_once_per_owner"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("generated_at")), name="source_expires_after_start"),
        ]

    def __str__(self) -> str:
        return f"{self.provider_id}:{self.provider_track_id}"

    def urls(self) -> dict[str, str]:
        """The URLs it has, by asset kind (audio, cover, video)."""
        pairs = {"audio": self.audio_url, "cover": self.cover_url, "video": self.video_url}
        return {kind: url for kind, url in pairs.items() if url}


DERIVATION_STATES = Machine(
    "state",
    {
        "due": ("running", "failed"),
        "running": ("running", "done", "retrying", "failed"),
        "retrying": ("running", "failed"),
        "done": ("due",),
        "failed": ("due",),
    },
)


class Derivation(Leased):
    """The queue row for what is made of a track's original: served copy, preview, waveform."""

    machine = DERIVATION_STATES

    track = models.OneToOneField(Track, on_delete=models.PROTECT, related_name="derivation")
    state = machine.column()
    source_sha256 = models.CharField(max_length=64, editable=False)

    objects = OfVisibleTracks.as_manager()

    class Meta:
        constraints = [DERIVATION_STATES.constraint("derivation_state_known")]
        indexes = [models.Index("next_at", condition=Q(state__in=["due", "retrying"]), name="derivation_due")]

    def __str__(self) -> str:
        return f"derivation of {self.track_id}: {self.state}"
