"""What the house says of itself when its promise is in danger: one row per danger, from when to when."""

from django.db import models
from django.db.models import Q

from apps.archive.access import StaffRows
from apps.lib.records import Record
from apps.lib.states import Machine

ALARM_STATES = Machine("state", {"raised": ("over",), "over": ()})


class Alarm(Record):
    """One danger while it lasts; the same danger later is another row.

    `mailed_at` and `called_at` say when people and the webhook heard of it last.
    """

    class Kind(models.TextChoices):
        EXPIRING = "expiring", "files about to expire fail"
        LOST = "lost", "files were lost"
        QUEUE = "queue", "the queue does not move"
        LATE = "late", "files are old and not archived"
        FINDINGS = "findings", "stored files are damaged or missing"
        BREAKER = "breaker", "a provider's host is shut out"
        MANIFEST = "manifest", "a day of the ledger is not closed"
        COPIES = "copies", "stored files have no copy"
        TEST = "test", "a test"

    machine = ALARM_STATES

    kind = models.CharField(max_length=10, choices=Kind, editable=False)
    state = machine.column()
    message = models.CharField(max_length=500, editable=False)
    number = models.PositiveIntegerField(default=0, editable=False, help_text="Of what is in danger, at last sight.")
    over_at = models.DateTimeField(null=True, editable=False)
    mailed_at = models.DateTimeField(null=True, editable=False)
    called_at = models.DateTimeField(null=True, editable=False)

    objects = StaffRows.as_manager()

    class Meta:
        constraints = [
            ALARM_STATES.constraint("alarm_state_known"),
            models.UniqueConstraint(fields=["kind"], condition=Q(state="raised"), name="alarm_raised_once"),
            models.CheckConstraint(
                condition=Q(state="raised", over_at__isnull=True) | Q(state="over", over_at__isnull=False),
                name="alarm_over_with_a_time",
            ),
        ]
        indexes = [models.Index("over_at", condition=Q(state="over"), name="alarm_over_by_time")]

    def __str__(self) -> str:
        return self.get_kind_display()
