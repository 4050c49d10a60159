"""`/playlists` and `/playlists/{id}` (S0-10, S0-12, S4-14)."""

import io
import json

import pytest

from apps.catalog import actions as catalog
from apps.playlists import actions, members
from apps.playlists.models import Cover, Playlist
from tests.accounts.test_avatars import picture
from tests.make import make_playlist, make_track

pytestmark = pytest.mark.django_db

LIST = "/api/v1/playlists"


def at(playlist, *more) -> str:
    return "/".join([LIST, str(playlist.pk), *more])


def names(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]


def test_a_playlist_is_made_changed_and_deleted(as_, ana):
    client = as_(ana)
    made = client.post(LIST, {"name": "  Late  ", "is_collaborative": True}, format="json")
    assert (made.status_code, made.json()["name"], made.json()["role"]) == (201, "Late", "owner")
    assert (made.json()["is_public"], made.json()["track_count"], made.json()["version"]) == (False, 0, 1)
    playlist = Playlist.objects.get()
    changed = client.patch(at(playlist), {"is_public": True, "description": "Slow"}, format="json").json()
    assert (changed["name"], changed["is_public"], changed["description"]) == ("Late", True, "Slow")
    assert client.delete(at(playlist)).status_code == 204
    assert client.get(at(playlist)).status_code == 404


@pytest.mark.parametrize("name", ["", "  ", "x" * 256, "x" * 5000, None, "\x00"])
def test_a_name_that_is_none_is_400(as_, ana, name):
    answer = as_(ana).post(LIST, {"name": name}, format="json")
    assert (answer.status_code, answer.json()["code"], list(answer.json()["errors"])) == (400, "INVALID", ["name"])


def test_said_twice_under_one_key_it_is_made_once(as_, ana):
    answers = [
        as_(ana).post(LIST, {"name": "Once"}, format="json", headers={"Idempotency-Key": "k"}).json() for _ in range(2)
    ]
    assert answers[0] == answers[1] and Playlist.objects.count() == 1


def test_an_unchanged_playlist_is_304_and_a_changed_one_never(as_, ana, bob):
    """The tag is of all that one sees: also a track that was edited, hidden or removed makes another one."""
    tracks = [make_track(ana, title=f"{n}") for n in range(4)]
    playlist, client = make_playlist(ana, *tracks, is_public=True), as_(bob)
    seen = set()

    def again(known: str) -> str:
        assert client.get(at(playlist), headers={"If-None-Match": known}).status_code == 304
        return known

    for change in (
        lambda: None,
        lambda: catalog.edit(track=tracks[0], by=ana, title="Other"),
        lambda: catalog.edit(track=tracks[1], by=ana, is_public=False),
        lambda: catalog.edit(track=tracks[1], by=ana, is_public=True),
        lambda: catalog.remove(track=tracks[2], by=ana),
        lambda: actions.edit(playlist=Playlist.objects.get(), name="Other"),
        lambda: actions.move(entry=playlist.entries.order_by("position")[0], position=1),
        lambda: make_playlist(ana, tracks[0], is_public=True),
    ):
        change()
        tag = client.get(at(playlist))["ETag"]
        assert tag.startswith(f'"{Playlist.objects.get(pk=playlist.pk).version}-')
        assert again(tag) not in seen
        seen.add(tag)
        assert all(client.get(at(playlist), headers={"If-None-Match": old}).status_code == 200 for old in seen - {tag})


def test_lists_are_of_ones_own_of_those_one_joined_and_of_what_is_public(as_, ana, bob):
    mine = make_playlist(ana, name="mine")
    make_playlist(ana, name="shown", is_public=True)
    make_playlist(bob, name="his")
    members.put(playlist=mine, username="bob", role="viewer")
    assert names(as_(ana).get(LIST)) == ["shown", "mine"]
    assert names(as_(bob).get(LIST)) == ["his", "mine"]
    assert names(as_(bob).get(LIST, {"show": "own"})) == ["his"]
    assert names(as_(bob).get(LIST, {"show": "joined"})) == ["mine"]
    assert names(as_(bob).get(LIST, {"show": "public"})) == names(as_(None).get(LIST)) == ["shown"]
    assert names(as_(bob).get(LIST, {"owner": "ANA"})) == ["shown", "mine"]
    assert names(as_(None).get(LIST, {"owner": "ana"})) == ["shown"]
    assert names(as_(ana).get(LIST, {"q": "HOW"})) == ["shown"]
    for who in (ana, bob, None):
        assert names(as_(who).get("/api/v1/users/ana/playlists")) == ["shown"]


