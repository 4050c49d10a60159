"""E-mail on its way."""

from django.db import models
from django.db.models import Q

from apps.lib.leases import Leased
from apps.lib.states import Machine

OPEN_STATES = ("queued", "running", "retrying")
LETTER_STATES = Machine(
    "state",
    {
        "queued": ("running", "failed"),
        "running": ("running", "sent", "retrying", "failed"),
        "retrying": ("running", "failed"),
        "sent": (),
        "failed": ("queued",),
    },
)


class Letter(Leased):
    """A queue row: one message to one address. It may hold a token, so it is sealed, and blanked once it is sent."""

    machine = LETTER_STATES

    state = machine.column()
    recipient = models.CharField(max_length=320, editable=False, db_index=True)
    subject = models.CharField(max_length=300, editable=False)
    sealed = models.BinaryField(editable=False)
    bulk = models.BooleanField(default=False, editable=False, help_text="Nobody waits for it: it goes last.")
    sent_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            LETTER_STATES.constraint("letter_state_known"),
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False) | ~Q(state="sent") & Q(sent_at__isnull=True),
                name="letter_sent_when_sent",
            ),
        ]
        indexes = [models.Index("bulk", "next_at", condition=Q(state__in=OPEN_STATES), name="letter_due")]

    def __str__(self) -> str:
        return f"to {self.recipient}: {self.state}"
