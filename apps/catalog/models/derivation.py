"""The queue of what is made of originals (decision 0019)."""

import datetime as dt

from django.db import models
from django.db.models import Q

from apps.catalog.access import OfVisibleTracks
from apps.catalog.models.track import Track
from apps.lib.leases import Leased
from apps.lib.states import Machine

# While something more urgent needs the machine, what has waited for so long is made all the same; so is what somebody
# asks for, as if it had.
PATIENCE = dt.timedelta(hours=1)
DERIVATION_STATES = Machine(
    "state",
    {
        "due": ("running", "failed"),
        "running": ("running", "done", "retrying", "failed"),
        "retrying": ("running", "failed"),
        "done": ("due",),
        "failed": ("due",),
    },
)


class Derivation(Leased):
    """The queue row for what is made of a track's original: served copy, preview, waveform."""

    machine = DERIVATION_STATES

    track = models.OneToOneField(Track, on_delete=models.PROTECT, related_name="derivation")
    state = machine.column()
    source_sha256 = models.CharField(max_length=64, editable=False)

    objects = OfVisibleTracks.as_manager()

    class Meta:
        constraints = [DERIVATION_STATES.constraint("derivation_state_known")]
        indexes = [
            models.Index("next_at", condition=Q(state__in=["due", "retrying"]), name="derivation_due"),
            models.Index("track", condition=Q(state="failed"), name="derivation_failed"),
        ]

    def __str__(self) -> str:
        return f"derivation of {self.track_id}: {self.state}"
