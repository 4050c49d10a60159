"""What is made of an original, as a queue that survives its workers."""

import dataclasses
import datetime as dt
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from django.db import transaction

from apps.catalog import actions, derive, files, sweeper
from apps.catalog.models import Blob, Derivation, Section, Track, TrackFile
from apps.catalog.models.derivation import PATIENCE
from apps.lib import clock, media, storage
from apps.lib.media import MediaError
from deploy.demo import synth
from tests.lib.made import make_talk
from tests.lib.threads import impatient, side_by_side
from tests.make import make_audio, make_generated, make_playable, make_track

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_original_yields_a_smaller_copy_a_preview_and_a_waveform(ana):
    """S0-05, S0-14; ratio and sizes true to the bytes."""
    track = make_playable(ana, seconds=3, derived=True)
    roles = {file.role: file for file in track.files.select_related("blob")}
    assert set(roles) == {"original", "audio", "preview", "waveform"}
    copy, original = roles["audio"], roles["original"]
    assert storage.size(copy.blob.key) == copy.blob.size < original.blob.size == copy.original_file_size
    assert float(copy.compression_ratio) == round(original.blob.size / copy.blob.size, 2)
    assert copy.duration_ms == pytest.approx(3000, rel=0.02)
    with roles["waveform"].blob.open() as stored:
        waveform = json.load(stored)
    assert waveform["version"] == 2 and len(waveform["data"]) == 2 * waveform["length"]
    assert Derivation.objects.get(track=track).state == "done"


def test_a_track_that_somebody_holds_for_long_costs_its_row_no_try(ana):
    track = make_playable(ana)
    (row,) = derive.claim(limit=1, track=track)
    with transaction.atomic():
        files.lock_live(track.pk)
        assert side_by_side(impatient(lambda: derive.run(row))) == [False]
    row.refresh_from_db()
    assert (row.state, row.error_code, row.attempts, row.crashes) == ("retrying", "IO_ERROR", 0, 0)
    (row,) = derive.claim(limit=1, track=track, now=clock.now() + dt.timedelta(minutes=2))
    assert derive.run(row)


@pytest.fixture
def urgent(monkeypatch):
    monkeypatch.setattr(derive, "_urgent", {"test": lambda: True})


def make_archived(owner) -> Track:
    """A generation whose sound is here, and nothing made of it."""
    track = make_generated(owner)
    bring(track)
    return track


def bring(track: Track, *, seconds: float = 2.0) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = make_audio(Path(folder) / "original", seconds=seconds)
        probe = media.probe(path)
        files.attach_original(track=track, blob=files.blob_for(storage.put(path), probe.format), probe=probe)


def test_nothing_is_made_of_what_is_archived_while_something_more_urgent_needs_the_machine(ana, urgent, monkeypatch):
    track = make_archived(ana)
    assert derive.claim(limit=1) == []
    monkeypatch.setattr(derive, "_urgent", {"test": lambda: False})
    assert [row.track for row in derive.claim(limit=1)] == [track]


def test_what_somebody_uploaded_or_asked_for_is_made_all_the_same(ana, urgent):
    archived, uploaded = make_archived(ana), make_playable(ana)
    assert [row.track for row in derive.claim(limit=2)] == [uploaded]
    derive.again(track=archived)
    assert [row.track for row in derive.claim(limit=2)] == [archived]


def test_another_original_is_made_into_files_at_once(ana, urgent):
    track = make_archived(ana)
    bring(track, seconds=1)
    assert [row.track for row in derive.claim(limit=1)] == [track]


def test_nothing_gives_way_for_longer_than_an_hour(ana, urgent):
    """Neither what never had its turn nor what a killed worker left."""
    make_archived(ana)
    later = clock.now() + PATIENCE + dt.timedelta(seconds=1)
    assert derive.claim(limit=1, now=later)
    assert derive.claim(limit=1, now=later + dt.timedelta(minutes=10)) == []
    assert derive.claim(limit=1, now=later + PATIENCE + dt.timedelta(minutes=10))


