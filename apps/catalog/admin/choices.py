"""What the list of tracks is narrowed by: fixed choices, none of which looks through the table to be drawn."""

import datetime as dt
from collections.abc import Callable

from django.core.cache import cache
from django.db.models import Q

from apps.catalog import filters, queues
from apps.catalog.keys import MODES, PITCHES, camelot
from apps.catalog.models import Provider, Term, Track
from apps.lib.admin import Options, choice_filter
from apps.lib.records import least_key

MOST_GENRES = 200

STATUS = {state: (state, Q(status=state)) for state in Track.machine.states}
STATUS = {"kept": ("all in sight", Q(removed_at__isnull=True)), **STATUS}
QUEUES = {name: (queue.title, lambda now, queue=queue: queue.rule()) for name, queue in queues.QUEUES.items()}
CLEARANCE = {state: (state, Q(clearance=state)) for state in Track.Clearance.values}
KINDS = {kind: (kind, Q(kind=kind)) for kind in Track.Kind.values}
OWNER = {
    "house": ("the house", Q(owner__isnull=True)),
    "people": ("people", Q(owner__isnull=False)),
}
MADE = {
    "failed": ("failed", Q(derivation__state="failed")),
    "waiting": ("waiting or in work", Q(derivation__state__in=["due", "running", "retrying"])),
    "done": ("made", Q(derivation__state="done")),
    "none": ("no original yet", Q(derivation__isnull=True)),
}
WORDS = {"isrc": "ISRC", "catalog_number": "catalogue number", "released": "release date"}
MISSING = {name: (WORDS.get(name, name), rule) for name, rule in filters.MISSING.items()}


def genres() -> Options:
    """The most used genres, each under its curated name."""
    words = Term.objects.filter(kind=Term.Kind.GENRE, stands_for=None).order_by("-uses", "name")
    names = _drawn("genres", lambda: list(words.values_list("name", flat=True)[:MOST_GENRES]))
    return {name: (name, Q(genre=name)) for name in names}


def providers() -> Options:
    named = _drawn("providers", lambda: list(Provider.objects.order_by("name").values_list("code", "name")))
    return {code: (name, Q(source__provider=code)) for code, name in named}


def _drawn(name: str, draw: Callable[[], list]) -> list:
    """Choices from a table, as they were within the last minute."""
    return cache.get_or_set(f"choices.{name}", draw, 60)


def keys() -> Options:
    """Round the Camelot wheel: `8A, A minor`."""
    wheel = [(camelot(pitch, mode), pitch, mode) for pitch in range(12) for mode in MODES]
    wheel.sort(key=lambda each: (int(each[0][:-1]), each[0][-1]))
    return {code: (f"{code}, {PITCHES[pitch]} {mode}", Q(pitch_class=pitch, mode=mode)) for code, pitch, mode in wheel}


def _within(**length: int) -> Callable[[dt.datetime], Q]:
    return lambda now: Q(pk__gte=least_key(now - dt.timedelta(**length)))


ADDED = {
    "day": ("in the last 24 hours", _within(hours=24)),
    "week": ("in the last 7 days", _within(days=7)),
    "month": ("in the last 30 days", _within(days=30)),
    "year": ("in the last 365 days", _within(days=365)),
}

FILTERS = [
    choice_filter("show", "show", STATUS, default="kept", at_hand=True),
    choice_filter("queue", "queue", QUEUES, at_hand=True),
    choice_filter("genre", "genre", genres, folded=True),
    choice_filter("key", "key", keys(), folded=True),
    choice_filter("missing", "missing", MISSING, folded=True),
    choice_filter("rights", "clearance", CLEARANCE),
    choice_filter("kind", "kind", KINDS),
    choice_filter("owner", "of", OWNER),
    "is_public",
    "is_pro_only",
    choice_filter("added", "added", ADDED, folded=True),
    choice_filter("preview and waveform", "made", MADE, folded=True),
    choice_filter("provider", "provider", providers, folded=True),
]