def test_a_list_tells_what_a_playlist_tells_but_its_tracks(as_, ana):
    playlist = make_playlist(ana, make_track(ana))
    whole = as_(ana).get(at(playlist)).json()
    assert as_(ana).get(LIST).json()["results"] == [{k: v for k, v in whole.items() if k != "tracks"}]


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"show": "all"}, 400, "INVALID"), ({"limit": "0"}, 400, "INVALID"), ({"cursor": "x"}, 400, "INVALID"),
        ({"show": "own"}, 401, "SIGN_IN_REQUIRED"), ({"owner": "nobody"}, 404, "NOT_FOUND"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(as_, asked, status, code):
    answer = as_(None).get(LIST, asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_pages_lead_on_and_back(as_, ana):
    for n in range(5):
        make_playlist(ana, name=f"{n}")
    client, found, link = as_(ana), [], f"{LIST}?limit=2"
    while link:
        page = client.get(link)
        found += names(page)
        link = page.json()["next"]
    assert found == list("43210")
    assert names(client.get(page.json()["previous"])) == ["2", "1"]


@pytest.mark.parametrize("path", [LIST, "/api/v1/users/ana/playlists"])
def test_a_list_costs_the_same_for_one_playlist_and_for_twenty(as_, ana, path, django_assert_num_queries):
    client = as_(ana)
    for count in (1, 19):
        for _ in range(count):
            make_playlist(ana, make_track(ana), is_public=True)
        client.get(path)
        with django_assert_num_queries(4 if path == LIST else 6) as spent:
            client.get(path)
    assert spent


def test_a_cover_is_put_seen_by_who_sees_the_playlist_and_dropped(as_, ana, bob):
    playlist = make_playlist(ana)
    sent = as_(ana).put(at(playlist, "cover"), {"file": picture()}, format="multipart")
    assert sent.json()["cover_url"].endswith(at(playlist, "cover"))
    shown = as_(ana).get(at(playlist, "cover"))
    assert (shown.status_code, shown["Content-Type"]) == (200, "image/webp")
    tag = {"If-None-Match": shown["ETag"]}
    assert as_(ana).get(at(playlist, "cover"), headers=tag).status_code == 304
    assert as_(bob).get(at(playlist, "cover"), headers=tag).status_code == 404
    actions.edit(playlist=playlist, is_public=True)
    assert as_(None).get(at(playlist, "cover"), headers={"Accept": "image/*"}).status_code == 200
    assert as_(bob).put(at(playlist, "cover"), {"file": picture()}, format="multipart").status_code == 403
    assert as_(ana).delete(at(playlist, "cover")).status_code == 204
    assert (as_(ana).get(at(playlist, "cover")).status_code, Cover.objects.count()) == (404, 0)


@pytest.mark.parametrize(
    ("file", "status", "code"),
    [
        (b"", 400, "EMPTY_FILE"), (b"<svg/>", 400, "INVALID_PICTURE"),
        (bytes(5 * 1024 * 1024 + 1), 413, "FILE_TOO_LARGE"),
    ],
)  # fmt: skip
def test_what_is_no_cover_is_refused(as_, ana, file, status, code):
    answer = as_(ana).put(at(make_playlist(ana), "cover"), {"file": io.BytesIO(file)}, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_nothing_of_what_one_does_not_see_is_in_any_answer(as_, ana, bob):
    secret = make_track(bob, title="Sesame", artist="Nobody knows")
    playlist = make_playlist(ana, secret, is_public=True)
    catalog.edit(track=secret, by=bob, is_public=False)
    for path in (at(playlist), at(playlist, "entries"), LIST, "/api/v1/users/ana/playlists"):
        for who in (ana, None):
            said = json.dumps(as_(who).get(path).json())
            assert "Sesame" not in said and str(secret.pk) not in said and '"track_count": 1' not in said
