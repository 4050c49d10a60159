"""What the archive knows of a provider's hosts, for all workers: may anybody go there now?"""

from django.db import models
from django.db.models import Q


class ArchiveHost(models.Model):
    """One host that serves files: how many requests it is spared, and whether it is left alone for a while.

    Changed only by `hosts`, each time with the version that was read.
    """

    name = models.CharField(primary_key=True, max_length=260, editable=False)
    tokens = models.FloatField(editable=False, help_text="Requests it may get at `filled_at`; below nothing: in debt.")
    filled_at = models.DateTimeField(editable=False)
    failures = models.PositiveIntegerField("failures in a row", default=0, editable=False)
    trips = models.PositiveIntegerField("openings in a row", default=0, editable=False)
    open_until = models.DateTimeField(null=True, editable=False, help_text="The breaker is open; then one probe goes.")
    probing = models.BooleanField(default=False, editable=False)
    paused_until = models.DateTimeField(null=True, editable=False, help_text="As the host asked (Retry-After).")
    last_success_at = models.DateTimeField("last answer", null=True, editable=False)
    last_failure_at = models.DateTimeField("last failure", null=True, editable=False)
    error_code = models.CharField(max_length=40, blank=True, default="", editable=False)
    version = models.BigIntegerField(default=0, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="host_has_a_name"),
            models.CheckConstraint(
                condition=Q(probing=False) | Q(open_until__isnull=False), name="host_probed_while_open"
            ),
        ]

    def __str__(self) -> str:
        return self.name
