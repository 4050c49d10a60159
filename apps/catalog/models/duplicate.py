"""Pairs of tracks that may be one: same bytes, same ISRC, near titles and durations."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from apps.catalog.access import AccessToPairs
from apps.catalog.models.track import Track
from apps.lib.records import Record
from apps.lib.states import Machine

DUPLICATE_STATES = Machine(
    "state",
    {"open": ("dismissed", "merged"), "dismissed": ("open",), "merged": ("open",)},
)


class Duplicate(Record):
    """Two tracks of one owner, the older one first. Found by the worker, settled by staff."""

    class Reason(models.TextChoices):
        BYTES = "bytes", "same bytes"
        ISRC = "isrc", "same ISRC"
        NEAR = "near", "near title and duration"

    machine = DUPLICATE_STATES

    first = models.ForeignKey(Track, on_delete=models.CASCADE, related_name="+", editable=False)
    second = models.ForeignKey(Track, on_delete=models.CASCADE, related_name="+", editable=False)
    reasons = ArrayField(models.CharField(max_length=10), editable=False)
    likeness = models.DecimalField(max_digits=4, decimal_places=3, editable=False, help_text="1 is the same.")
    state = machine.column()
    settled_by = models.ForeignKey(
        "accounts.User", null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    objects = AccessToPairs.as_manager()

    class Meta:
        constraints = [
            DUPLICATE_STATES.constraint("duplicate_state_known"),
            models.UniqueConstraint(fields=["first", "second"], name="duplicate_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="duplicate_older_first"),
            models.CheckConstraint(condition=Q(likeness__range=(0, 1)), name="duplicate_likeness_range"),
        ]
        indexes = [models.Index("state", F("likeness").desc(), F("id").desc(), name="duplicate_likest")]

    def __str__(self) -> str:
        return f"{self.first} / {self.second}"
