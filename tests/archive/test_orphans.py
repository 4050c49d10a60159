"""What lies in a store and nobody names goes after two days; what is named and does not lie there is a damage."""

import datetime as dt
import hashlib
import threading
from dataclasses import asdict

import pytest
from django.db import transaction
from redis import RedisError

from apps.archive import copies, orphans
from apps.archive.models import Finding
from apps.catalog import files
from apps.catalog.models import Blob, TrackFile
from apps.lib import clock, storage, stores
from apps.lib.formats import FORMATS
from apps.lib.storage import COPY, MAIN
from tests.archive.places import everything, held, make_blob, make_blobs, overwrite, two_folders, use
from tests.lib.threads import side_by_side
from tests.make import make_track, make_user
from tests.servers import object_store  # noqa: F401  (asked for by name)

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)
NOBODYS = b"bytes that no row names"


@pytest.fixture
def places(settings, tmp_path):
    two_folders(settings, tmp_path)
    make_blobs(3)
    return tmp_path


def later(hours: float) -> dt.datetime:
    return clock.now() + hours * HOUR


@pytest.mark.parametrize("place", [MAIN, COPY])
@pytest.mark.parametrize(("hours", "stays"), [(47, True), (49, False)])
def test_an_orphan_goes_after_two_days(places, place, hours, stays):
    made, stored = everything(place), storage.put_bytes(NOBODYS, place=place)
    found = orphans.sweep(now=later(hours))
    assert (found[place].orphans, found[place].objects, found[place].removed) == (1, 3, not stays)
    assert storage.exists(stored.key, place=place) is stays
    assert {key: data for key, data in everything(place).items() if key != stored.key} == made


def test_an_orphan_that_has_its_row_since_the_rows_were_read_stays(places, monkeypatch):
    """Who stored it is through by then, and holds nothing any more."""
    stored, listed = storage.put_bytes(NOBODYS), storage.listed

    def listing(*asked, **options):
        files.blob_for(stored, FORMATS["jpeg"])
        return listed(*asked, **options)

    monkeypatch.setattr(storage, "listed", listing)
    shard = stored.sha256[:2]
    found = orphans.Found()
    orphans._sweep_shard(shard, MAIN, later(49), True, found)
    assert (found.orphans, found.removed, held(stored.key, MAIN)) == (0, 0, NOBODYS)


@pytest.mark.parametrize(("hours", "stays"), [(47, True), (49, False)])
def test_so_does_what_was_never_written_to_its_end(places, hours, stays):
    path = places / "copy" / "blobs" / "sha256" / "00" / f"{stores.INCOMING}abc_1"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"half")
    assert orphans.sweep(now=later(hours))[COPY].half_written == 1
    assert path.exists() is stays


def test_names_that_are_nobodys_are_left_alone(places):
    path = places / "main" / "blobs" / "sha256" / "00" / "notes.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"mine")
    assert orphans.sweep(now=later(999))[MAIN].strange == 1
    assert path.exists()


def test_a_look_removes_nothing(places):
    stored = storage.put_bytes(NOBODYS)
    assert orphans.sweep(now=later(99), remove=False)[MAIN].orphans == 1
    assert storage.exists(stored.key)


def test_a_row_without_bytes_is_found_the_same_night(places):
    """Missing or cut; what is as long as it should be waits for its reading."""
    first, second, third = Blob.objects.order_by("pk")
    whole = held(first.key, MAIN), held(second.key, COPY)
    overwrite(first.key, None, MAIN)
    overwrite(second.key, b"cut", COPY)
    overwrite(third.key, bytes(third.size), MAIN)
    found = orphans.sweep(now=later(1))
    assert (found[MAIN].damaged, found[COPY].damaged) == (1, 1)
    assert set(Finding.objects.values_list("sha256", "place", "state")) == {
        (first.sha256, MAIN, "repaired"), (second.sha256, COPY, "repaired"),
    }  # fmt: skip
    assert (held(first.key, MAIN), held(second.key, COPY)) == whole


