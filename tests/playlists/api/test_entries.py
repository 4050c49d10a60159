"""`/playlists/{id}/entries` (S0-26)."""

import uuid

import pytest

from apps.catalog import actions as catalog
from apps.playlists import members
from apps.playlists.models import Entry, Playlist
from tests.make import make_playlist, make_post, make_track

pytestmark = pytest.mark.django_db


def at(playlist, *more) -> str:
    return "/".join(["/api/v1/playlists", str(playlist.pk), "entries", *map(str, more)])


def order(playlist) -> list:
    return list(Entry.objects.filter(playlist=playlist).order_by("position").values_list("track", flat=True))


def test_a_track_is_added_and_told_where_it_stands(as_, ana):
    playlist, track = make_playlist(ana, make_track(ana)), make_track(ana, title="New")
    answer = as_(ana).post(at(playlist), {"track_id": str(track.pk), "position": 0}, format="json")
    said = answer.json()
    assert (answer.status_code, answer["ETag"]) == (201, '"3"')
    assert (said["position"], said["track_id"], said["track"]["title"], said["added_by"]) == (
        0, str(track.pk), "New", "ana",
    )  # fmt: skip
    assert as_(ana).get(at(playlist, said["id"])).json() == said


def test_a_track_is_added_by_a_post_that_shows_it(as_, ana, bob):
    """Sources: post, library, search (S0-26)."""
    playlist, track = make_playlist(ana), make_track(bob)
    post = make_post(bob, "Mine", track=track)
    answer = as_(ana).post(at(playlist), {"post_id": str(post.pk)}, format="json")
    assert (answer.status_code, order(playlist)) == (201, [track.pk])


@pytest.mark.parametrize("what", ["text", "hidden", "private", "unknown"])
def test_a_post_lends_no_track(as_, ana, bob, what):
    playlist, track = make_playlist(ana), make_track(bob)
    post = make_post(bob, "Only words") if what == "text" else make_post(bob, "Mine", track=track)
    if what == "hidden":
        type(post).machine.move(post, "hidden")
    if what == "private":
        catalog.edit(track=track, by=bob, is_public=False)
    key = uuid.uuid4() if what == "unknown" else post.pk
    answer = as_(ana).post(at(playlist), {"post_id": str(key)}, format="json")
    expected = (403, "TRACK_FORBIDDEN") if what == "private" else (404, "TRACK_NOT_FOUND")
    assert (answer.status_code, answer.json()["code"]) == expected
    assert order(playlist) == []


