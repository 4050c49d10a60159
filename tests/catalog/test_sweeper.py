"""Bytes leave the store when nobody has held them for two days, and never under somebody's hands."""

import ast
import datetime as dt
import hashlib
import threading
from pathlib import Path

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import IntegrityError, connection, transaction
from django.db.models import DO_NOTHING, PROTECT, RESTRICT, SET_NULL, ProtectedError, RestrictedError
from django.db.models.deletion import Collector

from apps.accounts import departure
from apps.archive import copies
from apps.archive.models import ArchiveAsset
from apps.catalog import actions, files, sweeper
from apps.catalog.models import Blob, TrackFile
from apps.lib import clock, locks, storage
from apps.lib.formats import FORMATS
from apps.lib.storage import StorageFailed
from tests.archive.places import everything, two_folders
from tests.doors.desk import make_desk
from tests.house.reading import called, offences, python, root_name
from tests.lib.threads import side_by_side
from tests.make import make_generated, make_playable, make_track, make_user

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)
OLD = b"bytes that nobody uses"


@pytest.fixture
def now(db) -> dt.datetime:
    return clock.now()


def make_unused(data: bytes = OLD, *, since: dt.datetime) -> Blob:
    blob = files.blob_for(storage.put_bytes(data), FORMATS["jpeg"])
    Blob.objects.filter(pk=blob.pk).update(unused_since=since)
    return blob


def is_there(blob: Blob) -> bool:
    """Row and bytes, or neither."""
    row, stored = Blob.objects.filter(pk=blob.pk).exists(), storage.exists(blob.key)
    assert row == stored
    return row


def test_bytes_go_two_days_after_they_were_let_go(ana, now):
    track = make_playable(ana)
    blob = track.file("original").blob
    assert sweeper.sweep(now=now).unused == 0
    actions.remove(track=track, by=ana)
    for days, there in ((0, True), (1, True), (1.9, True), (2, False)):
        swept = sweeper.sweep(now=now + days * DAY)
        assert is_there(blob) is there
    assert (swept.removed, swept.bytes, swept.left) == (1, blob.size, 0)


def test_bytes_that_another_track_holds_stay(ana, bob, now):
    mine, theirs = make_playable(ana), make_playable(bob)
    actions.remove(track=mine, by=ana)
    for days in (0, 3):
        sweeper.sweep(now=now + days * DAY)
    assert is_there(theirs.file("original").blob)


def test_bytes_that_the_archive_holds_stay(ana, now):
    blob = make_unused(since=now - 9 * DAY)
    ArchiveAsset.objects.create(
        track=make_generated(ana), kind="cover", source_url="https://cdn1.suno.ai/1.jpg", expires_at=now, next_at=now
    )
    rows = ArchiveAsset.objects.all()
    ArchiveAsset.machine.move_all(rows, "running", lease_until=now)
    ArchiveAsset.machine.move_all(rows, "archived", lease_until=None, blob=blob, archived_at=now)
    sweeper.sweep(now=now)
    assert is_there(blob) and Blob.objects.get(pk=blob.pk).unused_since is None


def test_whatever_points_at_a_blob_holds_it():
    """Also a table of an app that is not written yet: the relations are asked, not named."""
    sql = str(sweeper.unused().query)
    assert "catalog_trackfile" in sql and "archive_archiveasset" in sql


def test_bytes_that_are_used_again_begin_their_time_anew(ana, now):
    blob = make_unused(since=now - 9 * DAY)
    track = make_track(ana)
    files.attach(track=track, role="cover", blob=files.blob_for(storage.put_bytes(OLD), FORMATS["jpeg"]))
    actions.remove(track=track, by=ana)
    sweeper.sweep(now=now)
    assert is_there(blob)


def test_a_preview_tells_the_same_and_changes_nothing(now):
    blob = make_unused(since=now - 3 * DAY)
    make_unused(b"younger", since=now - DAY)
    fresh = files.blob_for(storage.put_bytes(b"fresh"), FORMATS["jpeg"])
    told = sweeper.preview(now=now)
    assert is_there(blob) and Blob.objects.get(pk=fresh.pk).unused_since is None
    assert (told.unused, told.removed, told.bytes) == (3, 1, blob.size)
    assert sweeper.sweep(now=now) == told


def test_a_sweep_ends_with_its_time_and_the_next_goes_on(now):
    for number in range(3):
        make_unused(b"%d" % number, since=now - 3 * DAY)
    assert sweeper.sweep(now=now, seconds=-1).removed == 0
    assert sweeper.sweep(now=now).removed == 3


