"""Another recording for a track, and the way back."""

import functools
import io

import pytest

from apps.catalog import actions as catalog
from apps.catalog import derive, plays, sweeper
from apps.catalog.models import Change, Derivation, FormerFile, Track
from apps.lib import clock, storage
from apps.lib.errors import Refusal
from apps.social import likes
from apps.uploads import actions, replacing
from apps.uploads.models import Upload
from tests.lib.threads import side_by_side
from tests.make import audio, make_playable, make_playlist, make_post

pytestmark = pytest.mark.django_db(transaction=True)


def bring(track: Track, body: bytes, by, name: str = "new.wav") -> Upload:
    return actions.receive(user=by, content=io.BytesIO(body), file_name=name, replaces=track)


def sound_of(track: Track) -> str:
    return track.files.get(role="original").blob.sha256


def test_the_track_stays_what_it_is_and_sounds_otherwise(ana, bob):
    track = make_playable(ana, derived=True, genre="Ambient", is_public=True)
    playlist, post = make_playlist(bob, track), make_post(ana, track=track)
    likes.like(post=post, by=bob)
    plays.play(track=track, user=bob, network="203.0.113.7")
    before, old = Track.objects.get(pk=track.pk), sound_of(track)
    upload = bring(track, audio("flac", 3.0, seed=9), ana)
    after = Track.objects.get(pk=track.pk)
    assert (upload.state, upload.track_id, Track.objects.count()) == ("checked", track.pk, 1)
    assert sound_of(after) == upload.sha256 != old and after.duration_ms == 3000
    for name in ("pk", "title", "genre", "is_public", "created_at", "number", "status", "owner_id"):
        assert getattr(after, name) == getattr(before, name)
    assert playlist.entries.get().track_id == track.pk and post.likes.count() == 1
    assert track.plays.count() == 1


def test_nobody_hears_the_old_sound_under_the_new_one(ana):
    track = make_playable(ana, derived=True)
    assert {"preview", "waveform"} <= set(track.files.values_list("role", flat=True))
    bring(track, audio("flac", 3.0, seed=9), ana)
    assert set(track.files.values_list("role", flat=True)) == {"original"}
    assert [derive.run(row) for row in derive.claim(limit=5)] == [True]
    assert {"preview", "waveform"} <= set(track.files.values_list("role", flat=True))
    assert track.files.get(role="preview").duration_ms == pytest.approx(3000, abs=100)


def test_who_makes_things_of_the_old_sound_at_this_moment_settles_in_vain(ana):
    track = make_playable(ana)
    (row,) = derive.claim(limit=1, track=track)
    bring(track, audio("flac", 3.0, seed=9), ana)
    assert not derive.run(row)
    assert set(track.files.values_list("role", flat=True)) == {"original"}
    row = Derivation.objects.get(track=track)
    assert row.source_sha256 == sound_of(track)
    assert [derive.run(row) for row in derive.claim(limit=5, now=clock.now())] == [True]


def test_what_it_was_is_kept_and_comes_back_with_its_facts(ana):
    track = make_playable(ana, form="mp3", derived=True)
    facts = ("blob_id", "codec", "duration_ms", "sample_rate", "channels", "bit_rate")
    before = [getattr(track.files.get(role="original"), name) for name in facts]
    new = bring(track, audio("flac", 3.0, seed=9), ana, "second.flac").sha256
    former = FormerFile.objects.get()
    assert (former.replaced_by, former.file_name) == (ana, "")
    replacing.restore(former=former, by=ana)
    assert [getattr(track.files.get(role="original"), name) for name in facts] == before
    assert Track.objects.get(pk=track.pk).duration_ms == before[2]
    (turned,) = replacing.former(track)
    assert (turned.blob.sha256, turned.file_name, turned.duration_ms) == (new, "second.flac", 3000)
    assert Derivation.objects.get(track=track).state == "due"


def test_former_bytes_are_never_swept_while_they_can_be_put_back(ana):
    track = make_playable(ana)
    key = track.files.get(role="original").blob.key
    bring(track, audio("flac", 3.0, seed=9), ana)
    for days in (0, 10):
        sweeper.sweep(now=clock.now() + days * sweeper.KEPT)
    assert storage.exists(key)


def test_the_bytes_of_a_removed_track_go_with_what_it_was(ana):
    track = make_playable(ana)
    keys = [track.files.get(role="original").blob.key]
    bring(track, audio("flac", 3.0, seed=9), ana)
    keys.append(track.files.get(role="original").blob.key)
    catalog.remove(track=Track.objects.get(pk=track.pk), by=ana)
    assert not FormerFile.objects.exists()
    for days in (0, 10):
        sweeper.sweep(now=clock.now() + days * sweeper.KEPT)
    assert not any(map(storage.exists, keys))


