"""Curation in bulk: what is to change, what it changed, and who changed what ever (decisions 0031, 0032)."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from apps.catalog.access import OfVisibleTracks
from apps.catalog.models.track import Track
from apps.lib.leases import Leased
from apps.lib.states import Machine

CHANGESET_STATES = Machine(
    "state",
    {
        "due": ("running", "failed", "discarded"),
        "running": ("running", "retrying", "previewed", "applied", "undone", "failed"),
        "retrying": ("running", "failed"),
        "previewed": ("due", "discarded"),
        "applied": ("due",),
        "undone": (),
        "failed": ("due", "discarded"),
        "discarded": (),
    },
)


class Changeset(Leased):
    """Many changes as one: previewed as rows of old → new, applied all or none, undone likewise.

    `step` says what the worker does next with it: preview, apply or undo. A row of the queue (decision 0003).
    """

    class Kind(models.TextChoices):
        EDIT = "edit", "bulk edit"
        IMPORT = "import"
        WORDS = "words", "vocabulary"
        MERGE = "merge", "merged tracks"

    class Step(models.TextChoices):
        PREVIEW = "preview"
        APPLY = "apply"
        UNDO = "undo"

    machine = CHANGESET_STATES

    kind = models.CharField(max_length=10, choices=Kind, editable=False)
    title = models.CharField(max_length=200, editable=False)
    step = models.CharField(max_length=10, choices=Step, default=Step.PREVIEW, editable=False)
    state = machine.column()
    order = models.JSONField(
        default=dict, editable=False, help_text="What was asked for: which rows, and what of them."
    )
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    door = models.CharField(max_length=20, editable=False)
    rows_total = models.PositiveIntegerField(default=0, editable=False, help_text="Rows that change.")
    rows_refused = models.PositiveIntegerField(default=0, editable=False, help_text="Rows that cannot change.")
    applied_at = models.DateTimeField(null=True, editable=False)
    undone_at = models.DateTimeField(null=True, editable=False)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    class Meta:
        constraints = [
            CHANGESET_STATES.constraint("changeset_state_known"),
            models.CheckConstraint(
                condition=Q(kind__in=["edit", "import", "words", "merge"]), name="changeset_kind_known"
            ),
            models.CheckConstraint(condition=Q(step__in=["preview", "apply", "undo"]), name="changeset_step_known"),
            models.CheckConstraint(
                condition=~Q(state="undone") | Q(undone_at__isnull=False), name="changeset_undone_when"
            ),
        ]
        indexes = [models.Index("next_at", condition=Q(state__in=["due", "retrying"]), name="changeset_due")]

    def __str__(self) -> str:
        return self.title


class ChangesetRow(models.Model):
    """One row of one table: `old` and `new` hold the columns that change. No `old`: it is made; no `new`: it goes.

    `problem` says why it cannot change; such a row is shown and left alone.
    """

    id = models.BigAutoField(primary_key=True)
    changeset = models.ForeignKey(Changeset, on_delete=models.CASCADE, related_name="rows")
    track = models.ForeignKey(Track, null=True, on_delete=models.PROTECT, related_name="+")
    table = models.CharField(max_length=63, help_text="app_model of the row")
    row_id = models.UUIDField(null=True)
    line = models.PositiveIntegerField(null=True, help_text="Of an imported sheet.")
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)
    problem = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(problem="") | Q(old__isnull=False) | Q(new__isnull=False), name="changeset_row_changes"
            )
        ]
        indexes = [models.Index("changeset", "id", name="changeset_rows_in_order")]

    def __str__(self) -> str:
        return f"{self.table} {self.row_id}"


class Change(models.Model):
    """What became of a track or one of its parts, written by the database itself whoever wrote (decision 0031).

    `old` and `new` hold the columns that changed. `by` is empty for the system, `door` is `direct` for what went past
    the domain. When a track is removed the values go and the columns' names stay.
    """

    class Action(models.TextChoices):
        INSERT = "I", "made"
        UPDATE = "U", "changed"
        DELETE = "D", "deleted"

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(editable=False)
    track = models.ForeignKey(Track, on_delete=models.PROTECT, related_name="changes", editable=False)
    table = models.CharField(max_length=63, editable=False)
    row_id = models.UUIDField(editable=False)
    action = models.CharField(max_length=1, choices=Action, editable=False)
    fields = ArrayField(models.CharField(max_length=63), default=list, editable=False)
    old = models.JSONField(null=True, editable=False)
    new = models.JSONField(null=True, editable=False)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    door = models.CharField(max_length=20, editable=False)
    changeset = models.ForeignKey(
        Changeset, null=True, on_delete=models.SET_NULL, related_name="changes", editable=False
    )

    objects = OfVisibleTracks.as_manager()

    class Meta:
        indexes = [
            models.Index("track", F("id").desc(), name="change_of_track"),
            models.Index("at", name="change_at"),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {', '.join(self.fields)}"
