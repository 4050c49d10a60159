"""The same bytes again (S0-29)."""

import io

import pytest

from apps.catalog import actions as catalog
from apps.catalog import derive, sweeper
from apps.catalog.models import Blob, Track
from apps.lib import clock, storage
from apps.uploads import actions
from apps.uploads.models import Upload
from tests.lib.threads import side_by_side
from tests.make import audio, make_track

pytestmark = pytest.mark.django_db(transaction=True)


def bring(user, body: bytes | None = None, **facts) -> Upload:
    return actions.receive(user=user, content=io.BytesIO(body or audio("wav")), file_name="song.wav", **facts)


def test_the_same_bytes_by_the_same_person_are_the_track_they_have(ana):
    first = bring(ana, title="First", is_public=False)
    again = bring(ana, title="Second", is_public=True)
    assert (again.state, again.is_duplicate, again.track_id) == ("ready", True, first.track_id)
    track = Track.objects.get()
    assert (track.title, track.is_public) == ("First", False)


def test_another_person_has_a_track_of_their_own_and_the_bytes_are_kept_once(ana, bob):
    mine, theirs = bring(ana), bring(bob)
    assert (theirs.state, theirs.is_duplicate) == ("checked", False)
    assert mine.track_id != theirs.track_id
    assert Blob.objects.filter(files__role="original").distinct().count() == 1


def test_a_removed_track_is_not_there_any_more(ana):
    first = bring(ana)
    catalog.remove(track=first.track, by=ana)
    again = bring(ana)
    assert not again.is_duplicate and again.track_id != first.track_id


def test_a_track_that_was_merged_away_is_not_handed_out(ana):
    first = bring(ana)
    Track.machine.move(first.track, "merged", merged_into=make_track(ana), removed_at=clock.now())
    assert bring(ana).track_id != first.track_id


def test_a_track_that_has_another_audio_meanwhile_is_another(ana):
    first = bring(ana)
    bring(ana, audio("flac", 3.0, seed=9), replaces=first.track)
    again = bring(ana)
    assert not again.is_duplicate and again.track_id != first.track_id


def test_the_houses_tracks_and_ones_own_are_two(mod):
    own, house = bring(mod), bring(mod, library=True)
    assert own.track_id != house.track_id
    assert bring(mod, library=True).track_id == house.track_id
    assert bring(mod).track_id == own.track_id


def test_two_at_once_make_one_track(ana):
    uploads = side_by_side(*[lambda: bring(ana)] * 4)
    assert Track.objects.count() == 1 and len({upload.track_id for upload in uploads}) == 1
    assert sorted(upload.is_duplicate for upload in uploads) == [False, True, True, True]


def test_a_second_upload_that_fails_never_touches_the_first_ones_bytes(ana, monkeypatch):
    first = bring(ana)
    key = first.track.files.get(role="original").blob.key
    monkeypatch.setattr(catalog, "create", lambda **facts: 1 / 0)
    bring(ana)  # it is theirs already: nothing is made
    for days in (0, 10):
        sweeper.sweep(now=clock.now() + days * sweeper.KEPT)
    assert storage.exists(key)
    assert [derive.run(row) for row in derive.claim(limit=5)] == [True]