def test_two_who_replace_at_once_leave_one_sound_and_lose_none(ana):
    track = make_playable(ana)
    old, sounds = sound_of(track), (audio("flac", 3.0, seed=9), audio("flac", 3.0, seed=8))
    came = side_by_side(*[functools.partial(bring, track, body, ana) for body in sounds])
    assert [upload.state for upload in came] == ["checked", "checked"]
    kept = {former.blob.sha256 for former in replacing.former(track)}
    assert kept | {sound_of(track)} == {old, *(upload.sha256 for upload in came)} and len(kept) == 2


def test_two_who_put_it_back_at_once_do_it_once(ana):
    track = make_playable(ana)
    old = sound_of(track)
    bring(track, audio("flac", 3.0, seed=9), ana)
    former = FormerFile.objects.get()

    def back():
        try:
            replacing.restore(former=former, by=ana)
        except Refusal as refusal:
            return refusal.status
        return 200

    assert sorted(side_by_side(back, back)) == [200, 404]
    assert (sound_of(track), FormerFile.objects.count()) == (old, 1)


def test_the_same_audio_again_changes_nothing(ana):
    track = make_playable(ana)
    upload = bring(track, audio("wav"), ana)
    assert (upload.state, upload.is_duplicate, upload.track_id) == ("ready", True, track.pk)
    assert not FormerFile.objects.exists()


def test_going_back_by_uploading_leaves_no_double(ana):
    track = make_playable(ana)
    bring(track, audio("flac", 3.0, seed=9), ana)
    bring(track, audio("wav"), ana)
    assert [former.blob.mime for former in replacing.former(track)] == ["audio/flac"]


def test_another_tracks_sound_may_be_taken(ana):
    track, other = make_playable(ana), make_playable(ana, form="flac", title="Other")
    upload = bring(track, audio("flac"), ana)
    assert upload.track_id == track.pk and sound_of(track) == sound_of(other)


def test_a_file_that_is_no_music_leaves_the_track_as_it_was(ana):
    track = make_playable(ana)
    with pytest.raises(Refusal):
        bring(track, b"no music" * 100, ana)
    assert sound_of(track) and not FormerFile.objects.exists()


def test_a_track_that_went_meanwhile_takes_no_audio(ana, monkeypatch):
    track = make_playable(ana)
    difference = replacing._difference

    def meanwhile(*args):
        catalog.remove(track=Track.objects.get(pk=track.pk), by=ana)
        return difference(*args)

    monkeypatch.setattr(replacing, "_difference", meanwhile)
    with pytest.raises(Refusal):
        bring(track, audio("flac", 3.0, seed=9), ana)
    upload = Upload.objects.get()
    assert (upload.state, upload.track_id, track.files.count()) == ("refused", None, 0)


def test_the_history_tells_who_replaced_what(ana):
    track = make_playable(ana)
    old = sound_of(track)
    bring(track, audio("flac", 3.0, seed=9), ana)
    change = Change.objects.filter(track=track, table="catalog_trackfile", new__has_key="sha256").latest("pk")
    assert (change.by_id, change.old["sha256"], change.new["sha256"]) == (ana.pk, old, sound_of(track))


@pytest.mark.parametrize(
    "body, said",
    [
        (audio("mp3", 12.0), ""),
        (audio("wav", 16.0), "It lasts 0:16 instead of 0:12."),
        (audio("wav", 12.0, seed=2), "It sounds like another recording than the one before."),
    ],
)
def test_a_sound_that_is_another_is_told_in_words(ana, body, said):
    track = make_playable(ana, seconds=12.0)
    upload = bring(track, body, ana)
    assert upload.sounds_different == replacing.warning(track) == said


def test_the_warning_stays_when_the_same_audio_is_sent_again(ana):
    track, other = make_playable(ana, seconds=12.0), audio("wav", 12.0, seed=2)
    said = bring(track, other, ana).sounds_different
    assert bring(track, other, ana).is_duplicate and replacing.warning(track) == said != ""


def test_the_warning_goes_when_the_former_audio_is_back(ana):
    track = make_playable(ana, seconds=12.0)
    bring(track, audio("wav", 12.0, seed=2), ana)
    assert replacing.warning(track)
    replacing.restore(former=FormerFile.objects.get(), by=ana)
    assert not replacing.warning(track)


def test_a_store_that_lost_the_old_bytes_is_no_reason_to_refuse_the_new_ones(ana):
    track = make_playable(ana)
    storage.remove(track.files.get(role="original").blob.key)
    assert bring(track, audio("flac", 3.0, seed=9), ana).state == "checked"