def test_what_the_store_does_not_delete_is_tried_again(now, monkeypatch):
    def fail(key):
        raise StorageFailed

    blob = make_unused(since=now - 3 * DAY)
    monkeypatch.setattr(storage, "remove", fail)
    assert sweeper.sweep(now=now).left == 1 and is_there(blob)
    monkeypatch.undo()
    assert sweeper.sweep(now=now).removed == 1 and not is_there(blob)


@pytest.mark.parametrize("deleted", [True, False])
def test_a_sweep_that_dies_at_the_store_is_finished_by_the_next(now, monkeypatch, deleted):
    """Whether the store had done it or not, the row is still there to say so."""
    blob, remove = make_unused(since=now - 3 * DAY), storage.remove

    def die(key: str) -> None:
        if deleted:
            remove(key)
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(storage, "remove", die)
    with pytest.raises(SoftTimeLimitExceeded):
        sweeper.sweep(now=now)
    assert Blob.objects.filter(pk=blob.pk).exists()
    monkeypatch.undo()
    assert sweeper.sweep(now=now).removed == 1 and not is_there(blob)


def test_bytes_that_came_into_use_since_the_sweep_began_stay(ana, now, monkeypatch, tmp_path):
    """The list of what is due is old by the time that a row's turn comes."""
    make_unused(b"first", since=now - 4 * DAY)
    blob, track, path, remove = make_unused(since=now - 3 * DAY), make_track(ana), tmp_path / "cover", storage.remove
    path.write_bytes(OLD)

    def meanwhile(key: str) -> None:
        use(track, path)
        remove(key)

    monkeypatch.setattr(storage, "remove", meanwhile)
    swept = sweeper.sweep(now=now)
    assert (swept.removed, swept.left) == (1, 1) and is_there(blob)