def test_what_has_no_copy_yet_is_no_damage_and_its_copy_no_orphan(places):
    make_blob(b"not copied")
    crashed = make_blob(b"copied, and the row does not know")
    storage.put_bytes(b"copied, and the row does not know", place=COPY)
    found = orphans.sweep(now=later(99))
    assert (found[COPY].damaged, found[COPY].orphans) == (0, 0)
    assert copies.run().left == 0 and held(crashed.key, COPY)


def test_a_place_that_is_away_is_passed_over(places, monkeypatch):
    (places / "main").rename(places / "elsewhere")
    found = orphans.sweep(now=later(99))
    assert (found[MAIN].shards, found[COPY].shards) == (0, orphans.SHARDS)
    assert not Finding.objects.exists()


def test_a_sweep_ends_with_its_time(places):
    assert orphans.sweep(now=later(99), seconds=-1)[MAIN].shards == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", [MAIN, COPY])
def test_an_orphan_whose_row_appears_at_this_moment_stays(settings, tmp_path, monkeypatch, place):
    """An upload finds the bytes of a former crash in the store; the sweep passes before its row is there."""
    two_folders(settings, tmp_path)
    track, path = make_track(make_user()), tmp_path / "cover"
    path.write_bytes(NOBODYS)
    key = storage.put_bytes(NOBODYS, place=place).key
    found, swept, put = threading.Event(), threading.Event(), storage.put

    def slowly(*args, **kwargs) -> storage.Stored:
        stored = put(*args, **kwargs)
        found.set()
        swept.wait(20)
        return stored

    monkeypatch.setattr(storage, "put", slowly)

    def use_again() -> None:
        with files.stored(path, form=FORMATS["jpeg"]) as kept, transaction.atomic():
            files.attach(track=track, role="cover", blob=files.blob_for(kept, FORMATS["jpeg"]))

    def sweep() -> dict:
        found.wait(20)
        try:
            return orphans.sweep(now=later(99))
        finally:
            swept.set()

    outcome, done = side_by_side(use_again, sweep)
    assert outcome is None and done[place].removed == 0, (outcome, done)
    assert TrackFile.objects.get().blob.key == key and held(key, place) == NOBODYS


@pytest.mark.django_db(transaction=True)
def test_many_who_store_and_many_who_sweep_lose_nothing(settings, tmp_path):
    two_folders(settings, tmp_path)
    path = tmp_path / "cover"
    path.write_bytes(NOBODYS)
    key = storage.key_for(hashlib.sha256(NOBODYS).hexdigest())

    def store() -> None:
        with files.stored(path, form=FORMATS["jpeg"]):
            pass

    for _ in range(4):
        Blob.objects.all().delete()
        outcomes = side_by_side(*[store] * 3, *[lambda: orphans.sweep(now=later(99))] * 2)
        assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert Blob.objects.get().key == key and held(key, MAIN) == NOBODYS


@pytest.mark.servers
def test_a_real_object_store_is_swept_alike(settings, tmp_path, object_store):  # noqa: F811
    use(settings, f"file://{tmp_path}/main", object_store)
    make_blobs(3)
    lost = Blob.objects.latest("pk")
    overwrite(lost.key, None, COPY)
    stored = storage.put_bytes(NOBODYS, place=COPY)
    assert orphans.sweep(now=later(47))[COPY].removed == 0 and held(lost.key, COPY)
    assert orphans.sweep(now=later(49))[COPY].removed >= 1
    assert not storage.exists(stored.key, place=COPY)


def test_what_a_sweep_found_is_told_until_the_next_one(places):
    assert orphans.last() == {}
    storage.put_bytes(NOBODYS)
    found = orphans.sweep()
    assert orphans.last() == {name: asdict(one) for name, one in found.items()}
    assert (orphans.last()[MAIN]["orphans"], orphans.last()[COPY]["orphans"]) == (1, 0)
    orphans.sweep(place=MAIN, now=later(49))
    assert (orphans.last()[MAIN]["removed"], orphans.last()[COPY]["orphans"]) == (1, 0)


def test_a_sweep_needs_no_cache(places, monkeypatch):
    def away(*args, **facts):
        raise RedisError

    for name in ("set", "get_many"):
        monkeypatch.setattr(orphans.cache, name, away)
    storage.put_bytes(NOBODYS)
    assert orphans.sweep()[MAIN].orphans == 1
    assert orphans.last() == {}
