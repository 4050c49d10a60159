"""The track: a reusable audio asset with everything that is known of it (S0-04 … S0-07, S4-02, S4-03, C-01 … C-07)."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Length, Lower, Trim

from apps.catalog.access import TrackAccess
from apps.catalog.keys import MODES, PITCHES, key_name
from apps.lib.records import Record
from apps.lib.states import Machine

if TYPE_CHECKING:
    from apps.catalog.models.file import TrackFile

# The tracks of these popularities and more have indexes of their words of their own (decision 0039): in a library about
# a hundredth and a tenth of all. Where it is otherwise searching is right as well, and slower.
POPULAR = (30, 15)

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
        "ready": ("merged", "removed"),
        "failed": ("pending", "ready", "removed"),
        "merged": ("ready", "removed"),
        "removed": (),
    },
)


class Track(Record):
    """One track. `removed_at` says since when it is out of everyone's sight: removed for good, or merged into another.

    The database itself keeps three things true whoever writes: `search` follows the words and the creators, every
    change of a fact leaves a `Change`, and `number` counts tracks in the order they came, for sets of bits.
    """

    class Clearance(models.TextChoices):
        CLEARED = "cleared"
        BLOCKED = "blocked"
        UNKNOWN = "unknown"

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
    clearance = models.CharField(
        max_length=10, choices=Clearance, default=Clearance.UNKNOWN, editable=False,
        help_text="The verdict of `clearance.py`, kept for filters.",
    )  # fmt: skip
    clearance_reasons = ArrayField(models.CharField(max_length=40), default=list, blank=True, editable=False)
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged", editable=False
    )
    number = models.BigIntegerField(
        unique=True, editable=False, db_default=Func(Value("catalog_track_number"), function="nextval")
    )
    search = SearchVectorField(null=True, editable=False)

    objects = TrackQuerySet.as_manager()

    class Meta:
        constraints = [
            TRACK_STATES.constraint("track_status_known"),
            models.CheckConstraint(
                condition=Q(kind__in=["uploaded", "generated", "gallery", "library"]), name="track_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["removed", "merged"], removed_at__isnull=False)
                | ~Q(status__in=["removed", "merged"]) & Q(removed_at__isnull=True),
                name="track_removed_when_gone",
            ),
            models.CheckConstraint(
                condition=Q(status="merged", merged_into__isnull=False)
                | ~Q(status="merged") & Q(merged_into__isnull=True),
                name="track_merged_into_another",
            ),
            models.CheckConstraint(condition=~Q(merged_into=F("pk")), name="track_not_merged_into_itself"),
            models.CheckConstraint(
                condition=Q(clearance__in=["cleared", "blocked", "unknown"]), name="track_clearance_known"
            ),
            models.CheckConstraint(condition=Q(popularity_score__range=(0, 100)), name="track_popularity_range"),
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
            # Words are compared without regard to case.
            models.Index(Lower("genre"), "tempo", "pitch_class", name="track_genre_tempo_key"),
            models.Index(Lower("subgenre"), condition=~Q(subgenre=""), name="track_subgenre"),
            GinIndex("mood", name="track_mood"),
            GinIndex("tags", name="track_tags"),
            # With the genre, by which much that is searched for is narrowed. `track_search_names` is like them.
            GinIndex("search", Lower("genre"), name="track_search"),
            *(
                GinIndex("search", Lower("genre"), condition=Q(popularity_score__gte=at), name=f"track_search_{at}")
                for at in POPULAR
            ),
            # What a listener's lists are sorted by, and what staff's are.
            models.Index(
                F("popularity_score").desc(), F("id").desc(),
                condition=Q(is_public=True, status="ready"), name="track_popular_public",
            ),
            models.Index(
                Lower("genre"), F("popularity_score").desc(), F("id").desc(),
                condition=Q(is_public=True, status="ready"), name="track_popular_of_genre",
            ),
            models.Index("title", "id", name="track_by_title"),
            models.Index("duration_ms", "id", name="track_by_duration"),
            models.Index("tempo", "id", name="track_by_tempo"),
            models.Index("release_date", "id", name="track_by_release"),
            models.Index(F("popularity_score").desc(), F("id").desc(), name="track_by_popularity"),
            models.Index(F("play_count").desc(), F("id").desc(), name="track_by_plays"),
            models.Index("clearance", F("id").desc(), name="track_by_clearance"),
            models.Index(Lower("catalog_number"), condition=~Q(catalog_number=""), name="track_by_catalog_number"),
            # What staff's queues and filters ask for and few tracks answer to: counted without a look at the others.
            models.Index(
                F("id").desc(), "artist", "genre", "tempo", "pitch_class",
                condition=Q(removed_at__isnull=True)
                & (Q(artist="") | Q(genre="") | Q(tempo__isnull=True) | Q(pitch_class__isnull=True)),
                name="track_incomplete",
            ),
            models.Index(
                F("id").desc(), "clearance",
                condition=Q(removed_at__isnull=True, clearance__in=["unknown", "blocked"]), name="track_unclear",
            ),
            models.Index("kind", F("id").desc(), condition=Q(removed_at__isnull=True), name="track_of_kind"),
            models.Index(
                "pitch_class", "mode", F("id").desc(), condition=Q(removed_at__isnull=True), name="track_of_key"
            ),
            models.Index(
                "artist", F("id").desc(), condition=Q(removed_at__isnull=True) & ~Q(artist=""), name="track_of_artist"
            ),
            models.Index("status", F("id").desc(), condition=~Q(status="ready"), name="track_not_ready"),
            models.Index(F("id").desc(), condition=Q(removed_at__isnull=True, is_public=False), name="track_private"),
            models.Index(F("id").desc(), condition=Q(removed_at__isnull=True, is_pro_only=True), name="track_pro_only"),
        ]  # fmt: skip

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
