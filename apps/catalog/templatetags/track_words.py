"""How a track is put into words and colours on a page. Each takes rows of `Track.objects.with_page()`."""

import datetime as dt

from django import template
from django.urls import reverse
from django.utils import timezone

from apps.catalog import keys
from apps.catalog.files import ROLE_OF
from apps.catalog.models import Track, TrackFile
from apps.lib import sizes

register = template.Library()

HUES, SHAPES = 12, 4  # what site.css knows


@register.filter
def clock(duration_ms: int | None) -> str:
    """`3:07`, `1:02:45`; empty when unknown."""
    if duration_ms is None:
        return ""
    minutes, seconds = divmod(round(duration_ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


@register.filter
def seconds(duration_ms: int | None) -> str:
    """For attributes that scripts read; a decimal point whatever the language."""
    return "" if duration_ms is None else f"{duration_ms / 1000:.3f}"


@register.filter
def art(track: Track) -> str:
    """The classes of a cover for a track that has none; from the random end of its id, so it never changes."""
    return f"hue-{track.pk.int % HUES} shape-{track.pk.int // HUES % SHAPES}"


@register.filter
def has(track: Track, role: str) -> bool:
    return track.file(role) is not None


@register.filter
def key_words(track: Track) -> str:
    """`A minor`, `C#`; empty when unknown (C-04)."""
    return f"{track.musical_key} {track.mode}".strip() if track.musical_key else ""


@register.filter
def camelot(track: Track) -> str:
    return keys.camelot(track.pitch_class, track.mode)


@register.filter
def sound_words(file: TrackFile) -> str:
    """`MP3, 44.1 kHz, stereo, 192 kb/s`, as far as known."""
    parts = [file.blob.extension.upper()]
    if file.sample_rate:
        parts.append(f"{file.sample_rate / 1000:g} kHz")
    if file.channels:
        parts.append({1: "mono", 2: "stereo"}.get(file.channels, f"{file.channels} channels"))
    if file.bit_rate:
        parts.append(f"{round(file.bit_rate / 1000)} kb/s")
    return ", ".join(parts)


@register.filter
def savings_words(file: TrackFile) -> str:
    """What compression saved (S0-05); empty when the file is the original."""
    if not file.compression_applied:
        return ""
    before, after = sizes.words(file.original_file_size), sizes.words(file.blob.size)
    share = round(100 * file.compression_savings / file.original_file_size)
    return f"{share} % smaller: {after} instead of {before}"


@register.simple_tag
def sound(track: Track, *, now: dt.datetime | None = None) -> dict:
    """What the player plays for this person: `part` (full or preview), `url`, and where in the track it lies (ms).

    Empty when there is nothing to hear. `track` comes through `with_playable`.
    """
    source, clip = getattr(track, "source", None), track.file("preview")
    if track.playable and (track.served or (source and source.audio_url and source.expires_at > _now(now))):
        return {"part": "full", "url": reverse("track-stream", args=[track.pk]), "start": 0, "end": track.duration_ms}
    if clip is None:
        return {}
    start, end = _place(clip, track.duration_ms)
    return {"part": "preview", "url": reverse("track-preview", args=[track.pk]), "start": start, "end": end}


def _place(clip: TrackFile, whole: int | None) -> tuple[int, int | None]:
    """Where in its track a preview lies, as far as anybody said. The first ones began a third in and did not say."""
    length = clip.duration_ms
    if length is None:
        return clip.starts_ms or 0, None
    start = clip.starts_ms
    if start is None:
        start = max(0, min(whole // 3, whole - length)) if whole else 0
    return start, min(start + length, whole or start + length)


@register.simple_tag
def archive_state(track: Track, *, now: dt.datetime | None = None) -> dict:
    """How safe a generated track's files are: `state` (kept, waiting, lost) and words for it (C-14)."""
    source = track.source
    wanted = source.urls()
    missing = [kind for kind in wanted if track.file(ROLE_OF[kind]) is None]
    if not missing:
        return {"state": "kept", "words": "Archived: our own checked copy of every file"}
    words = " and ".join(missing)
    if source.expires_at <= _now(now):
        return {"state": "lost", "words": f"Deleted by the provider before it was archived: {words}"}
    day = f"{source.expires_at:%-d %B %Y}"
    if len(missing) == len(wanted):
        return {"state": "waiting", "words": f"Not archived yet; the provider keeps it until {day}"}
    return {"state": "waiting", "words": f"Archived except for its {words}; the provider keeps the rest until {day}"}


def _now(now: dt.datetime | None) -> dt.datetime:
    return now or timezone.now()
