"""Damages of stored bytes, and what became of them."""

from django.db import models
from django.db.models import Q

from apps.archive.access import StaffRows
from apps.lib.records import Record
from apps.lib.states import Machine

# What somebody should look after, and all that is damaged still.
PRESSING = ("open", "unrepairable")
STANDING = (*PRESSING, "written_off")
FINDING_STATES = Machine(
    "state",
    {
        "open": ("repaired", "unrepairable", "gone"),
        "unrepairable": ("written_off", "repaired", "gone"),
        "written_off": ("repaired", "gone"),
        "repaired": (),
        "gone": (),
    },
)


class Finding(Record):
    """What one place held instead of the bytes that a blob's row promises.

    It names the content and not the row, which must be free to go. `unrepairable`: no place and no provider has the
    right bytes now; looked at again every day. `written_off`: the same, and somebody knows that nothing can be done, so
    that it raises no alarm any more. `gone`: nobody needed them any more, and the sweeper took them; or the
    place is no longer set.
    """

    class Place(models.TextChoices):
        MAIN = "main"
        COPY = "copy"

    class What(models.TextChoices):
        MISSING = "missing"
        TRUNCATED = "truncated"
        GROWN = "grown"
        ALTERED = "altered", "other bytes of the same length"

    class Source(models.TextChoices):
        MAIN = "main"
        COPY = "copy"
        PROVIDER = "provider"
        ITSELF = "itself", "found right at another look"

    machine = FINDING_STATES

    sha256 = models.CharField("SHA-256", max_length=64, editable=False)
    size = models.BigIntegerField(editable=False, db_comment="bytes that should be there")
    place = models.CharField(max_length=4, choices=Place, editable=False)
    what = models.CharField(max_length=9, choices=What, editable=False)
    found_size = models.BigIntegerField(default=0, editable=False, db_comment="bytes that were there")
    found_sha256 = models.CharField("SHA-256 found", max_length=64, blank=True, default="", editable=False)
    found_at = models.DateTimeField(editable=False)
    state = machine.column()
    repaired_from = models.CharField(max_length=8, choices=Source, blank=True, default="", editable=False)
    repaired_at = models.DateTimeField(null=True, editable=False)
    note = models.CharField(max_length=500, blank=True, default="", editable=False, help_text="Why it is not repaired.")

    objects = StaffRows.as_manager()

    class Meta:
        constraints = [
            FINDING_STATES.constraint("finding_state_known"),
            models.CheckConstraint(condition=Q(place__in=["main", "copy"]), name="finding_place_known"),
            models.CheckConstraint(
                condition=Q(what__in=["missing", "truncated", "grown", "altered"]), name="finding_what_known"
            ),
            models.CheckConstraint(
                condition=Q(state="repaired", repaired_at__isnull=False) & ~Q(repaired_from="")
                | ~Q(state="repaired") & Q(repaired_at__isnull=True, repaired_from=""),
                name="finding_repaired_from_somewhere",
            ),
            models.UniqueConstraint(
                fields=["sha256", "place"], condition=Q(state__in=STANDING), name="finding_one_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sha256[:12]} · {self.what} in {self.place} · {self.state}"
