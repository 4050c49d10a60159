"""What makes the demo a catalogue: who plays what in a track, how it is built, who owns which share of it."""

import datetime as dt

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from apps.accounts.models import RoleGrant, User
from apps.accounts.roles import Role
from apps.catalog import bulk, duplicates, plays, vocabulary, words
from apps.catalog import parts as track_parts
from apps.catalog.models import Changeset, Play, Term, Track

# title: sections by their share of the length, credits (role, share), instruments, samples (pack, cleared)
PARTS = {
    "Harbour Lights": (
        (("intro", 0.2), ("verse", 0.5), ("chorus", 0.8), ("outro", 1.0)),
        (("composer", 100), ("producer", 100)),
        (("keys", "felt piano"), ("synth", "pad")),
        (("Northern Harbours", True),),
    ),
    "Birch and Frost": (
        (("intro", 0.3), ("bridge", 0.7), ("outro", 1.0)),
        (("composer", 100),),
        (("tape", "loop"), ("keys", "harmonium")),
        (),
    ),
    "Market Day": (
        (("intro", 0.15), ("verse", 0.45), ("chorus", 0.75), ("outro", 1.0)),
        (("composer", 60), ("performer", None)),
        (("drums", "djembe"), ("brass", "trumpet"), ("bass", "electric bass")),
        (),
    ),
    "Night Bus Home": (
        (("intro", 0.25), ("chorus", 0.75), ("outro", 1.0)),
        (("composer", 100), ("producer", 100)),
        (("drums", "808"), ("bass", "synth bass"), ("keys", "electric piano")),
        (("Late Night Chords", False),),
    ),
}


def fill(owner: User, track: Track) -> None:
    """Give one of the demo's tracks its parts, as its owner would. The number of everybody is made up."""
    if track.title not in PARTS or track.sections.exists():
        return
    sections, credits, instruments, samples = PARTS[track.title]
    name = owner.profile.name
    rows = {
        "sections": list(_sections(sections, track.duration_ms)),
        "credits": [{"name": name, "role": role, "split": share, "ipi": "00000000199"} for role, share in credits],
        "instruments": [
            {"category": category, "type": kind, "is_primary": n == 0} for n, (category, kind) in enumerate(instruments)
        ],
        "samples": [{"pack_name": pack, "is_cleared": cleared} for pack, cleared in samples],
    }
    for kind, listed in rows.items():
        track_parts.replace(track=track, kind=kind, rows=listed, by=owner)


def staff() -> User | None:
    """The first admin, who curates the demo; nobody where there is none."""
    grant = RoleGrant.objects.filter(role=Role.ADMIN).select_related("user").order_by("pk").first()
    return grant.user if grant else None


def look_after(curator: User | None) -> None:
    """What beat and staff would have done by tomorrow: words learned, plays counted, genres curated."""
    for place, track in enumerate(Track.objects.filter(is_public=True, status="ready").order_by("number")):
        _hear(track, fans=1 + place * 5 % 7)
    while plays.count():
        pass
    words.learn()
    vocabulary.count()
    duplicates.find()
    if curator and not Changeset.objects.exists():
        genres = Term.objects.filter(kind="genre")
        vocabulary.curate(terms=genres.exclude(name="house music"), curated=True, by=curator)
        found = Track.objects.filter(genre__in=["Ambient", "Downtempo"]).values_list("pk", flat=True)
        slow = [
            {"do": "add", "field": "tags", "value": ["slow"]},
            {"do": "set", "field": "subgenre", "value": "Drift"},
        ]
        bulk.ask(tracks=list(found), operations=slow, by=curator, title="Mark what is slow")


def _hear(track: Track, *, fans: int) -> None:
    """Two weeks of visitors, more of them towards today."""
    if Play.objects.filter(track=track).exists():
        return
    now = timezone.now()
    for ago in range(14):
        for visitor in range((fans * (14 - ago) + ago * 5 % 4) // 14):
            network, at = f"203.0.113.{visitor}", now - dt.timedelta(days=ago)
            plays.play(track=track, user=AnonymousUser(), network=network, now=at)


def _sections(shares, duration_ms: int):
    start = 0
    for name, share in shares:
        end = round(duration_ms * share)
        yield {"name": name, "start_ms": start, "end_ms": end}
        start = end
