"""What is made of an original: the served copy, the preview, the waveform. A queue of rows under leases."""

import datetime as dt
import logging
import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import numpy as np
from django.db import OperationalError, transaction
from django.db.models import F, Q

from apps.catalog import files
from apps.catalog.models import Blob, Derivation, Track, TrackFile
from apps.catalog.models.derivation import PATIENCE
from apps.lib import clock, highlights, leases, media, profiles, spool
from apps.lib.errors import Conflict, NotFound, Refusal
from apps.lib.media import Format, Loudness, MediaError, Probe, Profile

log = logging.getLogger(__name__)

WAVEFORM = Format("waveform", "application/json", "json", "", "data", "")
CHORUS = ("chorus", "refrain", "hook", "drop")
DELAYS = tuple(dt.timedelta(minutes=m) for m in (1, 5, 30, 120))
# A copy serves only if it is the same sound, and smaller by at least a tenth.
WORTH = 1.1
SAME_MS, SAME_LU = 250, 1.0
FAINT_LUFS = -60.0
# Samples beyond full scale may be anything; what the column holds ends here.
MOST_DB = 999.0


@dataclass
class Product:
    role: str
    blob: Blob
    probe: Probe | None = None
    facts: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Compression:
    """How an original was made smaller, or why not: `copy` is None when the original serves, `profile` when nothing
    smaller was worth trying. `took_ms` is the time that it really took.
    """

    original: Probe
    original_loudness: Loudness
    profile: Profile | None
    copy: Probe | None
    copy_loudness: Loudness | None
    took_ms: int


OnMade = Callable[[Track, str, Compression], None]

_listeners: dict[str, OnMade] = {}
_urgent: dict[str, Callable[[], bool]] = {}


def on_made(name: str, listener: OnMade) -> None:
    """`listener` is called with the track, the SHA-256 of its original and the compression, in the transaction in which
    the files become the track's.
    """
    _listeners[name] = listener


def gives_way(name: str, urgent: Callable[[], bool]) -> None:
    """While `urgent` says so of this machine, what was made by a provider is made into nothing more (decision 0075)."""
    _urgent[name] = urgent


def claim(*, limit: int, now: dt.datetime | None = None, track: Track | None = None) -> list[Derivation]:
    """Due rows, oldest need first; of one track only when given, and then whatever else is urgent."""
    now = now or clock.now()
    rows = Derivation.objects.filter(track__removed_at__isnull=True).order_by(F("next_at").asc(nulls_first=True))
    if track is not None:
        rows = rows.filter(track=track)
    elif any(urgent() for urgent in _urgent.values()):
        waited = Q(next_at__lte=now - PATIENCE) | Q(lease_until__lte=now - PATIENCE)
        rows = rows.filter(waited | Q(track__source__isnull=True))
    return leases.claim(rows, Derivation.machine, limit=limit, now=now)


@transaction.atomic
def again(*, track: Track, now: dt.datetime | None = None) -> None:
    """Make everything of the original once more, at once, whatever is urgent. Conflict without an original or while a
    worker is at it.
    """
    rows = Derivation.objects.filter(track=track)
    if not files.lock_live(track.pk) or not rows.exists():
        raise Conflict("There is no original of this track to make anything from.", code="NO_ORIGINAL")
    long_since = (now or clock.now()) - PATIENCE
    fresh = {"next_at": long_since, "attempts": 0, "crashes": 0, "error_code": "", "error_message": ""}
    moved = Derivation.machine.move_all(rows, "due", **fresh)
    if not moved and not rows.filter(state__in=["due", "retrying"]).update(next_at=long_since):
        raise Conflict("A worker is making them at this moment.", code="IN_WORK")


def give_up_poison() -> int:
    """Files that keep killing their worker fail for good, the original serves; so does what was removed meanwhile."""
    removed = Derivation.objects.filter(track__status="removed", state__in=["due", "retrying"])
    Derivation.machine.move_all(removed, "failed", next_at=None, error_code="REMOVED")
    return leases.set_apart(Derivation.objects.all(), Derivation.machine, "failed")


def run(row: Derivation, *, now: dt.datetime | None = None) -> bool:
    """Work one claimed row off. True when the track has its products; a failure is kept on the row and tried again."""
    with ExitStack() as kept:
        try:
            with leases.held(row):
                products, compression = _make(row, kept)
            return _settle(row, products, compression)
        # Also a track that somebody held for too long, such as a change of thousands: no fault of the file.
        except (Refusal, OSError, OperationalError) as failure:
            _postpone(row, failure, now or clock.now())
            return False


@transaction.atomic
def _settle(row: Derivation, products: list[Product], compression: Compression) -> bool:
    if not files.lock_live(row.track_id) or not row.settle("done", attempts=row.attempts + 1):
        return False
    for product in products:
        files.attach(track=row.track, role=product.role, blob=product.blob, probe=product.probe, **product.facts)
    if compression.copy is None:  # what an earlier original or an earlier rule left
        TrackFile.objects.filter(track=row.track, role="audio").delete()
    TrackFile.objects.filter(track=row.track, role="original").update(**_heard(compression.original_loudness))
    for listener in _listeners.values():
        listener(row.track, row.source_sha256, compression)
    return True


