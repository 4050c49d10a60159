"""Tracks that stand near a track: of the same artist or creators, and what mixes with it."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import F, Func, Q, QuerySet, prefetch_related_objects

from apps.catalog.keys import harmonic
from apps.catalog.models import Credit, Track

MOST = 6
# As far as a player bends the tempo without being heard.
BEND = Decimal("0.04")
# A name that stands everywhere is looked up this far.
MOST_CREDITS = 500
SHOWN = ["title", "artist", "genre", "tempo", "pitch_class", "mode", "duration_ms", "status"]


@dataclass(frozen=True)
class Neighbours:
    same_artist: list[Track]
    mixable: list[Track]


def of(track: Track, *, user, most: int = MOST) -> Neighbours:
    """Up to `most` of each, as far as this person sees them, their files at hand; five queries whatever is found."""
    others = Track.objects.visible_to(user).live().exclude(pk=track.pk).only(*SHOWN)
    found = Neighbours(_same_artist(track, others, most), _mixable(track, others, most))
    prefetch_related_objects([*found.same_artist, *found.mixable], "files")
    return found


def _same_artist(track: Track, others: QuerySet[Track], most: int) -> list[Track]:
    """The newest by the same artist, then the newest that its creators have a part in."""
    found = list(others.filter(artist=track.artist).order_by("-pk")[:most]) if track.artist else []
    names = set(track.credits.values_list("name", flat=True))
    if names and len(found) < most:
        theirs = Credit.objects.filter(name__in=names).order_by("-pk").values("track")[:MOST_CREDITS]
        known = [each.pk for each in found]
        found += others.filter(pk__in=theirs).exclude(pk__in=known).order_by("-pk")[: most - len(found)]
    return found


def _mixable(track: Track, others: QuerySet[Track], most: int) -> list[Track]:
    """Of the same genre, in a key that mixes, nearest in tempo first."""
    if not (track.genre and track.tempo and track.pitch_class is not None and track.mode):
        return []
    keys = Q(
        *(Q(pitch_class=pitch, mode=mode) for pitch, mode in harmonic(track.pitch_class, track.mode)), _connector="OR"
    )
    near = others.filter(keys, genre=track.genre, tempo__range=(track.tempo * (1 - BEND), track.tempo * (1 + BEND)))
    return list(near.order_by(Func(F("tempo") - track.tempo, function="ABS"), "-pk")[:most])
