"""What a provider may do wrong, each beside a neighbour that does nothing wrong (F6-F12): no wrong byte is ever ours."""

import hashlib
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from django.db import connection

from apps.archive import attempt, schedule
from apps.archive.models import ArchiveAsset
from apps.catalog.models import Blob, Track, TrackFile
from apps.lib import clock, leases, storage
from deploy.demo import synth
from deploy.demo.behaviours import BEHAVIOURS, Behaviour, chunked
from tests.archive.world import asset_of, at_provider, run_all
from tests.lib.made import NOT_MEDIA, ffmpeg, make_bytes
from tests.make import audio

pytestmark = pytest.mark.django_db(transaction=True)

DEADLINE_S, SLACK_S = 3, 10  # the bound of one second is measured where nothing else runs
MOST_MB = 100
OURS = ("archived", "")
BROKEN, CUT, LATE = ("retrying", "NETWORK_ERROR"), ("retrying", "TRUNCATED"), ("retrying", "TIMED_OUT")
GONE, BUSY, FAILING = ("gone_suspect", "GONE"), ("retrying", "RATE_LIMITED"), ("retrying", "SOURCE_ERROR")
NO_SOUND, REFUSED, PACKED = ("retrying", "INVALID_FORMAT"), ("retrying", "PROVIDER_REFUSED"), ("retrying", "ENCODED")
UNREADABLE, TOO_LONG = ("retrying", "MEDIA_UNREADABLE"), ("retrying", "TOO_MANY_REDIRECTS")
OUTCOMES = {
    # A flipped bit is sound too, and nobody says what it should have been.
    **dict.fromkeys(["ok", "chunked", "slow", "redirect_chain", "wrong_type", "instead", "flipped"], OURS),
    **dict.fromkeys(("403", "404", "410"), GONE),
    **dict.fromkeys((name for name in BEHAVIOURS if name.startswith(("429", "503"))), BUSY),
    **dict.fromkeys(
        ["204", "206", "304", "401", "402", "418", "451", "500", "502", "504", "status_999", "redirect_nowhere"],
        FAILING,
    ),
    **dict.fromkeys(("html200", "json200", "xml200", "forbidden_literal"), REFUSED),
    "list200": NO_SOUND,
    "empty": ("retrying", "NOT_AUDIO"),
    **dict.fromkeys(("truncated", "truncated_chunked", "no_length"), CUT),
    "half_length": UNREADABLE,
    **dict.fromkeys(("mute", "stalled", "slow_headers", "drip", "interim_flood"), LATE),
    "endless": ("retrying", "TOO_LARGE"),
    **dict.fromkeys(("gzip_bomb", "br_bomb", "deflate_bomb", "zipped"), PACKED),
    **dict.fromkeys(("reset", "reset_at_once", "reset_in_headers", "closed", "transfer_bomb"), BROKEN),
    **dict.fromkeys(("header_flood", "header_line", "no_http", "http_09", "status_word"), BROKEN),
    **dict.fromkeys((name for name in BEHAVIOURS if name.startswith("length_")), BROKEN),
    "length_and_chunks": OURS,  # the chunks have an end of their own, and count (RFC 9112, 6.3)
    **dict.fromkeys(("chunk_word", "chunk_huge", "chunk_negative"), CUT),
    "redirect_loop": TOO_LONG,
    **dict.fromkeys(("redirect", "redirect_private"), ("retrying", "URL_REFUSED")),
}


def claimed(tracks: list[Track]) -> list[ArchiveAsset]:
    schedule.plan()
    rows = ArchiveAsset.objects.filter(track__in=tracks)
    return leases.claim(rows, ArchiveAsset.machine, limit=len(tracks))


def tried(asset: ArchiveAsset) -> float:
    """The seconds that one attempt took, in a thread of its own."""
    began = time.monotonic()
    try:
        attempt.archive(asset)
    finally:
        connection.close()
    return time.monotonic() - began


def outcome(track: Track) -> tuple[str, str]:
    asset = asset_of(track)
    return asset.state, asset.error_code


def tried_all(tracks: list[Track], parallel: int = 8) -> list[float]:
    with ThreadPoolExecutor(parallel) as pool:
        return list(pool.map(tried, claimed(tracks)))


