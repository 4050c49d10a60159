"""What an owner reads of their files."""

import datetime as dt

import pytest

from apps.archive import owners, schedule
from apps.archive.models import ArchiveAsset
from apps.lib import clock
from tests.archive.test_statistics import archive
from tests.make import make_generated

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)


def words(track) -> str:
    (standing,) = owners.standings(track)
    return f"{standing.lamp}: {standing.words}"


def move(track, state: str, **facts) -> None:
    machine, rows = ArchiveAsset.machine, ArchiveAsset.objects.filter(track=track)
    machine.move_all(rows, "running", lease_until=clock.now(), next_at=None)
    if state != "running":
        machine.move_all(rows, state, lease_until=None, **facts)


def test_every_state_has_its_words(ana):
    track = make_generated(ana)
    schedule.plan_tracks([track])
    assert words(track).startswith("waiting: Waiting to be saved; Suno keeps it until ")
    move(track, "running")
    assert words(track).startswith("waiting: Being saved now")
    soon = clock.now() + HOUR
    move(track, "retrying", next_at=soon, error_code="TIMED_OUT")
    assert words(track).startswith(
        f"waiting: Not saved yet because the provider was too slow. Next try at {owners._moment(soon)}; Suno keeps it"
    )
    move(track, "lost", next_at=None, error_code="GONE")
    assert words(track) == "lost: Could not be saved because the provider says that it is gone"
    assert owners.standings(track)[0].advice.startswith("If you have the file, upload it")


def test_what_is_saved_says_since_when(ana):
    track = make_generated(ana)
    archive(track, took=HOUR)
    assert words(track).startswith("kept: Saved since ")


def test_tracks_are_found_by_what_became_of_their_files(ana, bob):
    saved, waiting, lost, unplanned = (make_generated(ana) for _ in range(4))
    make_generated(bob)
    archive(saved, took=HOUR)
    schedule.plan_tracks([waiting, lost])
    move(lost, "lost", next_at=None)
    found = {key: set(owners.tracks(ana, key)) for key in owners.SAVED}
    assert found == {
        "": {saved, waiting, lost, unplanned}, "waiting": {waiting, unplanned}, "lost": {lost}, "saved": {saved},
    }  # fmt: skip


def test_a_stranger_learns_nothing(ana, bob, mod):
    track = make_generated(ana)
    assert owners.told(ana, track) and owners.told(mod, track) and not owners.told(bob, track)