def make_two_parts(owner) -> Track:
    """Twenty seconds of music, loud from the ninth to the seventeenth."""
    music = synth.compose(3, 20, tempo=120, pitch_class=0, mode="major")
    music[: 9 * synth.RATE] *= 0.05
    music[17 * synth.RATE :] *= 0.05
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "music.mp3"
        synth.write_mp3(path, music)
        probe, track = media.probe(path), make_track(owner)
        files.attach_original(track=track, blob=files.blob_for(storage.put(path), probe.format), probe=probe)
    return track


def derived_preview(track: Track) -> TrackFile:
    (row,) = derive.claim(limit=1, track=track)
    assert derive.run(row)
    return TrackFile.objects.get(track=track, role="preview")


def test_the_preview_is_the_telling_part_and_says_where_it_lies(ana, monkeypatch):
    """The loud passage; of the chorus when somebody said where that is."""
    monkeypatch.setattr(media, "PREVIEW_MS", 6000)
    track = make_two_parts(ana)
    preview = derived_preview(track)
    assert 8_500 <= preview.starts_ms <= 11_500
    assert preview.duration_ms == pytest.approx(6000, abs=60)
    Section.objects.create(track=track, name="Last Chorus", start_ms=4_000, end_ms=8_000)
    derive.again(track=track)
    assert derived_preview(track).starts_ms == 4_000


def make_sounding(owner, sound) -> Track:
    """A track of these samples as a WAV, with everything made of it."""
    track = make_track(owner)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.wav"
        synth.write_wav(path, sound)
        probe = media.probe(path)
        files.attach_original(track=track, blob=files.blob_for(storage.put(path), probe.format), probe=probe)
    (row,) = derive.claim(limit=1, track=track)
    assert derive.run(row)
    return Track.objects.get(pk=track.pk)


def test_original_and_copy_know_how_loud_they_are(ana):
    music = synth.compose(3, 6, tempo=120, pitch_class=0, mode="major")
    track = make_sounding(ana, 0.5 * music)
    original, copy = track.file("original"), track.file("audio")
    assert original.loudness_lufs == pytest.approx(copy.loudness_lufs, abs=1)
    assert -30 < original.loudness_lufs < -10 and -15 < original.true_peak_dbtp < -5
    louder = make_sounding(ana, music).file("original")
    assert float(louder.loudness_lufs - original.loudness_lufs) == pytest.approx(6.02, abs=0.1)


def test_silence_has_no_peak(ana):
    original = make_sounding(ana, np.zeros((3 * synth.RATE, 2), np.float32)).file("original")
    assert (original.loudness_lufs, original.true_peak_dbtp) == (-70, None)


def test_a_voice_takes_half_of_the_bytes_of_music(ana):
    assert make_sounding(ana, make_talk()).file("audio").bit_rate == pytest.approx(96_000, rel=0.02)


def test_a_voice_beside_another_one_is_compressed_as_music(ana):
    """Two people, one in each ear: what speech is compressed to is for one place in the room."""
    both = make_talk().copy()
    both[:, 1] = np.roll(both[:, 0], 3 * synth.RATE)
    assert make_sounding(ana, both).file("audio").bit_rate == pytest.approx(192_000, rel=0.02)


def worse(monkeypatch, **facts) -> None:
    """Whatever copy is made comes out like this."""
    proven = media.proven

    def changed(path):
        made, heard = proven(path)
        return (dataclasses.replace(made, **facts) if path.name == "audio.mp3" else made), heard

    monkeypatch.setattr(media, "proven", changed)


@pytest.mark.parametrize("facts", [{"duration_ms": 1200}, {"size": 330_000}])
def test_a_copy_that_is_shorter_or_hardly_smaller_does_not_serve(ana, monkeypatch, facts):
    worse(monkeypatch, **facts)
    track = make_playable(ana, derived=True)
    assert track.served.role == "original" and track.file("audio") is None


def test_a_copy_that_is_not_as_loud_does_not_serve(ana):
    """A tone that no MP3 holds: the copy is silent."""
    t = np.arange(4 * synth.RATE) / synth.RATE
    tone = np.repeat((0.5 * np.sin(2 * np.pi * 21_000 * t))[:, None], 2, axis=1).astype(np.float32)
    assert make_sounding(ana, tone).served.role == "original"


