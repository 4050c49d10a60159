"""What stands around the form of a track's page: sound and verdict above it, its neighbours below."""

from decimal import Decimal

from django.db.models import Q
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone

from apps.catalog import clearance, neighbours
from apps.catalog.keys import camelot
from apps.catalog.models import Duplicate, Section, Track
from apps.lib.admin import badge, page_of

STATUS_TONES = {"ready": "success", "pending": "info", "failed": "danger", "merged": "", "removed": ""}
DERIVATION_TONES = {"done": "success", "failed": "danger", "retrying": "warning"}
CLEARANCE_TONES = {"cleared": "success", "blocked": "danger", "unknown": "warning"}

MOST_TWINS = 5


def clock_time(milliseconds: int | None) -> str:
    """`3:07`, or empty when unknown."""
    return "" if milliseconds is None else f"{milliseconds // 60_000}:{milliseconds // 1000 % 60:02}"


def listen(request: HttpRequest, track: Track) -> str:
    """Cover, player, waveform with the sections on it, and the facts one hears."""
    source = getattr(track, "source", None)
    alive = bool(source and source.expires_at > timezone.now())
    derivation = getattr(track, "derivation", None)
    context = {
        "track": track,
        "playable": track.served or (alive and source.audio_url),
        "cover": track.file("cover") or (alive and source.cover_url),
        "sections": [_mark(section, track) for section in track.sections.order_by("start_ms")],
        "duration": clock_time(track.duration_ms),
        "camelot": camelot(track.pitch_class, track.mode),
        "status": badge(track.status, STATUS_TONES[track.status]),
        "derivation": derivation,
        "derived": derivation and badge(derivation.get_state_display(), DERIVATION_TONES.get(derivation.state, "info")),
    }
    return render_to_string("admin/catalog/listen.html", context)


def _mark(section: Section, track: Track) -> dict:
    """Where a section lies on the waveform, in percent of the track; without a length of the track it lies nowhere."""
    whole = track.duration_ms or 0
    share = {"left": _percent(section.start_ms, whole), "width": _percent(section.end_ms - section.start_ms, whole)}
    return {"name": section.name, "start": section.start_ms, "end": section.end_ms, **share}


def _percent(part: int, whole: int) -> str:
    """With a decimal point whatever the language: it stands in a style."""
    return f"{Decimal(100 * part) / whole:.3f}" if whole else "0"


def verdict(request: HttpRequest, track: Track) -> str:
    """Whether it may be licensed, and why not."""
    reasons = clearance.reason_words(track.clearance_reasons)
    context = {"state": badge(track.clearance, CLEARANCE_TONES[track.clearance]), "reasons": reasons}
    return render_to_string("admin/catalog/verdict.html", context)


def twins(request: HttpRequest, track: Track) -> str:
    """Pairs on the duplicates desk that this track is one of; nothing when there are none."""
    pairs = Duplicate.objects.visible_to(request.user).filter(Q(first=track) | Q(second=track), state="open")
    found = list(pairs.select_related("first", "second").order_by("-likeness", "-pk")[:MOST_TWINS])
    shown = [(page_of(pair), pair.second if pair.first_id == track.pk else pair.first) for pair in found]
    return render_to_string("admin/catalog/twins.html", {"twins": shown}) if shown else ""


def near(request: HttpRequest, track: Track) -> str:
    """Tracks of the same artist and creators, and those that mix with it; nothing when it stands alone."""
    found = neighbours.of(track, user=request.user)
    groups = [("Same artist or creators", found.same_artist), ("Mixes with it", found.mixable)]
    shown = [(title, [_neighbour(each) for each in tracks]) for title, tracks in groups if tracks]
    return render_to_string("admin/catalog/neighbours.html", {"groups": shown}) if shown else ""


def _neighbour(track: Track) -> dict:
    facts = [
        f"{track.tempo.normalize():f} BPM" if track.tempo else "",
        camelot(track.pitch_class, track.mode),
        clock_time(track.duration_ms),
    ]
    return {"track": track, "link": page_of(track), "facts": [fact for fact in facts if fact]}
