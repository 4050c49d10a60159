"""Tracks in the export. What becomes of them when their person leaves is in tests/accounts/test_departure.py."""

import pytest

from apps.accounts import chapters, departure
from apps.catalog import actions, files, plays
from apps.catalog.models import FormerFile, Play, Track
from apps.lib import storage
from apps.lib.formats import FORMATS
from tests.make import make_generated, make_playable, make_track

pytestmark = pytest.mark.django_db


@pytest.fixture
def chapter():
    (found,) = (each for each in chapters.CHAPTERS if each.name == "tracks")
    return found


def test_every_fact_of_a_track_is_told(ana, chapter):
    track = make_playable(ana, is_public=False, mood=["calm"], isrc="QZABC2400001", tempo=120, pitch_class=1)
    (row,) = chapter.rows(ana)
    columns = {field.attname for field in Track._meta.concrete_fields} - {"owner_id"}
    assert columns < set(row)
    assert (row["mood"], row["isrc"], row["pitch_class"], row["is_public"]) == (["calm"], "QZABC2400001", 1, False)
    (original,) = (file for file in row["files"] if file["role"] == "original")
    blob = track.file("original").blob
    assert (original["sha256"], original["size"], original["mime"]) == (blob.sha256, blob.size, "audio/wav")
    assert row["derivation"]["state"] == "due" and row["source"] is None


def test_where_a_generated_track_came_from_is_told(ana, chapter):
    make_generated(ana)
    (row,) = chapter.rows(ana)
    assert row["source"]["provider_id"] == "suno" and row["source"]["audio_url"].startswith("https://")


def test_what_came_from_outside_is_there_as_a_file(ana, bob, chapter):
    track = make_playable(ana)
    for role, form in (("cover", "jpeg"), ("preview", "mp3")):
        blob = files.blob_for(storage.put_bytes(role.encode()), FORMATS[form])
        files.attach(track=track, role=role, blob=blob)
    make_playable(bob)
    found = {file.path: file for file in chapter.files(ana)}
    assert set(found) == {f"tracks/{track.pk}/original.wav", f"tracks/{track.pk}/cover.jpg"}
    with found[f"tracks/{track.pk}/cover.jpg"].open() as opened:
        assert opened.read() == b"cover"


def test_what_a_track_sounded_like_before_is_there_too(ana, bob, chapter):
    track, blob = make_playable(ana), files.blob_for(storage.put_bytes(b"before"), FORMATS["mp3"])
    former = FormerFile.objects.create(track=track, blob=blob, file_name="first.mp3", replaced_by=bob)
    (row,) = chapter.rows(ana)
    path = f"tracks/{track.pk}/former-{former.pk}.mp3"
    assert [(told["file_name"], told["sha256"], told["path"]) for told in row["former_files"]] == [
        ("first.mp3", blob.sha256, path)
    ]
    assert str(bob.pk) not in str(row["former_files"])
    (found,) = (file for file in chapter.files(ana) if file.path == path)
    with found.open() as opened:
        assert opened.read() == b"before"


def test_what_somebody_heard_is_told_to_them_alone_and_without_the_key_to_it(ana, bob):
    (chapter,) = (each for each in chapters.CHAPTERS if each.name == "plays")
    track = make_track(bob)
    plays.play(track=track, user=ana, network="203.0.113.7")
    (row,) = chapter.rows(ana)
    assert row["track_id"] == track.pk and row["played_at"] and not {"listener", "user_id"} & set(row)
    assert list(chapter.rows(bob)) == []


def test_who_leaves_takes_along_what_they_heard_and_what_was_not_counted_yet_still_counts(ana, bob):
    heard, counted = make_track(bob), make_track(bob)
    plays.play(track=counted, user=ana, network="203.0.113.7")
    plays.count()
    plays.play(track=heard, user=ana, network="203.0.113.7")
    departure.part(user=ana, tracks="remove")
    assert Play.objects.get().user is None and plays.count() == 1
    assert set(Track.objects.values_list("play_count", flat=True)) == {1}


def test_removed_tracks_are_told_as_what_is_left_of_them(ana, chapter):
    track = make_track(ana)
    actions.remove(track=track, by=ana)
    (row,) = chapter.rows(ana)
    assert (row["status"], row["title"], row["files"]) == ("removed", "", [])


def test_a_list_of_many_asks_no_more_often_than_a_list_of_one(ana, chapter, django_assert_max_num_queries):
    for number in range(3):
        make_playable(ana, title=f"Number {number}")
    with django_assert_max_num_queries(4):
        assert len(list(chapter.rows(ana))) == 3


def test_what_one_changed_is_told_without_words_of_others(ana, mod):
    track = make_track(ana, title="Secret song")
    actions.edit(track=track, by=mod, genre="House")
    (changes,) = (each for each in chapters.CHAPTERS if each.name == "changes")
    (row,) = changes.rows(mod)
    assert (row["track_id"], row["fields"], row["action"]) == (track.pk, ["genre"], "U")
    assert "House" not in str(row) and "Secret" not in str(row)
