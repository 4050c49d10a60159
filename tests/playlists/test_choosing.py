"""Which playlists a list shows, and pages of them."""

import datetime as dt

import pytest
from django.contrib.auth.models import AnonymousUser

from apps.lib.errors import Refusal
from apps.playlists import choosing, members
from apps.playlists.models import Entry, Playlist
from tests.make import make_playlist, make_track

pytestmark = pytest.mark.django_db


def names(rows) -> set[str]:
    return {playlist.name for playlist in rows}


def test_staff_too_are_shown_their_own_unless_they_ask(ana, mod):
    make_playlist(ana, name="hers")
    make_playlist(mod, name="own")
    assert names(choosing.rows(mod)) == {"own"}
    assert names(choosing.rows(mod, owner="ana")) == {"hers"}


def test_a_membership_shows_nothing_twice(ana, bob):
    playlist = make_playlist(ana, name="shared", is_public=True)
    members.put(playlist=playlist, username="bob", role="viewer")
    assert [each.name for each in choosing.rows(bob)] == ["shared"]


@pytest.mark.parametrize("show", ["own", "joined", "mine"])
def test_nobody_has_nothing_of_their_own(show):
    with pytest.raises(Refusal) as refused:
        choosing.rows(AnonymousUser(), show=show)
    assert refused.value.status == 401


def test_a_page_goes_on_behind_the_last_one_also_among_those_of_one_moment(ana):
    """Also where keys say nothing of time, as those from before."""
    for n in range(7):
        make_playlist(ana, name=f"{n}")
    Playlist.objects.update(created_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    reader, seen, place = choosing.reader(choosing.rows(ana)), [], None
    while True:
        page = reader.page(3, place)
        seen += page.ids
        if page.next is None:
            break
        place = reader.place(reader.cursor(page.next))
    assert len(seen) == len(set(seen)) == 7


def test_percent_signs_and_case_of_a_part_of_a_name_are_letters_and_none(ana):
    for name in ("100 % Late", "100 late"):
        make_playlist(ana, name=name)
    assert names(choosing.named(choosing.rows(ana), " % LATE ")) == {"100 % Late"}
    assert len(names(choosing.named(choosing.rows(ana), "  "))) == 2


def test_entries_are_read_in_their_order_and_only_of_their_playlist(ana):
    tracks = [make_track(ana) for _ in range(3)]
    playlist, _ = make_playlist(ana, *tracks), make_playlist(ana, *tracks)
    first, last = Entry.objects.filter(playlist=playlist).order_by("position")[:3:2]
    Entry.objects.filter(pk=last.pk).update(position=first.position - 5)
    assert choosing.entry_reader(playlist).page(10).ids[0] == last.pk
    assert len(choosing.entry_reader(playlist).page(10).ids) == 3