@pytest.mark.parametrize("body", [{}, {"track_id": None}, {"track_id": "x"}, {"track_id": "T", "post_id": "T"}, []])
def test_what_names_no_track_is_400(as_, ana, body):
    if body:
        body = {name: str(uuid.uuid4()) if key == "T" else key for name, key in body.items()}
    answer = as_(ana).post(at(make_playlist(ana)), body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID")


@pytest.mark.parametrize("position", [-1, 10**9, 10**30, "x", "", 1.5, [], True, "9" * 2000])
def test_what_is_no_place_is_400_with_its_code_and_moves_nothing(as_, ana, position):
    tracks = [make_track(ana) for _ in range(3)]
    playlist, new = make_playlist(ana, *tracks), make_track(ana)
    entry = Entry.objects.order_by("position")[0]
    answers = [as_(ana).patch(at(playlist, entry.pk), {"position": position}, format="json")]
    answers += [as_(ana).post(at(playlist), {"track_id": str(new.pk), "position": position}, format="json")]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_POSITION"), answer.content
        assert answer.json()["detail"] == "Failed to calculate track position"
        assert list(answer.json()["errors"]) == ["position"]
    assert order(playlist) == [track.pk for track in tracks]


def test_an_entry_moves_and_goes(as_, ana):
    tracks = [make_track(ana) for _ in range(3)]
    playlist, client = make_playlist(ana, *tracks), as_(ana)
    first, _, last = Entry.objects.order_by("position")
    moved = client.patch(at(playlist, first.pk), {"position": 2}, format="json")
    assert (moved.status_code, moved.json()["position"], moved["ETag"]) == (200, 2, '"5"')
    gone = client.delete(at(playlist, last.pk))
    assert (gone.status_code, gone["ETag"], order(playlist)) == (204, '"6"', [tracks[1].pk, tracks[0].pk])
    assert client.delete(at(playlist, last.pk)).status_code == 404


@pytest.mark.parametrize("form", ["{tag}", '"{version}"', 'W/{tag}, "999"', "*", None])
def test_who_saw_this_version_moves(as_, ana, form):
    playlist, client = make_playlist(ana, make_track(ana), make_track(ana)), as_(ana)
    tag = client.get(f"/api/v1/playlists/{playlist.pk}")["ETag"]
    headers = {"If-Match": form.format(tag=tag, version=playlist.version)} if form else {}
    entry = Entry.objects.order_by("position")[0]
    assert client.patch(at(playlist, entry.pk), {"position": 1}, format="json", headers=headers).status_code == 200


@pytest.mark.parametrize("form", ['"1"', '"1-abc", "2-def"', "3", "nonsense", '""', '"-3"'])
def test_who_saw_another_version_is_412_and_nothing_happens(as_, ana, form):
    playlist, client = make_playlist(ana, make_track(ana), make_track(ana)), as_(ana)
    entry, before = Entry.objects.order_by("position")[0], order(playlist)
    late, body = {"If-Match": form}, {"track_id": str(make_track(ana).pk)}
    for answer in (
        client.patch(at(playlist, entry.pk), {"position": 1}, format="json", headers=late),
        client.delete(at(playlist, entry.pk), headers=late),
        client.post(at(playlist), body, format="json", headers=late),
    ):
        assert (answer.status_code, answer.json()["code"]) == (412, "PLAYLIST_CHANGED")
    assert (order(playlist), Playlist.objects.get().version) == (before, 3)


def test_entries_come_in_pages_of_their_order(as_, ana):
    tracks = [make_track(ana) for _ in range(5)]
    playlist, found, link = make_playlist(ana, *tracks), [], "?limit=2"
    link = at(playlist) + link
    while link:
        page = as_(ana).get(link).json()
        found += page["results"]
        link = page["next"]
    assert [row["position"] for row in found] == list(range(5))
    assert found == as_(ana).get(f"/api/v1/playlists/{playlist.pk}").json()["tracks"]


@pytest.mark.parametrize("count", [1, 20])
def test_a_playlist_costs_the_same_for_one_track_and_for_twenty(as_, ana, count, django_assert_num_queries):
    playlist = make_playlist(ana, *(make_track(ana) for _ in range(count)), is_public=True)
    for path, most in ((f"/api/v1/playlists/{playlist.pk}", 2), (at(playlist), 3)):
        as_(None).get(path)
        with django_assert_num_queries(most):
            as_(None).get(path)


def test_editors_fill_and_viewers_do_not(as_, ana, bob):
    playlist = make_playlist(ana, make_track(ana), is_collaborative=True)
    body, entry = {"track_id": str(make_track(bob).pk)}, Entry.objects.get()
    expected = {None: 404, "viewer": 403, "editor": 201}
    for role, status in expected.items():
        if role:
            members.put(playlist=playlist, username="bob", role=role)
        assert as_(bob).post(at(playlist), body, format="json").status_code == status
        moved = as_(bob).patch(at(playlist, entry.pk), {"position": 0}, format="json").status_code
        assert moved == (200 if status == 201 else status)
    assert Entry.objects.get(added_by=bob)


def test_an_entry_of_another_playlist_is_not_found(as_, ana):
    one, other = make_playlist(ana, make_track(ana)), make_playlist(ana)
    entry = Entry.objects.get(playlist=one)
    for call in (as_(ana).get, as_(ana).delete):
        assert call(at(other, entry.pk)).status_code == 404