def test_a_row_that_is_named_without_its_lock_fails_loudly(ana, now):
    blob, track = make_unused(since=now - 3 * DAY), make_track(ana)
    sweeper.sweep(now=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        TrackFile.objects.create(track=track, role="cover", blob=blob)
        transaction.get_connection().check_constraints()


# --- Races --------------------------------------------------------------------------------------------------------
def use(track, path: Path) -> None:
    """What uploads, the archive and derivations do with a file."""
    with files.stored(path, form=FORMATS["jpeg"]) as held, transaction.atomic():
        files.attach(track=track, role="cover", blob=files.blob_for(held, FORMATS["jpeg"]))


@pytest.mark.django_db(transaction=True)
def test_bytes_that_are_stored_again_at_this_moment_are_left_alone(tmp_path, monkeypatch):
    """Found in the store, and no row says so yet: the sweeper passes in between."""
    track, now = make_track(make_user()), clock.now()
    blob = make_unused(since=now - 3 * DAY)
    path = tmp_path / "cover"
    path.write_bytes(OLD)
    found, swept, put = threading.Event(), threading.Event(), storage.put

    def slowly(*args, **kwargs) -> storage.Stored:
        stored = put(*args, **kwargs)
        found.set()
        swept.wait(20)
        return stored

    monkeypatch.setattr(storage, "put", slowly)

    def sweep() -> sweeper.Swept:
        found.wait(20)
        try:
            return sweeper.sweep(now=now)
        finally:
            swept.set()

    outcome, done = side_by_side(lambda: use(track, path), sweep)
    assert outcome is None and (done.removed, done.left) == (0, 1), (outcome, done)
    assert is_there(blob) and TrackFile.objects.get().blob == blob
    with blob.open() as kept:
        assert kept.read() == OLD


@pytest.mark.django_db(transaction=True)
def test_bytes_that_are_being_deleted_are_stored_anew(tmp_path, monkeypatch):
    """The row is as good as gone, the bytes are not yet: who stores them now waits, and then writes both."""
    track, now = make_track(make_user()), clock.now()
    make_unused(since=now - 3 * DAY)
    path = tmp_path / "cover"
    path.write_bytes(OLD)
    deleting, remove = threading.Event(), storage.remove

    def slowly(key: str) -> None:
        deleting.set()
        assert not side_by_side(lambda: next_to(hashlib.sha256(OLD).hexdigest()))[0]
        remove(key)

    monkeypatch.setattr(storage, "remove", slowly)

    def store() -> None:
        deleting.wait(20)
        use(track, path)

    done, outcome = side_by_side(lambda: sweeper.sweep(now=now), store)
    assert outcome is None and done.removed == 1, (outcome, done)
    assert is_there(TrackFile.objects.get().blob)


def next_to(sha256: str) -> bool:
    """Whether somebody could store these bytes at this moment."""
    with locks.together(files.content(sha256), patience=0) as taken:
        return taken


@pytest.mark.django_db(transaction=True)
def test_many_who_store_and_many_who_sweep_lose_nothing(tmp_path):
    tracks, now = [make_track(make_user()) for _ in range(4)], clock.now()
    path = tmp_path / "cover"
    path.write_bytes(OLD)
    for _ in range(5):
        TrackFile.objects.all().delete()
        make_unused(since=now - 3 * DAY)
        stores = [lambda track=track: use(track, path) for track in tracks]
        outcomes = side_by_side(*stores, *[lambda: sweeper.sweep(now=now)] * 2)
        assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        (blob,) = {file.blob for file in TrackFile.objects.select_related("blob")}
        assert is_there(blob) and TrackFile.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_remove_each_blob_once():
    now = clock.now()
    blobs = [make_unused(b"%d" % number, since=now - 3 * DAY) for number in range(8)]
    first, second = side_by_side(*[lambda: sweeper.sweep(now=now)] * 2)
    assert first.removed + second.removed == 8
    assert not any(is_there(blob) for blob in blobs)


# --- Nothing else takes bytes --------------------------------------------------------------------------------------
KEEPS = {PROTECT, RESTRICT, SET_NULL, DO_NOTHING}


def test_no_deleted_row_takes_stored_bytes_with_it():
    """Whatever names a content keeps its row; and a content names nothing, so that nothing's end is its end."""
    relations = [field for field in Blob._meta.get_fields(include_hidden=True) if field.auto_created]
    assert len(relations) >= 3
    assert {relation.on_delete for relation in relations} <= KEEPS
    assert not [field.name for field in Blob._meta.get_fields() if not field.auto_created and field.remote_field]


def test_neither_does_the_database_delete_what_was_not_said():
    """Nobody's DELETE spreads over tables: not the site's, and not one typed by hand."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT conrelid::regclass || '.' || conname FROM pg_constraint"
                       " WHERE contype = 'f' AND confdeltype NOT IN ('a', 'r')")  # fmt: skip
        assert cursor.fetchall() == []


def test_whatever_row_is_deleted_no_content_is_among_what_goes_with_it():
    """Every row of a desk with one of everything: its person, its tracks, its files, its assets."""
    refused = 0
    for model, row in make_desk().items():
        if model is Blob:
            continue
        collector = Collector(using="default")
        try:
            collector.collect([row])
        except (ProtectedError, RestrictedError):
            refused += 1
        gone = {*collector.data, *(rows.model for rows in collector.fast_deletes)}
        assert Blob not in gone, model
    assert refused


@pytest.mark.parametrize("way", ["the track is removed", "its owner leaves", "its rows are deleted"])
def test_bytes_outlive_their_track_by_two_days_in_both_places(ana, now, settings, tmp_path, way):
    two_folders(settings, tmp_path)
    track = make_playable(ana, derived=True)
    assert copies.run().left == 0
    before = everything(storage.MAIN)
    if way == "the track is removed":
        actions.remove(track=track, by=ana)
    elif way == "its owner leaves":
        departure.part(user=ana, tracks="remove")
    else:
        TrackFile.objects.all().delete()
    assert len(before) >= 3 and everything(storage.MAIN) == everything(storage.COPY) == before
    sweeper.sweep(now=now)
    sweeper.sweep(now=now + 1.9 * DAY)
    assert everything(storage.MAIN) == everything(storage.COPY) == before
    sweeper.sweep(now=now + 2.1 * DAY)
    assert everything(storage.MAIN) == everything(storage.COPY) == {}


def puts(source):
    for node in source.nodes(ast.Call):
        if called(node) in ("put", "put_bytes") and root_name(node) == "storage":
            yield node.lineno, f"{ast.unparse(node)} stores bytes that the sweeper may take"


def test_only_files_puts_bytes_into_the_store():
    """Whoever stores holds the sweeper off until the rows are written, and `files.stored` is how."""
    inside = [source for source in python("apps") if source.path != "apps/catalog/files.py"]
    assert offences(puts, inside) == []
    assert offences(puts, [source for source in python("apps") if source.path == "apps/catalog/files.py"])


def test_nobody_else_removes_bytes():
    """The sweeper, of both places, and who sweeps what no row names."""

    def removes(source):
        return ((n.lineno, "") for n in source.nodes(ast.Call) if ast.unparse(n.func) == "storage.remove")

    found = [where.partition(":")[0] for where in offences(removes, python("apps"))]
    assert sorted(found) == ["apps/archive/orphans.py", "apps/catalog/sweeper.py", "apps/catalog/sweeper.py"]
