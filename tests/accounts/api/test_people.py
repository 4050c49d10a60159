"""`/users/{username}`: what everybody may know of a person."""

import pytest

from apps.accounts import profiles
from apps.accounts.models import User
from tests.accounts.test_avatars import picture
from tests.make import make_track

pytestmark = pytest.mark.django_db


def test_a_person_shows_nothing_private(as_, ana):
    """S0-11, S4-11: username, picture and words about themself, and nothing else."""
    profiles.edit(user=ana, display_name="Ana B.", first_name="Hidden", last_name="Name", bio="Loops.", country="PT")
    as_(ana).put("/api/v1/me/avatar", {"file": picture()}, format="multipart")
    answer = as_(None).get("/api/v1/users/ANA")
    body = answer.json()
    assert set(body) == {"id", "username", "display_name", "bio", "avatar_url", "stats"}
    assert (body["username"], body["display_name"], body["bio"]) == ("ana", "Ana B.", "Loops.")
    assert b"Hidden" not in answer.content and b"example.org" not in answer.content
    assert as_(None).get(body["avatar_url"]).status_code == 200


def test_who_is_switched_off_or_unknown_is_404(as_, ana):
    User.objects.filter(pk=ana.pk).update(is_active=False)
    for name in ("ana", "nobody", "an%25"):
        for path in (f"/api/v1/users/{name}", f"/api/v1/users/{name}/tracks"):
            refused = as_(None).get(path)
            assert (refused.status_code, refused.json()["code"]) == (404, "NOT_FOUND")


def test_a_persons_tracks_are_the_public_ones_and_for_the_owner_and_staff_all_who_ask(as_, ana, bob, mod):
    """S0-22."""
    shown, hidden = make_track(ana, title="Shown"), make_track(ana, title="Hidden", is_public=False)
    make_track(bob)
    gone = make_track(ana)
    as_(ana).delete(f"/api/v1/tracks/{gone.pk}")

    def seen(who, ask=""):
        return [row["id"] for row in as_(who).get(f"/api/v1/users/Ana/tracks{ask}").json()["results"]]

    all_of_them = "?include_private=1"
    assert seen(None) == seen(bob) == seen(ana) == seen(None, all_of_them) == seen(bob, all_of_them) == [str(shown.pk)]
    assert seen(ana, all_of_them) == seen(mod, all_of_them) == [str(hidden.pk), str(shown.pk)]


def test_a_track_names_its_owners_picture(as_, ana, django_assert_num_queries):
    track = make_track(ana)
    address = as_(ana).put("/api/v1/me/avatar", {"file": picture()}, format="multipart").json()["avatar_url"]
    client = as_(None)
    with django_assert_num_queries(2):
        assert client.get(f"/api/v1/tracks/{track.pk}").json()["owner"]["avatar_url"] == address
