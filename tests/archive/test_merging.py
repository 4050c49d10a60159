"""The archive and tracks that become one (decision 0038)."""

import pytest

from apps.archive import actions, merging, schedule
from apps.archive.models import ArchiveAsset
from apps.catalog import changesets
from apps.catalog import merging as catalog
from apps.catalog.models import Duplicate, Track
from apps.lib import clock
from apps.lib.errors import Conflict
from tests.doors.desk import make_blob
from tests.make import make_generated, make_track

pytestmark = pytest.mark.django_db


def refused(loser, winner) -> bool:
    try:
        merging.guard(Track.objects.get(pk=loser.pk), winner)
    except Conflict as conflict:
        assert conflict.code == "ARCHIVE_AT_WORK"
        return True
    return False


def archived(track) -> None:
    facts = {"blob": make_blob(), "archived_at": clock.now(), "lease_until": None}
    ArchiveAsset.machine.move_all(track.archive_assets.all(), "running", lease_until=clock.now())
    ArchiveAsset.machine.move_all(track.archive_assets.all(), "archived", **facts)


def test_what_is_to_be_fetched_does_not_go(ana):
    loser, winner = make_generated(ana), make_track(ana)
    assert refused(loser, winner)
    schedule.plan()
    assert refused(loser, winner)
    assert not refused(winner, loser)
    archived(loser)
    assert not refused(loser, winner)


@pytest.mark.django_db(transaction=True)
def test_what_is_fetched_again_since_the_preview_does_not_go(ana, mod):
    """Merged away it would be dropped when it is here, and an undo would find a track whose sound nobody fetches."""
    loser, winner = make_generated(ana), make_track(ana)
    schedule.plan()
    ArchiveAsset.machine.move_all(loser.archive_assets.all(), "running", lease_until=clock.now())
    ArchiveAsset.machine.move_all(loser.archive_assets.all(), "lost", next_at=None, lease_until=None)
    first, second = sorted((loser, winner), key=lambda track: track.pk)
    pair = Duplicate.objects.create(first=first, second=second, reasons=["near"], likeness="0.9")
    changeset = catalog.ask(pair=pair, keep=winner.pk, facts=[], by=mod)
    changesets.work(seconds=5)
    actions.retry(asset=loser.archive_assets.get(), by=mod)
    changeset.refresh_from_db()
    changesets.apply(changeset=changeset, by=mod)
    changesets.work(seconds=5)
    changeset.refresh_from_db()
    assert (changeset.state, changeset.error_code) == ("previewed", "ARCHIVE_AT_WORK")
    assert Track.objects.get(pk=loser.pk).status == "ready"


def test_a_merged_tracks_archive_is_kept_and_a_removed_ones_is_not(ana):
    loser, winner = make_generated(ana), make_track(ana)
    schedule.plan()
    archived(loser)
    Track.machine.move(loser, "merged", merged_into=winner, removed_at=clock.now())
    schedule.keep_house()
    asset = ArchiveAsset.objects.get()
    assert (asset.state, bool(asset.source_url), asset.blob is not None) == ("archived", True, True)
    Track.machine.move(loser, "removed", merged_into=None, title="")
    schedule.keep_house()
    asset.refresh_from_db()
    assert (asset.state, asset.source_url, asset.blob) == ("dropped", "", None)


def test_a_merged_track_is_planned_by_nobody(ana):
    loser, winner = make_generated(ana), make_track(ana)
    Track.machine.move(loser, "merged", merged_into=winner, removed_at=clock.now())
    assert schedule.plan() == 0
