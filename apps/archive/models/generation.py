"""Generations that were announced before they are finished: asked for until they are tracks (S3-01)."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q

from apps.archive.access import Generations
from apps.catalog.models import Provider, Track
from apps.lib.leases import Leased
from apps.lib.states import Machine

GENERATION_STATES = Machine(
    "state",
    {
        "waiting": ("waiting", "running", "finished", "failed", "expired"),
        "running": ("running", "waiting", "finished", "failed", "expired"),
        "finished": (),
        "failed": ("waiting",),
        "expired": ("waiting",),
    },
)


class Generation(Leased):
    """Music that a provider is making. `facts` are those of the track to be, as `catalog.actions.create` takes them.

    `expired`: it was not finished when `ends_at` had come. Announced again, what failed or expired waits anew.
    """

    machine = GENERATION_STATES

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False)
    provider = models.ForeignKey(Provider, models.PROTECT, related_name="generations", editable=False)
    provider_track_id = models.CharField("provider's id", max_length=90, editable=False)
    title = models.CharField(max_length=255, editable=False)
    facts = models.JSONField(default=dict, encoder=DjangoJSONEncoder, editable=False)
    state = machine.column()
    asked_at = models.DateTimeField(null=True, editable=False, help_text="When the provider was asked last.")
    ends_at = models.DateTimeField(editable=False)
    said = models.CharField(max_length=40, blank=True, default="", editable=False, help_text="The provider's word.")
    songs = ArrayField(
        models.CharField(max_length=200), default=list, editable=False, help_text="Ids of those that became tracks."
    )
    tracks = models.ManyToManyField(Track, related_name="generations", editable=False)

    objects = Generations.as_manager()

    class Meta:
        constraints = [
            GENERATION_STATES.constraint("generation_state_known"),
            models.UniqueConstraint(
                fields=["owner", "provider", "provider_track_id"], name="generation_once_per_owner"
            ),
            models.CheckConstraint(
                condition=~Q(state="waiting") | Q(next_at__isnull=False), name="generation_waiting_has_a_time"
            ),
            models.CheckConstraint(
                condition=Q(state="running", lease_until__isnull=False)
                | ~Q(state="running") & Q(lease_until__isnull=True),
                name="generation_lease_while_running",
            ),
        ]
        indexes = [
            models.Index("next_at", condition=Q(state="waiting"), name="generation_due"),
            models.Index("provider", "provider_track_id", name="generation_of_provider_id"),
            models.Index("provider", "asked_at", name="generation_asked"),
        ]

    def __str__(self) -> str:
        return f"{self.provider_id}:{self.provider_track_id} · {self.state}"
