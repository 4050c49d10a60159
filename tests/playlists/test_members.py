"""Who is let into a playlist, and out (S4-14)."""

import pytest

from apps.accounts.models import Notice, User
from apps.lib.errors import NotFound, Refusal
from apps.playlists import members
from apps.playlists.models import Member, Playlist
from tests.make import make_playlist, make_user

pytestmark = pytest.mark.django_db


def test_somebody_is_let_in_once_and_told_once(ana, bob):
    playlist = make_playlist(ana)
    _, new = members.put(playlist=playlist, username="BOB", role="viewer")
    _, again = members.put(playlist=playlist, username="bob", role="editor")
    assert (new, again, Member.objects.get().role) == (True, False, "editor")
    notice = Notice.objects.get(user=bob)
    assert "Evening" in notice.message and notice.link == f"/playlists/{playlist.pk}"


def test_who_is_let_in_and_dropped_over_and_over_is_told_once(ana, bob):
    playlist = make_playlist(ana)
    for role in ("viewer", "editor", "viewer"):
        member, new = members.put(playlist=playlist, username="bob", role=role)
        members.drop(member=member)
        assert new
    assert Notice.objects.filter(user=bob).count() == 1


def test_a_member_who_is_dropped_loses_sight_at_once(ana, bob):
    playlist = make_playlist(ana)
    member, _ = members.put(playlist=playlist, username="bob", role="editor")
    assert Playlist.objects.visible_to(bob).exists()
    members.drop(member=member)
    assert not Playlist.objects.visible_to(bob).exists()


@pytest.mark.parametrize(
    ("username", "role", "field"), [("ana", "viewer", "username"), ("bob", "owner", "role"), ("bob", "", "role")]
)
def test_the_owner_and_an_unknown_role_are_refused(ana, bob, username, role, field):
    with pytest.raises(Refusal) as refused:
        members.put(playlist=make_playlist(ana), username=username, role=role)
    assert (refused.value.code, list(refused.value.fields)) == ("INVALID", [field])


def test_nobody_unknown_or_switched_off_is_let_in(ana, bob):
    User.objects.filter(pk=bob.pk).update(is_active=False)
    for name in ("bob", "nobody"):
        with pytest.raises(NotFound):
            members.put(playlist=make_playlist(ana), username=name, role="viewer")


def test_members_end_somewhere(ana, bob, monkeypatch):
    monkeypatch.setattr(members, "MOST", 1)
    playlist = make_playlist(ana)
    members.put(playlist=playlist, username="bob", role="viewer")
    assert not members.put(playlist=playlist, username="bob", role="editor")[1]
    make_user("cleo")
    with pytest.raises(Refusal) as refused:
        members.put(playlist=playlist, username="cleo", role="viewer")
    assert (refused.value.code, refused.value.status) == ("TOO_MANY_MEMBERS", 409)
