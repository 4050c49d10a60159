"""Every change of a fact leaves a row, whoever wrote it and however."""

from types import SimpleNamespace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from apps.catalog import actions, files, history
from apps.catalog.models import Blob, Change, Credit, Track
from apps.lib import doors
from tests.doors.desk import make_blob
from tests.make import audio, make_generated, make_playable, make_track

pytestmark = pytest.mark.django_db


def last(track) -> Change:
    return Change.objects.filter(track=track).latest("id")


def test_an_edit_says_who_when_through_which_door_and_old_and_new(ana, as_):
    track = make_track(ana, genre="House")
    assert as_(ana).patch(f"/api/v1/tracks/{track.pk}", {"genre": "Techno"}, format="json").status_code == 200
    change = last(track)
    assert (change.action, change.fields, change.old, change.new) == (
        "U", ["genre"], {"genre": "House"}, {"genre": "Techno"}
    )  # fmt: skip
    assert (change.by, change.door, change.table, change.row_id) == (ana, "api", "catalog_track", track.pk)


def test_a_write_past_the_domain_is_written_down_as_direct(ana):
    track = make_track(ana)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_track SET artist = 'Nobody' WHERE id = %s", [track.pk])
    change = last(track)
    assert (change.by, change.door, change.new) == (None, "direct", {"artist": "Nobody"})


def test_an_edit_that_changes_nothing_leaves_no_row(ana):
    track = make_track(ana, genre="House")
    before = Change.objects.count()
    actions.edit(track=track, by=ana, genre="House")
    assert Change.objects.count() == before


def test_plays_and_popularity_are_no_facts(ana):
    track = make_track(ana)
    before = Change.objects.count()
    Track.objects.filter(pk=track.pk).update(play_count=7, popularity_score=3)
    assert Change.objects.count() == before


def test_parts_are_written_down_whole_when_they_come_and_go(ana):
    track = make_track(ana)
    with history.said(by=ana):
        credit = Credit.objects.create(track=track, name="Ana", role="composer")
    made = last(track)
    assert (made.action, made.row_id, made.new["name"], made.old) == ("I", credit.pk, "Ana", None)
    credit.delete()
    assert (last(track).action, last(track).old["name"], last(track).new) == ("D", "Ana", None)


def test_what_is_said_ends_with_its_block(ana, bob):
    track = make_track(ana)
    with history.said(by=ana), doors.through("admin"):
        with history.said(by=bob):
            Track.objects.filter(pk=track.pk).update(artist="Bob")
        assert last(track).by == bob
        Track.objects.filter(pk=track.pk).update(artist="Ana")
        assert (last(track).by, last(track).door) == (ana, "system")
    Track.objects.filter(pk=track.pk).update(artist="Nobody")
    assert (last(track).by, last(track).door) == (None, "direct")


def test_the_history_tells_that_the_owner_is_another_one_and_never_who(ana, bob):
    """C-07: so nobody who leaves is named in it."""
    track = make_track(ana)
    made = Change.objects.get(track=track, action="I")
    Track.objects.filter(pk=track.pk).update(owner=bob)
    assert "owner_id" in made.fields and "owner_id" not in made.new
    assert (last(track).fields, last(track).old, last(track).new) == (["owner_id"], None, None)


def test_the_history_of_a_removed_track_keeps_no_word_of_it(ana):
    """C-07: who did what stays, what stood there does not."""
    track = make_track(ana, title="Secret song")
    Credit.objects.create(track=track, name="Secret Writer", role="composer")
    actions.remove(track=track, by=ana)
    rows = Change.objects.filter(track=track)
    assert rows.filter(action="U", fields__contains=["title"], by=ana).exists()
    assert not rows.filter(old__isnull=False).exists()
    assert not rows.filter(new__isnull=False).exists()


def told(track) -> list[tuple[str, str | None]]:
    """Door and person of every change of the track."""
    return list(Change.objects.filter(track=track).values_list("door", "by__email").distinct())


def test_an_upload_is_its_persons_doing_until_it_plays(ana, as_):
    file = SimpleUploadedFile("tone.wav", audio(), content_type="audio/wav")
    sent = as_(ana).post("/api/v1/uploads", {"file": file}, format="multipart")
    assert sent.status_code == 201
    track = Track.objects.get()
    assert track.status == "ready" and set(told(track)) <= {("api", ana.email), ("api", None)}


def test_a_registered_generation_is_its_owners_doing(ana):
    track = make_generated(ana)
    assert set(told(track)) <= {("system", ana.email), ("system", None)} and track.status == "ready"


def test_another_original_is_told_with_who_when_and_both_contents(ana, mod):
    """By hash and size: the old bytes' own row is swept."""
    track = make_playable(ana)
    before, new = Blob.objects.get(), make_blob(size=77)
    probe = SimpleNamespace(codec="mp3", duration_ms=2000, sample_rate=44_100, channels=2, bit_rate=128_000)
    with doors.through("admin"), history.said(by=mod):
        files.attach_original(track=track, blob=before, probe=probe)
        assert not Change.objects.filter(table="catalog_trackfile").exists()
        files.attach_original(track=track, blob=new, probe=probe)
    change = Change.objects.get(table="catalog_trackfile")
    assert (change.by, change.door, change.row_id) == (mod, "admin", track.files.get(role="original").pk)
    assert (change.old["sha256"], change.new) == (before.sha256, {"sha256": new.sha256, "size": 77})
    assert change.fields == ["sha256", "size"]
