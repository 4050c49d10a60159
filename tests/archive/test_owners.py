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


@pytest.mark.parametrize("state", ["retrying", "gone_suspect", "quarantined"])
@pytest.mark.parametrize("code", [*owners.REASONS, "ANYTHING_ELSE"])
def test_what_is_still_tried_says_why_when_next_and_what_to_do(ana, state, code):
    track = make_generated(ana)
    schedule.plan_tracks([track])
    move(track, state, next_at=clock.now() - HOUR, error_code=code)
    (standing,) = owners.standings(track)
    why = owners.REASONS.get(code, "the provider does not give it as it should")
    assert standing.words.startswith(f"Not saved yet because {why}. Next try now; Suno keeps it until ")
    assert standing.advice == "To be safe, save it from Suno yourself now."
    (late,) = owners.standings(track, now=clock.now() + 30 * 24 * HOUR)
    assert late.words.endswith("its time at the provider is over") and not late.advice


def test_what_was_removed_or_is_no_sound_asks_for_nothing(ana):
    dropped, lost = make_generated(ana), make_generated(ana, cover_url="https://cdn1.suno.ai/c.jpeg")
    schedule.plan_tracks([dropped, lost])
    ArchiveAsset.machine.move_all(ArchiveAsset.objects.filter(track=dropped), "dropped", error_code="REMOVED")
    assert words(dropped) == "lost: Could not be saved because the track was removed"
    assert owners.standings(dropped)[0].advice == ""
    move(lost, "lost", next_at=None, error_code="GONE")
    assert [each.advice[:22] for each in owners.standings(lost)] == ["If you have the file, ", "The sound is not affec"]


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
