"""`/playlists` and `/playlists/<id>` as people see them."""

import re

import pytest

from apps.catalog import actions as catalog
from apps.playlists import members
from apps.playlists.models import Playlist
from apps.playlists.views import pages
from tests.doors.world import make_with_files
from tests.make import make_playlist, make_track

pytestmark = pytest.mark.django_db


def there(playlist) -> str:
    return f"/playlists/{playlist.pk}"


def shown(client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return answer.content.decode()


def test_tracks_stand_in_their_order_each_with_its_button(client, ana):
    tracks = [make_with_files(ana, title=title) for title in ("Zebra", "Aardvark", "Mole")]
    page = shown(client, there(make_playlist(ana, *tracks, is_public=True)))
    assert re.findall(r'data-title="(\w+)"', page) == ["Zebra", "Aardvark", "Mole"]
    assert "data-player" in page and "playlist.js" not in page and "/move" not in page


def test_a_private_track_says_so_to_who_hears_it(client, ana):
    playlist = make_playlist(ana, make_track(ana, title="Mine", is_public=False), make_track(ana), is_public=True)
    client.force_login(ana)
    assert shown(client, there(playlist)).count(">Private</span>") == 1


def test_what_the_visitor_does_not_see_keeps_its_place_without_a_word_of_it(client, ana, bob):
    secret = make_track(bob, title="Sesame", artist="Nobody")
    playlist = make_playlist(ana, make_track(ana, title="First"), secret, make_track(ana, title="Last"), is_public=True)
    catalog.edit(track=secret, by=bob, is_public=False)
    page = shown(client, there(playlist))
    assert page.index("First") < page.index("Private track") < page.index("Last")
    assert "Sesame" not in page and str(secret.pk) not in page
    assert "<span>2 tracks</span>" in page


def test_a_private_playlist_is_not_there_for_others(client, ana, bob):
    playlist = make_playlist(ana)
    shown(client, there(playlist), 404)
    client.force_login(bob)
    shown(client, there(playlist), 404)
    members.put(playlist=playlist, username="bob", role="viewer")
    assert "Leave this playlist" in shown(client, there(playlist))


def test_who_may_fill_it_moves_by_forms(client, ana):
    playlist = make_playlist(ana, make_track(ana), make_track(ana))
    client.force_login(ana)
    page = shown(client, there(playlist))
    assert page.count("/move") == 4 and page.count("/remove") == 2 and "playlist.js" in page
    assert f'data-version="{playlist.version}"' in page
    assert "/edit" in page


def test_a_long_playlist_comes_in_pages_that_count_on(client, ana, monkeypatch):
    monkeypatch.setattr(pages, "PER_PAGE", 2)
    playlist = make_playlist(ana, *(make_track(ana, title=f"T{n}") for n in range(5)), is_public=True)
    page = shown(client, f"{there(playlist)}?page=2")
    assert 'start="3"' in page and "T2" in page and "T4" not in page and "T1" not in page
    assert '<a rel="next" href="?page=3">After</a>' in page


@pytest.mark.parametrize("count", [1, 20])
def test_a_page_costs_the_same_for_one_track_and_for_twenty(client, ana, count, django_assert_max_num_queries):
    playlist = make_playlist(ana, *(make_with_files(ana) for _ in range(count)), is_public=True)
    client.get(there(playlist))
    with django_assert_max_num_queries(14):
        client.get(there(playlist))


def test_the_list_shows_ones_own_what_one_joined_and_what_is_public(client, ana, bob):
    make_playlist(ana, name="Mine alone")
    joined = make_playlist(bob, name="Ours")
    make_playlist(bob, name="For all", is_public=True)
    members.put(playlist=joined, username="ana", role="viewer")
    page = shown(client, "/playlists")
    assert "For all" in page and "Mine alone" not in page and "Ours" not in page
    client.force_login(ana)
    page = shown(client, "/playlists")
    assert page.index("Mine alone") < page.index("Shared with you") < page.index("Ours") < page.index("For all")


def test_a_name_makes_a_playlist_and_none_is_said_to_be_missing(client, ana):
    assert client.post("/playlists", {"name": "New"}).url == "/sign-in?next=/playlists"
    client.force_login(ana)
    assert client.post("/playlists", {"name": "New"}).url == there(Playlist.objects.get(name="New"))
    refused = client.post("/playlists", {"name": "x" * 300})
    assert refused.status_code == 400 and b"1 to 255 characters" in refused.content


def test_a_person_shows_their_public_playlists(client, ana):
    make_playlist(ana, name="For all", is_public=True)
    make_playlist(ana, name="Mine alone")
    page = shown(client, "/people/ana")
    assert "For all" in page and "Mine alone" not in page
    client.force_login(ana)
    assert "Mine alone" not in shown(client, "/people/ana")
