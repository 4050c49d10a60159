"""Every stored file gets its copy in the second place, whatever happens on the way."""

import datetime as dt
import errno
import os
import shutil

import pytest

from apps.archive import copies, scrubbing
from apps.archive.models import Finding
from apps.catalog import sweeper
from apps.catalog.models import Blob, TrackFile
from apps.lib import clock, storage, stores
from apps.lib.storage import COPY, MAIN
from tests.archive.places import everything, held, make_blob, make_blobs, overwrite, two_folders, use
from tests.make import make_playable
from tests.servers import object_store  # noqa: F401  (asked for by name)

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


@pytest.fixture
def places(settings, tmp_path, monkeypatch):
    two_folders(settings, tmp_path)
    monkeypatch.setattr(storage, "pause", lambda seconds: None)
    return tmp_path


def test_every_file_of_a_track_is_copied_whatever_its_role(places, ana):
    make_playable(ana, derived=True)
    assert TrackFile.objects.count() >= 3
    done = copies.run()
    assert (done.files, done.bytes, done.left) == (Blob.objects.count(), sum(map(len, everything(MAIN).values())), 0)
    assert everything(COPY) == everything(MAIN)


def test_without_a_second_place_nothing_waits(settings, tmp_path):
    use(settings, f"file://{tmp_path}/main")
    make_blob()
    assert copies.run() == copies.Copied()
    assert copies.missing() == {"copies_missing": 0, "bytes_without_copy": 0}


def test_a_run_ends_with_its_bytes_and_the_next_goes_on(places):
    for _ in range(3):
        make_blob(os.urandom(100))
    assert copies.run(most=150) == copies.Copied(files=2, bytes=200, left=1)
    assert copies.run(seconds=-1).left == 1
    told = []
    assert copies.run(told=lambda done: told.append(done.bytes)).left == 0 and told == [100]


def test_a_damaged_file_is_not_copied_but_found(places):
    blob = make_blob()
    overwrite(blob.key, b"x")
    assert copies.run().failed == 1
    assert held(blob.key, COPY) is None
    assert scrubbing.run(now=clock.now() + copies.AGAIN).damaged == 1
    assert Finding.objects.get().state == "unrepairable"
    assert not copies.waiting().exists()


def test_a_second_place_that_fails_keeps_nobody_busy(places, monkeypatch):
    for _ in range(9):
        make_blob()

    def full(self, key, source):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stores.Folder, "create", full)
    assert copies.run().failed == copies.TIRED
    monkeypatch.undo()
    scrubbing.run(now=clock.now() + copies.AGAIN)
    assert copies.run().left == 0 and not Finding.objects.exists()


def test_a_copy_whose_row_was_never_written_is_taken_over(places):
    blob = make_blob(b"twice")
    storage.put_bytes(b"twice", place=COPY)
    assert copies.run().files == 1 and Blob.objects.get(pk=blob.pk).copied_at


def test_whoever_removes_the_bytes_removes_the_copy(places):
    make_blobs(2)
    kept, unused = Blob.objects.order_by("pk")
    Blob.objects.filter(pk=unused.pk).update(unused_since=clock.now() - 3 * DAY)
    assert sweeper.sweep().removed == 1
    assert (held(unused.key, MAIN), held(unused.key, COPY)) == (None, None) and held(kept.key, COPY)


def test_a_second_place_that_is_away_keeps_no_row_alive(places, monkeypatch):
    """What stays there is an orphan, and swept as one."""
    make_blobs(1)
    blob = Blob.objects.get()
    Blob.objects.update(unused_since=clock.now() - 3 * DAY)
    remove = storage.remove

    def away(key, **where):
        if where:
            raise storage.StorageFailed
        remove(key)

    monkeypatch.setattr(storage, "remove", away)
    assert sweeper.sweep().removed == 1
    assert not Blob.objects.exists() and held(blob.key, COPY)


def test_a_second_place_that_is_not_mounted_is_left_as_it_is(places):
    """One file written there would make it look mounted, and all the others missing."""
    make_blobs(3)
    (places / "copy").rename(places / "away")
    (places / "copy").mkdir()
    late = make_blob()
    assert copies.run().failed == 1
    scrubbing.run(most=scrubbing.NO_END)
    assert not Finding.objects.exists() and not list((places / "copy").iterdir())
    (places / "copy").rmdir()
    (places / "away").rename(places / "copy")
    Blob.objects.update(check_at=None)
    assert copies.run().files == 1 and held(late.key, COPY)


def test_when_the_second_place_is_another_one_all_is_copied_anew(places, settings):
    made = make_blobs(3)
    use(settings, f"file://{places}/main", f"file://{places}/third")
    shutil.rmtree(places / "third")
    assert copies.forget() == 3
    assert copies.run().files == 3 and everything(COPY) == made


@pytest.mark.servers
@pytest.mark.parametrize("way", ["into a bucket", "out of a bucket"])
def test_a_real_object_store_takes_and_gives_copies(settings, tmp_path, object_store, way):  # noqa: F811
    folder = f"file://{tmp_path}/folder"
    use(settings, *((folder, object_store) if way == "into a bucket" else (object_store, folder)))
    made = make_blobs(3)
    assert {key: held(key, COPY) for key in made} == made


def test_what_lies_in_one_place_for_more_than_a_day_is_late(places, settings):
    old, now = make_blob(), clock.now()
    make_blob()
    Blob.objects.filter(pk=old.pk).update(created_at=now - DAY - dt.timedelta(minutes=1))
    assert list(copies.late(now=now)) == [old]
    copies.run()
    assert not copies.late(now=now + 9 * DAY).exists()
    Blob.objects.update(copied_at=None, copy_verified_at=None)
    use(settings, f"file://{places}/main")
    assert not copies.late(now=now + 9 * DAY).exists()
