"""Playlists in an export, and what becomes of them when their people leave."""

import io
import json
from functools import partial

import pytest

from apps.accounts import chapters, departure
from apps.accounts.models import User
from apps.catalog import actions as catalog
from apps.playlists import actions, importing, members
from apps.playlists.models import Cover, Entry, Member, Playlist
from tests.lib.threads import side_by_side
from tests.make import make_playlist, make_track, make_user

pytestmark = pytest.mark.django_db


def rows(user, name: str) -> list[dict]:
    (chapter,) = (each for each in chapters.CHAPTERS if each.name == name)
    return list(chapter.rows(user))


def test_an_export_has_ones_own_playlists_with_what_one_sees_in_them(ana, bob):
    seen, hidden = make_track(bob, title="Seen", artist="Bo"), make_track(bob, title="Sesame")
    playlist = make_playlist(ana, hidden, seen, name="Mine", description="Slow")
    make_playlist(bob, name="His", is_public=True)
    members.put(playlist=playlist, username="bob", role="viewer")
    catalog.edit(track=hidden, by=bob, is_public=False)
    [told] = rows(ana, "playlists")
    assert (told["name"], told["description"], told["is_public"], told["members"]) == ("Mine", "Slow", False, 1)
    assert [(entry["position"], entry.get("title")) for entry in told["entries"]] == [(0, None), (1, "Seen")]
    text = json.dumps(told, default=str)
    assert not any(secret in text for secret in ("Sesame", str(hidden.pk), str(bob.pk)))


def test_an_export_tells_what_one_joined_and_added_elsewhere(ana, bob):
    playlist = make_playlist(ana, make_track(ana), is_collaborative=True)
    members.put(playlist=playlist, username="bob", role="editor")
    added = actions.add(playlist=playlist, track_id=make_track(ana).pk, by=bob)
    assert [(row["playlist_id"], row["role"]) for row in rows(bob, "playlists_joined")] == [(playlist.pk, "editor")]
    assert [row["id"] for row in rows(bob, "playlist_entries")] == [added.pk]
    assert rows(ana, "playlists_joined") == rows(ana, "playlist_entries") == []


def test_an_export_has_no_id_of_a_track_that_became_hidden(ana, bob):
    """S0-28: neither what one added elsewhere nor a line of a file tells it."""
    hidden = make_track(ana, title="Sesame")
    playlist = make_playlist(ana, is_collaborative=True)
    members.put(playlist=playlist, username="bob", role="editor")
    actions.add(playlist=playlist, track_id=hidden.pk, by=bob)
    brought = importing.begin(content=io.BytesIO(f"id\n{hidden.pk}".encode()), file_name="a.csv", by=bob)
    assert importing.finish_if_small(brought)
    told = [*rows(bob, "playlist_entries"), *rows(bob, "playlist_imports")[0]["lines"]]
    assert [row["track_id"] for row in told] == [hidden.pk] * 2
    catalog.edit(track=hidden, by=ana, is_public=False)
    told = [*rows(bob, "playlist_entries"), *rows(bob, "playlist_imports")[0]["lines"]]
    assert [row["track_id"] for row in told] == [None] * 2


def test_a_cover_is_a_file_of_the_export(ana):
    playlist = make_playlist(ana)
    Cover.objects.create(playlist=playlist, image=b"picture", sha256="0" * 64)
    (chapter,) = (each for each in chapters.CHAPTERS if each.name == "playlists")
    [file] = chapter.files(ana)
    assert (file.path, file.open().read()) == (f"playlists/{playlist.pk}.webp", b"picture")


def test_who_leaves_takes_their_playlists_along_and_leaves_no_name_in_others(ana, bob):
    theirs = make_playlist(bob, make_track(ana))
    shared = make_playlist(ana, make_track(ana), is_collaborative=True)
    members.put(playlist=shared, username="bob", role="editor")
    added = actions.add(playlist=shared, track_id=make_track(ana).pk, by=bob)
    departure.part(user=User.objects.get(pk=bob.pk), tracks="remove")
    assert list(Playlist.objects.all()) == [shared] and not Entry.objects.filter(playlist=theirs.pk).exists()
    assert Entry.objects.get(pk=added.pk).added_by is None
    assert not Member.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_who_leaves_while_they_add_is_waited_for_and_nobody_waits_for_ever():
    """Each entry is there before they go, or there is nobody to add it."""
    ana, bob = make_user("ana"), make_user("bob")
    playlists = [make_playlist(owner, make_track(bob), name=f"{n}") for n in range(5) for owner in (ana, bob)]
    tracks = [make_track(ana) for _ in playlists]

    def leave():
        departure.part(user=User.objects.get(pk=bob.pk), tracks="remove")

    adding = (
        partial(actions.add, playlist=playlist, track_id=track.pk, by=bob)
        for playlist, track in zip(playlists, tracks, strict=True)
    )
    left, *done = side_by_side(leave, *adding)
    failed = [each for each in done if isinstance(each, Exception)]
    assert not [each for each in failed if "deadlock" in str(each)] and left is None
    assert not User.objects.filter(pk=bob.pk).exists() and not Playlist.objects.of(bob.pk).exists()
    assert not Entry.objects.exclude(added_by=ana).exclude(added_by=None).exists()
