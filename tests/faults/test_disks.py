"""Disks without room or without inodes, under the spool and under the store: a fault of ours, no try of the file's (F17)."""

import os
import subprocess
from pathlib import Path

import pytest

from apps.archive import tasks, working
from apps.archive.models import ArchiveAsset
from apps.lib import storage
from tests.archive import places
from tests.archive.world import asset_of, at_provider
from tests.faults import promises, sweep
from tests.faults.test_uploads import no_room_beyond
from tests.make import audio

pytestmark = pytest.mark.django_db(transaction=True)

LONG = audio("wav", 4.0)
ROOM, MORE = "400k", "8m"


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(storage, "pause", lambda seconds: None)


@pytest.fixture
def disk(tmp_path):
    """`disk(options)`: a folder that is a small disk of its own; said again, the same one with other options."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mounted(options: str) -> Path:
        remount = "remount," if os.path.ismount(folder) else ""
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", remount + options, "tmpfs", folder], capture_output=True)
        if made.returncode:
            pytest.skip(f"nobody may mount a disk here: {made.stderr.decode().strip()}")
        return folder

    yield mounted
    if os.path.ismount(folder):
        subprocess.run(["umount", "-l", folder], check=True)


def work() -> None:
    working.work(limit=50, seconds=30)


def our_fault(asset: ArchiveAsset, *codes: str) -> bool:
    return asset.state == "retrying" and asset.error_code in codes and (asset.attempts, asset.crashes) == (0, 0)


def then_archived(track) -> None:
    promises.until_done(track)
    assert asset_of(track).state == "archived"
    assert promises.spool_left() == 0


def test_a_disk_that_is_full_while_a_file_comes_in_costs_no_try_and_no_neighbour(ana, provider):
    track, small = at_provider(provider, ana, data=LONG), sweep.small(provider, ana, cover=False)
    tasks.schedule.plan()
    with no_room_beyond(len(LONG) // 2):
        work()
    assert our_fault(asset_of(track), "IO_ERROR") and asset_of(small).state == "archived"
    then_archived(track)


def test_a_spool_that_is_full_costs_no_try_and_no_neighbour(ana, provider, settings, disk):
    settings.SPOOL = disk(f"size={ROOM}")
    track, small = at_provider(provider, ana, data=LONG), sweep.small(provider, ana, cover=False)
    tasks.schedule.plan()
    work()
    assert our_fault(asset_of(track), "DISK_FULL") and asset_of(small).state == "archived"
    disk(f"size={MORE}")
    then_archived(track)


def test_a_spool_below_its_reserve_asks_nobody(ana, provider, settings, disk):
    settings.SPOOL, settings.SPOOL_RESERVE_BYTES = disk(f"size={ROOM}"), 1_000_000
    track = sweep.small(provider, ana, cover=False)
    work()
    assert our_fault(asset_of(track), "DISK_FULL") and not provider.requests
    settings.SPOOL_RESERVE_BYTES = 0
    then_archived(track)


def test_a_file_that_would_take_the_reserve_is_not_begun(ana, provider, settings, disk):
    """The reserve is whole also while downloads that began above it are under way: others live on that disk."""
    settings.SPOOL, settings.SPOOL_RESERVE_BYTES = disk("size=1m"), 700_000
    track, small = at_provider(provider, ana, data=LONG), sweep.small(provider, ana, cover=False)
    tasks.schedule.plan()
    work()
    assert our_fault(asset_of(track), "DISK_FULL") and asset_of(small).state == "archived"
    disk(f"size={MORE}")
    then_archived(track)


def test_a_spool_without_inodes_costs_no_try(ana, provider, settings, disk):
    settings.SPOOL = disk(f"size={MORE},nr_inodes=4")
    track = sweep.small(provider, ana, cover=False)
    others = [settings.SPOOL / name for name in ("archive.lock", "one", "two")]
    for other in others:
        other.touch()
    assert tasks.work() == 1
    assert our_fault(asset_of(track), "IO_ERROR")
    others[-1].unlink()
    disk(f"size={MORE},nr_inodes=50")
    then_archived(track)


@pytest.mark.parametrize(("tight", "wide"), [(f"size={ROOM}", f"size={MORE}"), ("nr_inodes=3", "nr_inodes=50")])
def test_a_store_that_is_full_keeps_no_half_file_and_costs_no_try(ana, provider, settings, disk, tight, wide):
    places.use(settings, f"file://{disk(f'size={MORE},{tight}')}")
    track = at_provider(provider, ana, data=LONG)
    tasks.schedule.plan()
    work()
    assert our_fault(asset_of(track), "STORAGE_FAILED")
    assert promises.orphans() == []
    disk(f"size={MORE},{wide}")
    then_archived(track)
