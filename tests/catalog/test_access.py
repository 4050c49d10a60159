"""Who sees, changes and hears which track, for five people."""

import pytest
from django.contrib.auth.models import AnonymousUser

from apps.catalog import actions
from apps.catalog.models import Track, TrackFile
from apps.lib.errors import Forbidden, NotFound
from tests.make import make_playable, make_track, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(ana, bob, mod, boss):
    return {"nobody": AnonymousUser(), "owner": ana, "stranger": bob, "moderator": mod, "admin": boss}


@pytest.fixture
def tracks(ana):
    made = {
        "public": make_track(ana),
        "private": make_track(ana, is_public=False),
        "pending": Track.objects.create(owner=ana, title="Still coming"),
        "removed": make_track(ana),
    }
    gone = made["removed"]
    gone.machine.move(gone, "removed", removed_at=gone.created_at, title="")
    return {track.pk: name for name, track in made.items()}


SEES = {
    "nobody": {"public"},
    "stranger": {"public"},
    "owner": {"public", "private", "pending"},
    "moderator": {"public", "private", "pending", "removed"},
    "admin": {"public", "private", "pending", "removed"},
}
CHANGES = {
    "nobody": set(),
    "stranger": set(),
    "owner": {"public", "private", "pending"},
    "moderator": {"public", "private", "pending"},
    "admin": {"public", "private", "pending"},
}


@pytest.mark.parametrize("who", SEES)
def test_the_matrix_of_people_and_tracks(people, tracks, who):
    """S0-22, S0-27."""
    assert {tracks[row.pk] for row in Track.objects.visible_to(people[who])} == SEES[who]
    assert {tracks[row.pk] for row in Track.objects.editable_by(people[who])} == CHANGES[who]


@pytest.mark.parametrize(
    ("who", "hears"), [("nobody", 0), ("stranger", 0), ("owner", 1), ("moderator", 1), ("admin", 1)]
)
def test_pro_only_files_are_for_pro_the_owner_and_staff(people, ana, who, hears):
    """S1-05: unknown people have the free tier."""
    make_track(ana, is_pro_only=True)
    assert Track.objects.visible_to(people[who]).count() == 1
    assert Track.objects.playable_by(people[who]).count() == hears
    assert Track.objects.with_playable(people[who]).get().playable is bool(hears)


@pytest.mark.parametrize(("plan", "hears"), [("free", 0), ("pro", 1), ("enterprise", 1)])
def test_the_tier_decides_over_pro_only_files(ana, plan, hears):
    make_track(ana, is_pro_only=True)
    assert Track.objects.playable_by(make_user("fan", plan=plan)).count() == hears


def test_a_tracks_rows_are_seen_and_changed_with_it(ana, bob):
    track = make_playable(ana, is_public=False)
    assert TrackFile.objects.visible_to(ana).filter(track=track).exists()
    assert not TrackFile.objects.visible_to(bob).filter(track=track).exists()
    assert not TrackFile.objects.editable_by(bob).exists()


def test_hidden_is_not_found_and_visible_is_forbidden(ana, bob):
    public, private = make_track(ana), make_track(ana, is_public=False)
    assert Track.objects.get_editable(ana, pk=private.pk) == private
    with pytest.raises(Forbidden):
        Track.objects.get_editable(bob, pk=public.pk)
    with pytest.raises(NotFound):
        Track.objects.get_editable(bob, pk=private.pk)


def test_what_somebody_made_is_chosen_without_a_leave_to_see_it(ana, bob):
    public, private, gone = make_track(ana), make_track(ana, is_public=False), make_track(ana)
    actions.remove(track=gone, by=ana)
    make_track(bob)
    assert set(Track.objects.of(ana)) == {public, private, gone}
    assert set(Track.objects.of(ana).live()) == {public, private}
    assert set(Track.objects.visible_to(bob).of(ana)) == {public}
