"""`/playlists/{id}/members` (S4-14)."""

import pytest

from apps.playlists.models import Member
from tests.make import make_playlist, make_track, make_user

pytestmark = pytest.mark.django_db


def at(playlist, *more) -> str:
    return "/".join(["/api/v1/playlists", str(playlist.pk), "members", *more])


def test_the_owner_lets_in_changes_and_drops(as_, ana, bob):
    playlist, client = make_playlist(ana), as_(ana)
    assert client.put(at(playlist, "bob"), {"role": "viewer"}, format="json").status_code == 201
    changed = client.put(at(playlist, "BOB"), {"role": "editor"}, format="json")
    assert (changed.status_code, changed.json()["role"], changed.json()["username"]) == (200, "editor", "bob")
    assert [row["username"] for row in client.get(at(playlist)).json()["results"]] == ["bob"]
    assert client.delete(at(playlist, "Bob")).status_code == 204
    assert client.delete(at(playlist, "bob")).status_code == 404


def test_a_member_leaves_and_loses_sight_of_it(as_, ana, bob):
    playlist = make_playlist(ana, make_track(ana))
    as_(ana).put(at(playlist, "bob"), {"role": "editor"}, format="json")
    there = f"/api/v1/playlists/{playlist.pk}"
    assert as_(bob).get(there).json()["role"] == "editor"
    assert as_(bob).delete(at(playlist, "bob")).status_code == 204
    for path in (there, f"{there}/entries", at(playlist), f"{there}/cover"):
        assert as_(bob).get(path).status_code == 404


def test_no_member_changes_members(as_, ana, bob):
    playlist, cleo = make_playlist(ana, is_collaborative=True), make_user("cleo")
    for name in ("bob", "cleo"):
        as_(ana).put(at(playlist, name), {"role": "viewer"}, format="json")
    assert as_(bob).put(at(playlist, "bob"), {"role": "editor"}, format="json").status_code == 403
    assert as_(bob).delete(at(playlist, "cleo")).status_code == 403
    assert set(Member.objects.values_list("role", "user")) == {("viewer", bob.pk), ("viewer", cleo.pk)}


def test_who_is_in_a_public_playlist_is_nobody_elses_business(as_, ana, bob):
    playlist = make_playlist(ana, is_public=True)
    assert as_(bob).get(at(playlist)).status_code == 403
    assert as_(bob).delete(at(playlist, "ana")).status_code == 404


@pytest.mark.parametrize(("username", "body", "status"), [("bob", {"role": "owner"}, 400), ("bob", {}, 400),
    ("ana", {"role": "viewer"}, 400), ("nobody", {"role": "viewer"}, 404)])  # fmt: skip
def test_what_is_no_member_is_refused(as_, ana, bob, username, body, status):
    assert as_(ana).put(at(make_playlist(ana), username), body, format="json").status_code == status
