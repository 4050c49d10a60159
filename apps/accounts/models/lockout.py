"""Failed sign-ins, by account and address together."""

from django.db import models
from django.db.models import Q

from apps.lib.records import Record


class Lockout(Record):
    """Failures of one address of the network against one e-mail address, known or not, so that both answer alike."""

    email = models.CharField(max_length=254, editable=False)
    address = models.CharField(max_length=45, editable=False, help_text="IPv6 as its /64.")
    failures = models.PositiveIntegerField(default=0, editable=False)
    times_locked = models.PositiveIntegerField(default=0, editable=False)
    failed_at = models.DateTimeField(editable=False, db_index=True)
    locked_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["email", "address"], name="lockout_once"),
            models.CheckConstraint(condition=Q(failures__gte=0), name="lockout_failures_counted"),
        ]

    def __str__(self) -> str:
        return f"{self.email} from {self.address}"
