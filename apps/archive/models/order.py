"""What staff asked of many assets at once."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.archive.access import StaffRows
from apps.lib.leases import Leased
from apps.lib.states import Machine

ORDER_STATES = Machine(
    "state",
    {"due": ("running", "stopped"), "running": ("running", "due", "done", "stopped"), "done": (), "stopped": ()},
)


class Order(Leased):
    """Archive or retry everything that a filter found at that moment; a worker goes through it, `seen` of it so far."""

    class Verb(models.TextChoices):
        RETRY = "retry"
        ARCHIVE = "archive", "archive now"

    machine = ORDER_STATES

    verb = models.CharField(max_length=10, choices=Verb, editable=False)
    state = machine.column()
    assets = ArrayField(models.UUIDField(), editable=False)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    total = models.PositiveIntegerField(default=0, editable=False)
    seen = models.PositiveIntegerField(default=0, editable=False)
    done = models.PositiveIntegerField(default=0, editable=False)

    objects = StaffRows.as_manager()

    class Meta:
        verbose_name = "archive order"
        constraints = [ORDER_STATES.constraint("order_state_known")]
        indexes = [models.Index("next_at", condition=Q(state="due"), name="order_due")]

    def __str__(self) -> str:
        return f"{self.get_verb_display()}: {self.total:,} file{'' if self.total == 1 else 's'}"
