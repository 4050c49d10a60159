"""Who sees and fills which playlist (S4-14)."""

import pytest
from django.contrib.auth.models import AnonymousUser

from apps.lib.errors import Forbidden, NotFound
from apps.playlists import members
from apps.playlists.models import Entry, Member, Playlist
from tests.make import make_playlist, make_track, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(ana, bob, mod, boss):
    return {"anonymous": AnonymousUser(), "owner": ana, "stranger": bob, "moderator": mod, "admin": boss,
            "viewer": make_user("vera"), "editor": make_user("eve")}  # fmt: skip


def in_it(playlist, people) -> None:
    for role in ("viewer", "editor"):
        members.put(playlist=playlist, username=people[role].profile.username, role=role)


def who(people, rule) -> set[str]:
    return {name for name, person in people.items() if rule(person)}


def test_a_private_playlist_is_seen_by_its_people_and_staff_alone(people):
    playlist = make_playlist(people["owner"])
    in_it(playlist, people)
    seen = who(people, lambda user: Playlist.objects.visible_to(user).exists())
    assert seen == {"owner", "viewer", "editor", "moderator", "admin"}
    assert who(people, lambda user: Member.objects.visible_to(user).exists()) == seen


def test_a_public_playlist_is_seen_by_all_and_its_members_are_not(people):
    playlist = make_playlist(people["owner"], make_track(people["owner"]), is_public=True)
    in_it(playlist, people)
    assert who(people, lambda user: Playlist.objects.visible_to(user).exists()) == set(people)
    assert who(people, lambda user: Entry.objects.visible_to(user).exists()) == set(people)
    shared = who(people, lambda user: Member.objects.visible_to(user).exists())
    assert shared == {"owner", "viewer", "editor", "moderator", "admin"}


@pytest.mark.parametrize(("collaborative", "editors"), [(False, set()), (True, {"editor"})])
def test_editors_fill_while_it_is_collaborative_and_change_nothing_else(people, collaborative, editors):
    playlist = make_playlist(people["owner"], is_collaborative=collaborative)
    in_it(playlist, people)
    staff = {"moderator", "admin"}
    assert who(people, lambda user: Playlist.objects.fillable_by(user).exists()) == {"owner", *staff, *editors}
    assert who(people, lambda user: Playlist.objects.editable_by(user).exists()) == {"owner", *staff}


def test_who_may_not_fill_is_told_so_only_where_they_see(people):
    playlist = make_playlist(people["owner"], is_collaborative=True)
    in_it(playlist, people)
    with pytest.raises(NotFound):
        Playlist.objects.get_fillable(people["stranger"], pk=playlist.pk)
    with pytest.raises(Forbidden):
        Playlist.objects.get_fillable(people["viewer"], pk=playlist.pk)
    assert Playlist.objects.get_fillable(people["editor"], pk=playlist.pk) == playlist


def test_members_are_changed_by_the_owner_and_leave_by_themselves(people):
    playlist = make_playlist(people["owner"])
    in_it(playlist, people)
    for name, roles in (("viewer", {"viewer"}), ("owner", {"viewer", "editor"}), ("stranger", set())):
        rows = Member.objects.editable_by(people[name])
        assert set(rows.values_list("role", flat=True)) == roles