def peak_mb() -> float:
    """The most memory that this process had since `forget_peak`."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def forget_peak() -> float:
    Path("/proc/self/clear_refs").write_text("5")
    return peak_mb()


def every_stored_byte_is_right() -> None:
    for blob in Blob.objects.all():
        with storage.open(blob.key) as stored:
            assert hashlib.sha256(stored.read()).hexdigest() == blob.sha256


def test_every_behaviour_has_its_outcome_and_no_neighbour_suffers(ana, provider, settings):
    settings.FETCH_DEADLINE_S, settings.FETCH_MAX_BYTES = {"audio": DEADLINE_S}, {"audio": 3_000_000}
    before = forget_peak()
    tracks = {name: at_provider(provider, ana, behaviour=name) for name in BEHAVIOURS}
    neighbours = [at_provider(provider, ana, seed=seed) for seed in range(2, 12)]
    took = tried_all([*tracks.values(), *neighbours])
    assert {name: outcome(track) for name, track in tracks.items()} == OUTCOMES
    assert {outcome(track) for track in neighbours} == {OURS}
    assert max(took) < DEADLINE_S + SLACK_S
    assert peak_mb() - before < MOST_MB
    every_stored_byte_is_right()
    sent = [audio("mp3", seed=seed) for seed in range(1, 12)]
    hashes = {hashlib.sha256(data).hexdigest() for data in (*sent, flipped(sent[0]))}
    assert set(Blob.objects.values_list("sha256", flat=True)) == hashes
    assert not list(settings.SPOOL.glob("job-*")), "nothing in flight is left"


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


CUTS = {"truncated": len, "truncated_chunked": lambda data: len(chunked(data)), "no_length": lambda data: len(data) + 1}


@pytest.mark.parametrize("behaviour", CUTS)
def test_a_cut_at_any_of_a_hundred_places_is_never_archived(ana, provider, behaviour):
    """F7: a length that is not reached, chunks without their end, and neither of them."""
    whole = CUTS[behaviour](audio("mp3", 0.5))
    places = sorted({0, 1, 2, whole - 1, whole - 2, whole - 3, *range(0, whole, max(1, whole // 94))})[:100]
    tracks = []
    for place in places:
        tracks.append(at_provider(provider, ana, data=audio("mp3", 0.5)))
        provider.behave(tracks[-1].source.audio_url, Behaviour(behaviour, place))
    tried_all(tracks)
    assert len(places) == 100
    assert {outcome(track) for track in tracks} == {CUT}
    assert not Blob.objects.exists() and not TrackFile.objects.exists()


LABELS = (
    "audio/mpeg", "audio/wav", "audio/flac", "audio/mp4", "audio/ogg", "image/jpeg", "image/png", "video/mp4",
    "text/html; charset=utf-8", "application/json", "application/octet-stream", "",
)  # fmt: skip
SOUNDS = {"mp3": "audio/mpeg", "wav": "audio/wav", "flac": "audio/flac", "m4a": "audio/mp4", "ogg": "audio/ogg"}
OTHERS = ("jpeg", "png", "webp", "mp4", "webm", "html", "json")


def test_the_type_is_what_the_bytes_are_whatever_the_label(ana, provider):
    """F12: twelve types under twelve labels."""
    things = {name: make_bytes(name, 1) for name in (*SOUNDS, "jpeg", "png", "webp", "mp4", "webm")}
    things |= {"html": NOT_MEDIA["html"], "json": NOT_MEDIA["json"]}
    tracks = {
        (name, label): at_provider(provider, ana, data=data, label=label)
        for name, data in things.items()
        for label in LABELS
    }
    tried_all(list(tracks.values()))
    assert len(tracks) == 144
    for (name, label), track in tracks.items():
        expected = OURS if name in SOUNDS else REFUSED if name in ("html", "json") else NO_SOUND
        assert outcome(track) == expected, (name, label)
    kept = {track.pk: blob.mime for track, blob in _kept()}
    assert kept == {track.pk: SOUNDS[name] for (name, _), track in tracks.items() if name in SOUNDS}


def _kept():
    for file in TrackFile.objects.filter(role="original").select_related("track", "blob"):
        yield file.track, file.blob


@pytest.mark.parametrize("kind", ["cover", "video"])
def test_what_is_sound_is_neither_cover_nor_video(ana, provider, kind):
    track = at_provider(provider, ana, **{kind: True})
    url = track.source.urls()[kind]
    provider.publish("suno", "sound", make_bytes("mp3"), "audio/mpeg")
    provider.behave(url, Behaviour("instead", "/suno/sound"))
    run_all()
    assert [asset_of(track, kind).state, asset_of(track, kind).error_code] == list(NO_SOUND)
    assert outcome(track) == OURS


def encrypted_m4a() -> bytes:
    """Sound under a key that nobody gave us (ISO/IEC 23001-7)."""
    with tempfile.TemporaryDirectory() as folder:
        plain, made = Path(folder) / "plain", Path(folder) / "made.mp4"
        plain.write_bytes(make_bytes("m4a"))
        keys = ["-encryption_key", "0f" * 16, "-encryption_kid", "a0" * 16]
        ffmpeg("-i", str(plain), "-c", "copy", "-encryption_scheme", "cenc-aes-ctr", *keys, "-f", "mp4", str(made))
        return made.read_bytes()


def silence(seconds: float) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "silence.wav"
        synth.write_wav(path, np.zeros((round(seconds * synth.RATE), 2), np.float32))
        return path.read_bytes()


def test_sound_that_cannot_be_heard_is_none_and_silence_is_sound(ana, provider):
    locked = at_provider(provider, ana, data=encrypted_m4a())
    quiet = at_provider(provider, ana, data=silence(2), duration_ms=2000)
    other = at_provider(provider, ana, duration_ms=90_000)
    tried_all([locked, quiet, other])
    assert outcome(locked) == UNREADABLE
    assert outcome(quiet) == OURS
    assert outcome(other) == ("retrying", "WRONG_DURATION")


def test_what_is_stored_is_what_came_with_the_try_that_was_believed(ana, provider):
    """Another whole file than the last time is as good as the first: nobody puts two tries together."""
    track = at_provider(provider, ana, data=audio("mp3", seed=4))
    provider.publish("suno", "first", audio("mp3", seed=5), "audio/mpeg")
    provider.behave(track.source.audio_url, Behaviour("truncated", times=1))
    tried_all([track])
    provider.behave(track.source.audio_url, Behaviour("instead", "/suno/first", times=1))
    ArchiveAsset.objects.update(next_at=clock.now())
    tried_all([track])
    assert outcome(track) == OURS
    assert asset_of(track).blob.sha256 == hashlib.sha256(audio("mp3", seed=5)).hexdigest()
