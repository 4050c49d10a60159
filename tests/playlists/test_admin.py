"""Staff's desk for playlists."""

import pytest
from django.contrib.admin.models import LogEntry

from apps.playlists import members
from apps.playlists.models import Cover, Entry, Playlist
from tests.make import make_playlist, make_track

pytestmark = pytest.mark.django_db

LIST = "/admin/playlists/playlist/"


@pytest.fixture
def desk(client, mod):
    client.force_login(mod)
    return client


def found(desk, **asked) -> list[str]:
    return [playlist.name for playlist in desk.get(LIST, asked).context["cl"].result_list]


def test_a_playlist_is_found_by_name_owner_and_id(desk, ana, bob):
    one = make_playlist(ana, name="Late night")
    make_playlist(bob, name="Morning", is_public=True, is_collaborative=True)
    assert found(desk, q="night") == found(desk, q="ana") == found(desk, q=str(one.pk)) == ["Late night"]
    assert found(desk, seen="private") == ["Late night"]
    assert found(desk, seen="public") == found(desk, shared="yes") == ["Morning"]


def test_its_page_shows_tracks_in_their_order_and_members(desk, ana, bob):
    tracks = [make_track(ana, title=title, is_public=False) for title in ("Zebra", "Aardvark")]
    playlist = make_playlist(ana, *tracks)
    members.put(playlist=playlist, username="bob", role="editor")
    shown = desk.get(f"{LIST}{playlist.pk}/change/").content.decode()
    assert 0 < shown.index("Zebra") < shown.index("Aardvark")
    assert "bob@example.org" in shown and "editor" in shown.lower()


def test_a_track_is_taken_out_and_the_playlists_history_says_so(desk, ana):
    playlist = make_playlist(ana, make_track(ana, title="Zebra"), make_track(ana))
    entry = Entry.objects.order_by("position")[0]
    answer = desk.post(f"/admin/playlists/entry/{entry.pk}/take-out/")
    assert answer.url == f"{LIST}{playlist.pk}/change/"
    assert Entry.objects.count() == 1 and Playlist.objects.get().version == playlist.version + 1
    log = LogEntry.objects.get()
    assert (log.object_id, log.get_change_message()) == (str(playlist.pk), "Took out “Zebra”.")


def test_an_entry_is_called_by_its_track_and_its_playlist(desk, ana):
    entry = make_playlist(ana, make_track(ana, title="Zebra"), name="Late night").entries.get()
    page = desk.get(f"/admin/playlists/entry/{entry.pk}/change/").content.decode()
    assert "“Zebra” in “Late night”" in page and f"{entry.track_id} in" not in page
    assert "entrys" not in desk.get("/admin/playlists/entry/").content.decode().lower()


def test_a_cover_is_dropped_and_a_playlist_deleted(desk, ana):
    playlist = make_playlist(ana, make_track(ana))
    Cover.objects.create(playlist=playlist, image=b"x", sha256="0" * 64)
    desk.post(f"{LIST}{playlist.pk}/drop-cover/")
    assert not Cover.objects.exists()
    desk.post(f"{LIST}{playlist.pk}/remove-playlist/")
    assert not Playlist.objects.exists()
    assert LogEntry.objects.filter(object_id=str(playlist.pk)).count() == 2