def test_a_copy_that_is_no_longer_better_goes(ana, monkeypatch):
    track = make_playable(ana, derived=True)
    assert track.served.role == "audio"
    worse(monkeypatch, duration_ms=10)
    derive.again(track=track)
    (row,) = derive.claim(limit=1, track=track)
    assert derive.run(row) and Track.objects.get(pk=track.pk).served.role == "original"


def test_what_is_small_already_is_not_made_again(ana):
    track = make_playable(ana, form="mp3", derived=True)
    assert track.file("audio") is None and track.served.role == "original"


def test_a_failed_compression_leaves_the_original_serving(ana, monkeypatch):
    """S0-14: compression never blocks."""

    def fail(*args, **kwargs):
        raise MediaError("MEDIA_UNREADABLE", "no")

    monkeypatch.setattr(media, "transcode", fail)
    track = make_playable(ana, derived=True)
    assert track.file("audio") is None and track.served.role == "original" and track.file("preview")


def test_our_own_faults_cost_no_attempt_and_heal(ana, monkeypatch):
    make_playable(ana)
    now = clock.now()
    with monkeypatch.context() as broken:
        broken.setattr(storage, "put", lambda *a, **k: (_ for _ in ()).throw(storage.StorageFailed()))
        for _ in range(7):
            (row,) = derive.claim(limit=1, now=now)
            assert derive.run(row, now=now) is False
            row.refresh_from_db()
            assert (row.state, row.attempts, row.error_code) == ("retrying", 0, "STORAGE_FAILED")
            now = row.next_at
    (row,) = derive.claim(limit=1, now=now)
    assert derive.run(row) is True


def test_a_file_that_cannot_be_worked_is_tried_again_later_and_given_up_at_last(ana, monkeypatch):
    track = make_playable(ana)
    monkeypatch.setattr(media, "preview", lambda *a, **k: (_ for _ in ()).throw(MediaError("MEDIA_UNREADABLE", "no")))
    now = clock.now()
    for attempt in range(1, 6):
        (row,) = derive.claim(limit=1, now=now)
        assert derive.run(row, now=now) is False
        row.refresh_from_db()
        assert (row.attempts, row.error_code) == (attempt, "MEDIA_UNREADABLE")
        now = row.next_at or now
    assert row.state == "failed" and derive.claim(limit=1, now=now + dt.timedelta(days=9)) == []
    assert track.served.role == "original"


def test_a_file_that_keeps_killing_its_worker_is_given_up(ana):
    make_playable(ana)
    for _ in range(5):
        assert derive.claim(limit=1)
        Derivation.objects.update(lease_until=clock.now() - dt.timedelta(seconds=1))
    assert derive.claim(limit=1) == []
    assert derive.give_up_poison() == 1
    assert Derivation.objects.get().state == "failed"


def test_no_file_lands_on_a_track_that_was_removed_meanwhile(ana):
    track = make_playable(ana)
    (row,) = derive.claim(limit=1)
    actions.remove(track=track, by=ana)
    assert derive.run(row) is False
    assert not TrackFile.objects.filter(track=track).exists()
    assert derive.claim(limit=1) == []


def test_what_was_made_of_a_track_that_was_removed_meanwhile_is_swept(ana, monkeypatch):
    """Refused after they were stored: bytes of a person who left must not stay for ever."""
    track, put, keys = make_playable(ana, seconds=3), storage.put, []

    def meanwhile(path, **kwargs):
        if not keys:
            actions.remove(track=track, by=ana)
        keys.append(put(path, **kwargs).key)
        return put(path, **kwargs)

    (row,) = derive.claim(limit=1)
    monkeypatch.setattr(storage, "put", meanwhile)
    assert derive.run(row) is False and len(keys) == 3
    for days in (0, 3):
        sweeper.sweep(now=clock.now() + dt.timedelta(days=days))
    assert not Blob.objects.exists() and not any(storage.exists(key) for key in keys)
