"""The archive's queue: one row per file of a generated track (S3-03, C-14)."""

from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Coalesce, Left, Lower, Now

from apps.archive.access import ArchiveRows
from apps.catalog.models import Blob, Track
from apps.lib.leases import Leased
from apps.lib.states import Machine

DUE_STATES = ("pending", "retrying", "gone_suspect", "quarantined")
OPEN_STATES = (*DUE_STATES, "running")
UNSAVED_STATES = (*OPEN_STATES, "lost")


ASSET_STATES = Machine(
    "state",
    {
        "pending": ("running", "dropped"),
        "running": ("running", "archived", "retrying", "gone_suspect", "quarantined", "lost", "dropped"),
        "retrying": ("running", "dropped"),
        "gone_suspect": ("running", "dropped"),
        "quarantined": ("running", "lost", "dropped"),
        "archived": ("dropped",),
        "lost": ("pending",),
        "dropped": (),
    },
)


def _host(url: F) -> Func:
    """The host of a web address in lower case, with its port unless that is 443; empty without an address."""
    authority = Func(url, Value("^[A-Za-z]+://([^/?#]*)"), function="substring")
    host = Func(authority, Value(":443$"), Value(""), function="regexp_replace")
    return Lower(Left(Coalesce(host, Value("")), 260), output_field=models.CharField(max_length=260))


class ArchiveAsset(Leased):
    """One file of one generated track that must be ours before its URL dies.

    `gone_suspect`: the provider says it is gone; believed at expiry.
    `quarantined`: it killed its worker five times; tried alone and hourly, given up a day after expiry.
    `dropped`: its track was removed, and its bytes are released.
    """

    class Kind(models.TextChoices):
        AUDIO = "audio"
        COVER = "cover"
        VIDEO = "video"

    machine = ASSET_STATES

    # By the database's clock, as all else that decides when a file is tried again (F16).
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    track = models.ForeignKey(Track, on_delete=models.PROTECT, related_name="archive_assets", editable=False)
    kind = models.CharField(max_length=5, choices=Kind, editable=False)
    state = machine.column()
    source_url = models.URLField(max_length=2000, editable=False)
    # The database derives it, so that it follows the address wherever that is changed, and goes with it.
    host = models.GeneratedField(
        expression=_host(F("source_url")), output_field=models.CharField(max_length=260), db_persist=True
    )
    expires_at = models.DateTimeField(editable=False)
    gone_since = models.DateTimeField(null=True, editable=False)
    gone_checks = models.PositiveSmallIntegerField(default=0, editable=False)
    blob = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="archived_as", editable=False)
    archived_at = models.DateTimeField(null=True, editable=False)
    # The database notes it, and takes it back with the move, whoever makes that: `updated_at` follows every change.
    lost_at = models.DateTimeField(null=True, editable=False)
    facts = models.JSONField(
        null=True, editable=False, help_text="For the ledger, with a move: the database takes it over and empties it."
    )

    objects = ArchiveRows.as_manager()

    class Meta:
        constraints = [
            ASSET_STATES.constraint("asset_state_known"),
            models.CheckConstraint(condition=Q(kind__in=["audio", "cover", "video"]), name="asset_kind_known"),
            models.UniqueConstraint(fields=["track", "kind"], name="asset_once_per_track"),
            models.CheckConstraint(
                condition=Q(state="archived", blob__isnull=False, archived_at__isnull=False)
                | ~Q(state="archived") & Q(blob__isnull=True, archived_at__isnull=True),
                name="asset_archived_with_bytes",
            ),
            models.CheckConstraint(
                condition=Q(state="lost", lost_at__isnull=False) | ~Q(state="lost") & Q(lost_at__isnull=True),
                name="asset_lost_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(state="running", lease_until__isnull=False)
                | ~Q(state="running") & Q(lease_until__isnull=True),
                name="asset_lease_while_running",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=DUE_STATES) | Q(next_at__isnull=False), name="asset_waiting_has_a_time"
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at", "id"], condition=Q(state__in=OPEN_STATES), name="asset_open_by_expiry"),
            models.Index(
                fields=["expires_at", "id"], condition=Q(state__in=OPEN_STATES, crashes__gte=2), name="asset_suspect"
            ),
            models.Index("host", "expires_at", condition=Q(state__in=OPEN_STATES), name="asset_open_by_host"),
            models.Index("track", "state", "expires_at", condition=Q(state__in=UNSAVED_STATES), name="asset_unsaved"),
            models.Index("archived_at", condition=Q(state="archived"), name="asset_archived_by_time"),
            models.Index("lost_at", condition=Q(state="lost"), name="asset_lost_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.track_id}: {self.state}"