def _postpone(row: Derivation, failure: Exception, now: dt.datetime) -> None:
    code, message = getattr(failure, "code", "IO_ERROR"), str(failure)[:500]
    log.warning("derivation of track %s failed (%s): %s", row.track_id, code, message)
    facts = {"error_code": code, "error_message": message}
    if code in leases.OWN_FAULTS:
        row.settle("retrying", next_at=now + leases.OWN_FAULT_DELAY * leases.jitter(), **facts)
    elif row.attempts >= len(DELAYS):
        row.settle("failed", attempts=row.attempts + 1, **facts)
    else:
        wait = DELAYS[row.attempts] * leases.jitter()
        row.settle("retrying", next_at=now + wait, attempts=row.attempts + 1, **facts)


def _make(row: Derivation, kept: ExitStack) -> tuple[list[Product], Compression]:
    """What is made of the original; `kept` holds the bytes in the store until their rows are written."""
    original = row.track.file("original")
    if original is None:
        raise NotFound("The track has no original any more.")
    with spool.workspace(needed=2 * original.blob.size) as folder:
        source = files.working_copy(original.blob, folder)
        probe, heard = media.heard(source)
        preview, waveform = folder / "preview.mp3", folder / "waveform.json"
        outline = media.outline(source, source_format=probe.format)
        start = highlights.start(outline, length_ms=media.PREVIEW_MS, among=_choruses(row.track))
        place = {"duration_ms": probe.duration_ms, "start_ms": start, "length_ms": media.PREVIEW_MS}
        clip = media.preview(source, preview, source_format=probe.format, **place)
        waveform.write_bytes(media.drawn(outline))
        compression = _compressed(source, probe, heard, folder / "audio.mp3", outline)
        return [
            *_served(compression, folder / "audio.mp3", kept),
            Product("preview", _kept(preview, clip.format, kept), clip, {"starts_ms": start}),
            Product("waveform", _kept(waveform, WAVEFORM, kept)),
        ], compression


def _kept(path: Path, form: Format, kept: ExitStack) -> Blob:
    return kept.enter_context(files.stored(path, form=form)).blob


def _choruses(track: Track) -> list[int]:
    """Where its choruses begin (ms): what people remember of a song."""
    sections = track.sections.order_by("start_ms").values_list("name", "start_ms")
    return [start for name, start in sections if any(word in name.lower() for word in CHORUS)]


def _served(compression: Compression, target: Path, kept: ExitStack) -> list[Product]:
    """The compressed copy, if it serves."""
    original, copy = compression.original, compression.copy
    if copy is None:
        return []
    facts = {
        "original_file_size": original.size,
        "compression_ratio": round(Decimal(original.size) / copy.size, 2),
        "compression_applied": True,
        **_heard(compression.copy_loudness),
    }
    return [Product("audio", _kept(target, copy.format, kept), copy, facts)]


def _compressed(source: Path, probe: Probe, heard: Loudness, target: Path, outline: np.ndarray) -> Compression:
    """The copy that was made is compared with the original, and serves only when it is better: as long, as loud, and
    smaller. A failed compression never stands in the way (S0-14).
    """
    started = time.monotonic()
    profile = media.recommended(probe, speech=_is_speech(source, probe, outline))
    copy = copy_heard = None
    if profile is not None:
        try:
            media.transcode(source, target, source_format=probe.format, bit_rate=profile.bit_rate)
            made, copy_heard = media.proven(target)
            copy = made if _better(made, copy_heard, probe, heard) else None
        except MediaError as failure:
            log.warning("not compressed, the original serves: %s", failure)
    took = round((time.monotonic() - started) * 1000)
    return Compression(probe, heard, profile, copy, copy_heard, took)


def _is_speech(source: Path, probe: Probe, outline: np.ndarray) -> bool:
    if not profiles.is_speech(outline):
        return False
    if probe.channels == 1:
        return True
    return profiles.is_narrow(outline, media.outline(source, source_format=probe.format, sides=True))


def _better(copy: Probe, copy_heard: Loudness, original: Probe, heard: Loudness) -> bool:
    """More than two channels are mixed into two, which changes how loud they are; hardly anything is never the same."""
    as_long = abs(copy.duration_ms - original.duration_ms) <= SAME_MS
    comparable = original.channels <= 2 and heard.lufs > FAINT_LUFS
    as_loud = not comparable or abs(copy_heard.lufs - heard.lufs) <= SAME_LU
    return as_long and as_loud and copy.size * WORTH <= original.size


def _heard(loudness: Loudness) -> dict[str, Decimal | None]:
    return {"loudness_lufs": _decibels(loudness.lufs), "true_peak_dbtp": _decibels(loudness.true_peak)}


def _decibels(value: float) -> Decimal | None:
    """None for the peak of silence, which is no number."""
    return round(Decimal(max(-MOST_DB, min(MOST_DB, value))), 2) if math.isfinite(value) else None
