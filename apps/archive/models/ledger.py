"""The ledger: what happened to each file of the archive, in entries that nobody changes (decision 0063)."""

from django.db import models
from django.db.models import Q

from apps.archive.access import AccessToManifests, LedgerRows
from apps.catalog.models import Blob
from apps.lib.leases import Leased
from apps.lib.records import Record
from apps.lib.states import Machine

# What the domain tells of bytes; everything else is written by the database when an asset's row changes.
TOLD = ("damaged", "repaired", "written_off")
EVENTS = (
    "begun", "planned", "failed", "gone_suspect", "quarantined", "crashed", "readdressed", "forgotten", "archived",
    "lost", "asked_again", "dropped", "changed", "removed", *TOLD,
)  # fmt: skip


class LedgerEntry(models.Model):
    """One thing that happened to one asset. Append-only, and of no person: it outlives every row that it names.

    `begun`: as the asset stood when the ledger began. `changed`: a move or a change that the domain does not know.
    `origin` is scheme and host of the address; the rest may hold secrets, so of the whole there is the SHA-256.
    """

    seq = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(editable=False, help_text="By the database's clock.")
    asset = models.UUIDField(null=True, editable=False, help_text="Empty for bytes that no asset holds.")
    track = models.UUIDField(null=True, editable=False)
    kind = models.CharField(max_length=5, blank=True, default="", editable=False)
    event = models.CharField(max_length=20, choices=[(e, e.replace("_", " ")) for e in EVENTS], editable=False)
    state_from = models.CharField(max_length=20, blank=True, default="", editable=False)
    state_to = models.CharField(max_length=20, blank=True, default="", editable=False)
    token = models.BigIntegerField(default=0, editable=False, help_text="Which try.")
    attempts = models.PositiveIntegerField(default=0, editable=False)
    crashes = models.PositiveIntegerField(default=0, editable=False)
    origin = models.CharField(max_length=300, blank=True, default="", editable=False)
    url_sha256 = models.CharField("SHA-256 of the address", max_length=64, blank=True, default="", editable=False)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True, default="", editable=False)
    size = models.BigIntegerField(null=True, editable=False, db_comment="bytes")
    error_code = models.CharField(max_length=40, blank=True, default="", editable=False)
    facts = models.JSONField(default=dict, editable=False, help_text="What the source answered, and what was read.")

    objects = LedgerRows.as_manager()

    class Meta:
        verbose_name_plural = "ledger entries"
        indexes = [
            models.Index("track", "seq", name="ledger_of_track"),
            models.Index("at", name="ledger_at"),
        ]

    def __str__(self) -> str:
        return f"{self.seq}: {self.kind or 'bytes'} {self.get_event_display()}"


class Manifest(Record):
    """A closed day: its entries as hash-chained lines in the store, each day once, sealed.

    It holds what came after the former manifest's last entry; `first_seq` and `last_seq` are empty without any.
    """

    day = models.DateField(unique=True, editable=False, help_text="UTC")
    sha256 = models.CharField("SHA-256", max_length=64, unique=True, editable=False)
    previous = models.CharField(
        "the one before", max_length=64, unique=True, blank=True, editable=False, help_text="SHA-256; empty: the first."
    )
    first_seq = models.BigIntegerField(null=True, editable=False)
    last_seq = models.BigIntegerField(null=True, editable=False)
    entries = models.BigIntegerField(editable=False)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="manifests", editable=False)

    objects = AccessToManifests.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(entries=0, first_seq__isnull=True, last_seq__isnull=True)
                | Q(entries__gt=0, first_seq__lte=models.F("last_seq")),
                name="manifest_entries_have_numbers",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.entries} entries, {self.sha256[:12]}"


VERIFICATION_STATES = Machine(
    "state",
    {
        "due": ("running",),
        "running": ("running", "due", "whole", "broken", "failed"),
        "whole": (),
        "broken": (),
        "failed": (),
    },
)


class Verification(Leased):
    """One look at the whole ledger that somebody asked for. A row of the queue (decision 0003); one is open at a time.

    It goes on in slices. Until it is over `result` is how far it came, then
    what `auditing.Audit.told` says, with the first of the problems.
    """

    machine = VERIFICATION_STATES

    state = machine.column()
    stage = models.CharField(max_length=30, blank=True, default="", editable=False)
    done = models.BigIntegerField(default=0, editable=False)
    total = models.BigIntegerField(default=0, editable=False)
    result = models.JSONField(default=dict, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    objects = AccessToManifests.as_manager()

    class Meta:
        constraints = [
            VERIFICATION_STATES.constraint("verification_state_known"),
            models.UniqueConstraint(
                models.Value(1), condition=Q(state__in=["due", "running"]), name="verification_one_open"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["due", "running"], ended_at__isnull=True)
                | Q(state__in=["whole", "broken", "failed"], ended_at__isnull=False),
                name="verification_ended_when_over",
            ),
        ]

    def __str__(self) -> str:
        return f"verification: {self.state}"
