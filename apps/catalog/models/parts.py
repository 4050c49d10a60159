"""What a track consists of and who has a part in it: sections, credits, instruments, samples (S4-04 … S4-07)."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Lower

from apps.catalog.access import OfVisibleTracks
from apps.catalog.models.track import Track
from apps.lib.records import Record


class Part(Record):
    """Abstract. Seen and changed with its track; every change leaves a `Change` of the track."""

    objects = OfVisibleTracks.as_manager()

    class Meta:
        abstract = True


class Section(Part):
    """A stretch of the arrangement. The database refuses overlaps, and ends behind the track's own."""

    track = models.ForeignKey(Track, on_delete=models.PROTECT, related_name="sections")
    name = models.CharField(max_length=50, help_text="intro, verse, chorus, bridge, outro, …")
    start_ms = models.PositiveBigIntegerField(db_comment="milliseconds from the start")
    end_ms = models.PositiveBigIntegerField(db_comment="milliseconds from the start")
    description = models.TextField(max_length=2000, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(end_ms__gt=F("start_ms")), name="section_ends_after_its_start"),
            models.CheckConstraint(condition=Q(name__trim__length__gt=0), name="section_named"),
            ExclusionConstraint(
                name="section_without_overlap",
                expressions=[
                    ("track", RangeOperators.EQUAL),
                    (Func("start_ms", "end_ms", function="int8range"), RangeOperators.OVERLAPS),
                ],
            ),
        ]
        indexes = [
            models.Index("track", "start_ms", name="section_in_order"),
            models.Index("name", name="section_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Credit(Part):
    """Who has a part in the track as what. Of one role no more than 100.00 is shared out; the database refuses it."""

    class Role(models.TextChoices):
        COMPOSER = "composer"
        SONGWRITER = "songwriter"
        LYRICIST = "lyricist"
        ARRANGER = "arranger"
        PRODUCER = "producer"
        PERFORMER = "performer"
        PUBLISHER = "publisher"

    track = models.ForeignKey(Track, on_delete=models.PROTECT, related_name="credits")
    name = models.CharField(max_length=255)
    role = models.CharField(max_length=20, choices=Role)
    ipi = models.CharField("IPI", max_length=20, blank=True, default="", help_text="Its name number, 11 digits.")
    pro = models.CharField("PRO", max_length=100, blank=True, default="", help_text="Society: ASCAP, BMI, …")
    split = models.DecimalField(
        "split (%)", max_digits=5, decimal_places=2, null=True, blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )  # fmt: skip
    contact_email = models.EmailField(max_length=255, blank=True, default="", help_text="For the owner and staff.")
    contact_phone = models.CharField(max_length=50, blank=True, default="", help_text="For the owner and staff.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(name__trim__length__gt=0), name="credit_named"),
            models.CheckConstraint(
                condition=Q(role__in=[
                    "composer", "songwriter", "lyricist", "arranger", "producer", "performer", "publisher"
                ]),
                name="credit_role_known",
            ),
            models.CheckConstraint(
                condition=Q(split__isnull=True) | Q(split__range=(0, 100)), name="credit_split_range"
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(Lower("name"), name="credit_name"),
            models.Index("ipi", condition=~Q(ipi=""), name="credit_ipi"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.role}"


class Instrument(Part):
    track = models.ForeignKey(Track, on_delete=models.PROTECT, related_name="instruments")
    category = models.CharField(max_length=100, help_text="synth, drums, bass, guitar, vocals, …")
    type = models.CharField(max_length=100, blank=True, default="", help_text="808, electric guitar, …")
    is_primary = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(category__trim__length__gt=0), name="instrument_named"),
            models.UniqueConstraint("track", "category", "type", name="instrument_once"),
        ]
        indexes = [
            models.Index(Lower("category"), "track", name="instrument_category"),
            models.Index(Lower("type"), "track", condition=~Q(type=""), name="instrument_type"),
        ]

    def __str__(self) -> str:
        return self.type or self.category


class Sample(Part):
    """Foreign material in a track. Until it is cleared the track is blocked (`clearance.py`)."""

    track = models.ForeignKey(Track, on_delete=models.PROTECT, related_name="samples")
    pack_name = models.CharField(max_length=255, blank=True, default="")
    description = models.TextField(max_length=2000, blank=True, default="")
    is_cleared = models.BooleanField(default=False)
    clearance_notes = models.TextField(max_length=2000, blank=True, default="")

    class Meta:
        indexes = [models.Index("track", condition=Q(is_cleared=False), name="sample_not_cleared")]

    def __str__(self) -> str:
        return self.pack_name or "a sample"
