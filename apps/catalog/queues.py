"""What of the catalogue asks for a curator's hand: rules over tracks in sight, fit for a filter and for a count."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from apps.catalog.models import Term, Track

# A count stops here: a longer queue is worked from its beginning, whatever its length.
MOST = 10_000
# So many uncurated genres are looked for at once, the most used first.
MOST_WORDS = 500

# Without these no listener's filter finds the track.
INCOMPLETE = Q(artist="") | Q(genre="") | Q(tempo__isnull=True) | Q(pitch_class__isnull=True)
UNCLEAR = Q(clearance__in=["unknown", "blocked"])
FAILED = Q(derivation__state="failed")


def unreviewed() -> Q:
    """Tracks whose genre is a word that staff have not looked at: it is made a curated one, or put right."""
    words = Term.objects.filter(kind=Term.Kind.GENRE, is_curated=False, stands_for=None, uses__gt=0)
    return Q(genre__in=list(words.order_by("-uses").values_list("name", flat=True)[:MOST_WORDS]))


@dataclass(frozen=True)
class Queue:
    """A title, what is to do there, and a function that gives the rule."""

    title: str
    to_do: str
    rule: Callable[[], Q]


QUEUES = {
    "missing": Queue("Missing metadata", "Without artist, genre, tempo or key.", lambda: INCOMPLETE),
    "unclear": Queue("Unclear rights", "Not cleared, or blocked.", lambda: UNCLEAR),
    "review": Queue("Waiting for review", "In a genre that is no curated word.", unreviewed),
    "failed": Queue("Preview or waveform failed", "Nothing could be made of the original.", lambda: FAILED),
}


def tracks(user, name: str) -> QuerySet[Track]:
    """The queue's tracks as far as this person sees them."""
    return Track.objects.visible_to(user).live().filter(QUEUES[name].rule())


def capped(rows: QuerySet) -> int:
    """How many, counted no further than `MOST`."""
    return rows.order_by()[:MOST].count()
