"""Forms that add, move and take out."""

import pytest

from apps.catalog import actions as catalog
from apps.playlists import members
from apps.playlists.models import Entry, Playlist
from tests.make import make_playlist, make_track

pytestmark = pytest.mark.django_db


def order(playlist) -> list:
    return list(Entry.objects.filter(playlist=playlist).order_by("position").values_list("track__title", flat=True))


def said(client, answer) -> str:
    assert answer.status_code == 302
    return client.get(answer.url).content.decode()


def test_a_tracks_page_offers_the_playlists_that_one_may_fill(client, ana, bob):
    track = make_track(ana)
    make_playlist(ana, name="Mine")
    make_playlist(bob, name="Closed", is_public=True)
    for name, role in (("Editing", "editor"), ("Viewing", "viewer")):
        members.put(playlist=make_playlist(bob, name=name, is_collaborative=True), username="ana", role=role)
    page = f"/tracks/{track.pk}"
    assert "Add to a playlist" not in client.get(page).content.decode()
    client.force_login(ana)
    offered = client.get(page).content.decode()
    assert all(f">{name}</option>" in offered for name in ("Mine", "Editing", "A new one"))
    assert "Closed" not in offered and "Viewing" not in offered


def test_a_track_is_added_from_its_page_to_one_or_to_a_new_one(client, ana):
    track, playlist = make_track(ana), make_playlist(ana, name="Mine")
    client.force_login(ana)
    answer = client.post("/playlists/add", {"track_id": track.pk, "playlist": playlist.pk})
    assert "Added to “Mine”." in said(client, answer) and order(playlist) == ["Night Train"]
    client.post("/playlists/add", {"track_id": track.pk, "playlist": "", "name": "New"})
    assert order(Playlist.objects.get(name="New")) == ["Night Train"]


def test_what_is_refused_is_said_and_leaves_no_empty_playlist(client, ana, bob):
    track, playlist = make_track(ana), make_playlist(ana)
    client.force_login(ana)
    for _ in range(2):
        answer = client.post("/playlists/add", {"track_id": track.pk, "playlist": playlist.pk})
    assert "Track already in playlist." in said(client, answer)
    hidden = make_track(bob)
    catalog.edit(track=hidden, by=bob, is_public=False)
    client.post("/playlists/add", {"track_id": hidden.pk, "name": "New"})
    assert not Playlist.objects.filter(name="New").exists()
    assert client.post("/playlists/add", {"track_id": "x"}).status_code == 400


def test_an_entry_is_moved_and_taken_out_by_its_forms(client, ana):
    playlist = make_playlist(ana, *(make_track(ana, title=letter) for letter in "abc"))
    entry = Entry.objects.get(track__title="a")
    client.force_login(ana)
    there = f"/playlists/{playlist.pk}"
    moved = client.post(f"{there}/entries/{entry.pk}/move", {"position": 2, "page": "3"})
    assert (moved.url, order(playlist)) == (f"{there}?page=3", ["b", "c", "a"])
    assert client.post(f"{there}/entries/{entry.pk}/move", {"position": "x"}).status_code == 400
    same = client.post(f"{there}/entries/{entry.pk}/move", {"position": 2, "page": "٣"})
    assert same.url == there  # a digit that no header holds
    gone = client.post(f"{there}/entries/{entry.pk}/remove", {"page": "https://evil.example"})
    assert (gone.url, order(playlist)) == (there, ["b", "c"])
