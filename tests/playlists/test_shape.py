"""The one shape of a playlist: what the database builds equals what REST framework would write (S0-12)."""

import datetime as dt
import json

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts import departure
from apps.accounts.models import Avatar
from apps.catalog import actions as catalog
from apps.catalog import cards
from apps.catalog.models import Credit, Instrument
from apps.playlists import actions, members, shape
from apps.playlists.models import Cover, Entry, Playlist
from tests.doors.world import make_with_files
from tests.make import make_generated, make_playlist, make_track, make_user
from tests.playlists import plain

pytestmark = pytest.mark.django_db

BASE = "http://testserver"


def whole(playlist, viewer=None) -> dict:
    return json.loads(shape.whole(playlist.pk, viewer=viewer or AnonymousUser(), base=BASE)[0])


@pytest.fixture
def full(ana, bob):
    """A shared playlist with everything that tells people apart."""
    vera = make_user("vera")
    Avatar.objects.create(user=ana, image=b"x", sha256="a" * 64)
    rich = make_with_files(ana, tempo="120.5", mood=["calm"], description='"Ä\\ %s {x}"')
    Credit.objects.create(track=rich, name="Zoë", role="composer")
    Instrument.objects.create(track=rich, category="drums")
    tracks = [rich, make_with_files(bob, is_pro_only=True), make_generated(bob), make_track(ana, is_public=False)]
    playlist = make_playlist(ana, *tracks, name='A "night" %s', description="Slow\nones", is_public=True)
    hidden, gone, left = make_track(bob), make_track(bob), make_user("left")
    for track, by in ((hidden, bob), (make_track(bob), left), (gone, bob)):
        actions.add(playlist=playlist, track_id=track.pk, by=by, position=1)
    catalog.edit(track=hidden, by=bob, is_public=False)
    catalog.remove(track=gone, by=bob)
    members.put(playlist=playlist, username="vera", role="editor")
    Cover.objects.create(playlist=playlist, image=b"x", sha256="b" * 64)
    Playlist.objects.filter(pk=playlist.pk).update(created_at=dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC))
    departure.part(user=left, tracks="library")
    return playlist, vera


@pytest.mark.parametrize("who", ["anonymous", "owner", "stranger", "member", "moderator"])
def test_a_playlist_is_what_a_plain_serializer_writes(rf, ana, bob, mod, full, who):
    playlist, vera = full
    viewer = {"anonymous": AnonymousUser(), "owner": ana, "stranger": bob, "member": vera, "moderator": mod}[who]
    ours = whole(playlist, viewer)
    theirs = plain.written(playlist.pk, viewer=viewer, request=rf.get("/"))
    assert ours == json.loads(json.dumps(theirs, default=str))
    assert [each["position"] for each in ours["tracks"]] == list(range(6))
    assert ours["track_count"] == sum(not each["hidden"] for each in ours["tracks"])
    assert ours["role"] == {"owner": "owner", "member": "editor"}.get(who)


def test_what_one_does_not_see_is_an_opaque_stub_in_its_place(ana, bob):
    """S0-28, design §4.1: never dropped, and nothing of it told."""
    tracks = [make_track(bob, title=f"{n}") for n in range(3)]
    playlist = make_playlist(ana, *tracks, is_public=True)
    catalog.edit(track=tracks[1], by=bob, is_public=False)
    entries = whole(playlist, ana)["tracks"]
    assert [entry["hidden"] for entry in entries] == [False, True, False]
    stub = Entry.objects.get(track=tracks[1])
    assert entries[1] == {
        "id": str(stub.pk), "position": 1, "added_at": entries[1]["added_at"], "track_id": None, "track": None,
        "added_by": None, "hidden": True,
    }  # fmt: skip
    assert str(tracks[1].pk) not in json.dumps(entries)
    assert [whole(playlist, viewer)["track_count"] for viewer in (ana, None, bob)] == [2, 2, 3]


def test_a_playlist_never_lends_its_tracks(ana, bob):
    """Not to its members, and not of its owner."""
    playlist = make_playlist(ana, make_track(ana, is_public=False))
    members.put(playlist=playlist, username="bob", role="editor")
    assert whole(playlist, bob)["tracks"][0]["hidden"] and whole(playlist, bob)["track_count"] == 0


def test_an_entry_shows_the_very_card_of_its_track(ana):
    playlist = make_playlist(ana, make_with_files(ana))
    card = whole(playlist, ana)["tracks"][0]["track"]
    assert [json.dumps(card)] == [
        json.dumps(json.loads(each)) for each in cards.read([card["id"]], viewer=ana, base=BASE)
    ]


@pytest.mark.parametrize("count", [1, 20])
def test_any_number_of_entries_is_one_prepared_statement(ana, count):
    playlist = make_playlist(ana, *(make_track(ana) for _ in range(count)), is_public=True)
    with CaptureQueriesContext(connection) as made:
        for _ in range(6):
            assert len(whole(playlist)["tracks"]) == count
    assert len(made) == 6
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%playlists_entry%'")
        assert cursor.fetchone()[0]


def test_some_entries_come_in_the_playlists_order_with_their_places_in_it(ana):
    playlist = make_playlist(ana, *(make_track(ana) for _ in range(5)))
    rows = list(Entry.objects.order_by("position"))
    found = shape.entries(playlist.pk, [rows[3].pk, rows[1].pk], viewer=ana, base=BASE)
    assert [json.loads(each)["position"] for each in found] == [1, 3]
    other = make_playlist(ana, make_track(ana))
    assert shape.entries(other.pk, [rows[0].pk], viewer=ana, base=BASE) == []


def test_where_its_cover_was_before_is_told_until_it_has_one(ana):
    playlist = make_playlist(ana)
    Playlist.objects.update(cover_image_url="https://old.example/1.png")
    assert whole(playlist, ana)["cover_url"] is None
    assert whole(playlist, ana)["cover_image_url"] == "https://old.example/1.png"
    Cover.objects.create(playlist=playlist, image=b"x", sha256="b" * 64)
    there = f"{BASE}/api/v1/playlists/{playlist.pk}/cover"
    assert (whole(playlist, ana)["cover_url"], whole(playlist, ana)["cover_image_url"]) == (there, there)


def test_a_tracks_stats_count_public_playlists_alone(ana, bob):
    """S0-12; what others keep for themselves no number tells."""
    track = make_track(ana)
    playlists = [make_playlist(bob, track, is_public=public) for public in (True, True, False)]

    def count(viewer):
        return json.loads(cards.read([track.pk], viewer=viewer, base=BASE)[0])["stats"]["playlist_count"]

    assert [count(viewer) for viewer in (ana, bob, AnonymousUser())] == [2, 2, 2]
    actions.edit(playlist=playlists[0], is_public=False)
    assert count(bob) == 1
    assert "playlist_count" in cards.SHAPE.schema()["properties"]["stats"]["properties"]


def test_the_schema_tells_of_every_field(ana):
    told = shape.whole_schema()["properties"]
    made = whole(make_playlist(ana, make_track(ana)), ana)
    assert set(told) == set(made)
    assert set(told["tracks"]["items"]["properties"]) == set(made["tracks"][0])
    assert set(told["tracks"]["items"]["properties"]["track"]["properties"]) == set(made["tracks"][0]["track"])


def test_a_playlist_that_is_gone_is_nothing(ana):
    playlist = make_playlist(ana)
    actions.delete(playlist=Playlist.objects.get())
    assert shape.whole(playlist.pk, viewer=ana, base=BASE) is None
    assert shape.read([playlist.pk], viewer=ana, base=BASE) == []
