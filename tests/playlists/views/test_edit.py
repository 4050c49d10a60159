"""`/playlists/<id>/edit` and what its forms do."""

import io

import pytest

from apps.playlists import actions, members
from apps.playlists.models import Cover, Member, Playlist
from tests.accounts.test_avatars import picture
from tests.make import make_playlist

pytestmark = pytest.mark.django_db


@pytest.fixture
def playlist(client, ana, bob):
    client.force_login(ana)
    return make_playlist(ana, description="Slow", is_public=True)


def at(playlist, what: str) -> str:
    return f"/playlists/{playlist.pk}/{what}"


def test_words_and_switches_are_shown_and_saved(client, playlist):
    page = client.get(at(playlist, "edit")).content.decode()
    assert 'value="Evening"' in page and "Slow" in page and "checked" in page
    saved = client.post(at(playlist, "edit"), {"name": "Night", "description": "", "is_collaborative": "on"})
    assert saved.url == f"/playlists/{playlist.pk}"
    now = Playlist.objects.get()
    assert (now.name, now.description, now.is_public, now.is_collaborative) == ("Night", "", False, True)
    refused = client.post(at(playlist, "edit"), {"name": "x" * 300})
    assert refused.status_code == 400 and b"1 to 255 characters" in refused.content


def test_a_cover_is_put_refused_and_dropped(client, playlist):
    assert client.post(at(playlist, "cover"), {"file": picture()}).status_code == 302
    assert at(playlist, "cover") in client.get(at(playlist, "edit")).content.decode()
    kept = Cover.objects.get().sha256
    refused = client.post(at(playlist, "cover"), {"file": io.BytesIO(b"<svg/>")})
    assert refused.status_code == 400 and b"not a picture" in refused.content
    assert Cover.objects.get().sha256 == kept
    assert client.post(at(playlist, "cover"), {"drop": "1"}).status_code == 302
    assert not Cover.objects.exists()


def test_members_are_let_in_and_out(client, playlist):
    assert client.post(at(playlist, "members"), {"username": "bob", "role": "editor"}).status_code == 302
    assert "bob" in client.get(at(playlist, "edit")).content.decode()
    refused = client.post(at(playlist, "members"), {"username": "ana", "role": "editor"})
    assert refused.status_code == 400 and b"This is the owner" in refused.content
    unknown = client.post(at(playlist, "members"), {"username": "nobody", "role": "editor"})
    assert unknown.status_code == 400
    assert client.post(at(playlist, "members/bob/drop")).url == at(playlist, "edit")
    assert not Member.objects.exists()


def test_a_member_leaves_by_the_playlists_page(client, playlist, bob):
    members.put(playlist=playlist, username="bob", role="viewer")
    client.force_login(bob)
    assert client.post(at(playlist, "members/bob/drop")).url == "/playlists"
    assert not Member.objects.exists()


def test_a_playlist_is_deleted(client, playlist):
    assert client.post(at(playlist, "delete")).url == "/playlists"
    assert not Playlist.objects.exists()


def test_a_page_from_before_a_change_changes_nothing(client, ana):
    """What was made private in one tab is not published from another one that was open already."""
    playlist = make_playlist(ana, is_public=True)
    client.force_login(ana)
    page = client.get(f"/playlists/{playlist.pk}/edit")
    seen = page.context["form"].initial["seen"]
    actions.edit(playlist=playlist, is_public=False)
    sent = {"name": "Other", "is_public": "on", "seen": seen}
    for _ in range(2):
        page = client.post(f"/playlists/{playlist.pk}/edit", sent)
        assert page.status_code == 412 and "Load it again" in page.content.decode()
    playlist.refresh_from_db()
    assert (playlist.name, playlist.is_public) != ("Other", True) and not playlist.is_public
    assert client.post(f"/playlists/{playlist.pk}/edit", {**sent, "seen": actions.mark(playlist)}).status_code == 302
