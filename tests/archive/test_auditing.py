"""The ledger against what there is: whatever was done past it is found."""

import errno
import os
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from apps.archive import auditing, manifests, schedule
from apps.archive.models import ArchiveAsset, LedgerEntry
from apps.catalog import actions
from apps.lib import leases, storage, stores
from tests.archive.world import asset_of, at_provider, closed, run_all, tomorrow
from tests.make import make_generated

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def superuser():
    """Past every trigger, as who owns the database may."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield cursor


def said(**options) -> list[str]:
    return [str(problem) for problem in auditing.audit(**options).problems]


@pytest.fixture
def archived(ana, provider):
    track = at_provider(provider, ana, cover=True)
    run_all()
    assert ArchiveAsset.objects.filter(state="archived").count() == 2
    return track


def test_a_house_that_was_let_alone_is_whole(ana, provider, archived):
    bad = at_provider(provider, ana, behaviour="404")
    gone = at_provider(provider, ana)
    running = at_provider(provider, ana)
    run_all()
    actions.remove(track=gone, by=ana)
    schedule.drop_removed()
    ArchiveAsset.objects.filter(track=running, state="archived").delete()
    schedule.plan()
    leases.claim(schedule.due(), ArchiveAsset.machine, limit=1)
    manifests.close(now=tomorrow())
    found = auditing.audit(read=True)
    assert found.problems == []
    assert (found.proof.days, found.waiting, found.assets, found.objects) == (1, 0, 5, 2)
    assert found.proof.entries == LedgerEntry.objects.count() and found.bytes > 0
    assert asset_of(bad).state == "gone_suspect" and asset_of(running).state == "running"


def test_a_changed_a_dropped_and_an_inserted_row_of_a_closed_day_are_named():
    day, other = closed(2)
    with superuser() as cursor:
        cursor.execute("UPDATE archive_ledgerentry SET event = 'lost' WHERE seq = %s", [day.first_seq + 1])
        cursor.execute("DELETE FROM archive_ledgerentry WHERE seq = %s", [other.first_seq])
        cursor.execute(
            """INSERT INTO archive_ledgerentry OVERRIDING SYSTEM VALUE
            SELECT -5, at, asset, track, kind, event, state_from, state_to, token, attempts, crashes, origin,
                url_sha256, sha256, size, error_code, facts FROM archive_ledgerentry WHERE seq = %s""",
            [day.first_seq],
        )
    found = [line for line in said() if not line.startswith("asset")]
    assert found == [
        f"{day.day} line 2: inserted: entry -5 is in the table and in no manifest",
        f"{day.day} line 3: changed: entry {day.first_seq + 1} has another event in the table",
        f"{other.day} line 2: dropped: entry {other.first_seq} is not in the table",
    ]


def test_a_manifest_whose_bytes_or_row_were_changed_is_named():
    one, two, three = closed(3)
    path = storage.local_path(one.blob.key)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"archived", b"obtained", 1))
    storage.local_path(two.blob.key).unlink()
    with superuser() as cursor:
        cursor.execute("UPDATE archive_manifest SET sha256 = %s WHERE day = %s", ["0" * 64, three.day])
    found = [line for line in said() if not line.startswith("asset")]
    assert f"{one.day} line 2: changed: it, or the line before it, is not what was hashed" in found
    assert f"{two.day}: its manifest cannot be read: The file is missing from the file store." in found
    assert f"{three.day}: changed: its SHA-256 is {three.sha256}, not {'0' * 64}" in found


def test_a_day_that_breaks_off_while_it_is_read_is_named_and_the_others_are_looked_at(monkeypatch):
    broken, whole = closed(2)
    honest = stores.Folder.open

    def breaking(self, key):
        source = honest(self, key)
        if key == broken.blob.key:
            read, lines = source.readline, iter([None])
            source.readline = lambda size: read(size) if next(lines, 1) is None else failing()
        return source

    def failing():
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(stores.Folder, "open", breaking)
    found = auditing.audit()
    named = [str(problem) for problem in found.problems if not problem.day.startswith("asset")]
    assert named == [f"{broken.day}: its manifest cannot be read: The file store failed. Try again in a moment."]
    assert (found.proof.days, found.proof.head) == (2, whole.sha256)


def test_a_day_that_was_taken_out_is_found_by_the_next_one_or_by_its_kept_sha256():
    days = closed(3)
    with superuser() as cursor:
        cursor.execute("DELETE FROM archive_manifest WHERE day = %s", [days[2].day])
    assert [line for line in said() if not line.startswith("asset")] == []
    assert any("the SHA-256 that was kept is of no day here" in line for line in said(kept=days[2].sha256))
    with superuser() as cursor:
        cursor.execute("DELETE FROM archive_manifest WHERE day = %s", [days[0].day])
    assert f"{days[1].day} line 1: dropped: its header names a day before it, and there is none here" in said()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "UPDATE archive_archiveasset SET state = 'lost', lost_at = now(), blob_id = NULL, archived_at = NULL",
            "it is lost, and",
        ),
        ("UPDATE archive_archiveasset SET source_url = 'https://evil.example'", "its address is not the one of entry"),
        ("UPDATE archive_archiveasset SET crashes = 4", "it counts 4 crashes, and entry"),
        ("DELETE FROM archive_archiveasset", "tells of it, and it is gone without an entry"),
        ("DELETE FROM archive_ledgerentry", "it has no entry"),
        ("DELETE FROM archive_ledgerentry WHERE event = 'archived'", "it is archived, and entry"),
    ],
)
def test_what_was_done_past_the_ledger_is_named(archived, statement, words):
    assert said() == []
    with superuser() as cursor:
        cursor.execute(statement)
    assert words in "\n".join(said())


def test_an_archived_file_that_holds_other_bytes_than_its_entry_says_is_named(archived):
    with superuser() as cursor:
        cursor.execute(
            """UPDATE archive_archiveasset SET blob_id = (SELECT blob_id FROM archive_archiveasset WHERE kind = 'cover')
            WHERE kind = 'audio'"""
        )
    assert "says" in said()[0] and "it holds" in said()[0]


def test_bytes_that_are_gone_cut_or_changed_are_named(archived):
    """A change that keeps the size is found only where the bytes are read."""
    audio, cover = (storage.local_path(asset_of(archived, kind).blob.key) for kind in ("audio", "cover"))
    whole = audio.read_bytes()
    audio.chmod(0o600), cover.chmod(0o600)
    audio.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    cover.write_bytes(cover.read_bytes()[:-1])
    name = asset_of(archived).blob.sha256
    assert len(said()) == 1 and "bytes, and" in said()[0]
    assert f"object {name}: its bytes are not those that were stored" in said(read=True)
    audio.unlink()
    assert f"object {name}: The file is missing from the file store." in said()


def test_entries_of_open_days_are_counted(ana):
    make_generated(ana)
    schedule.plan()
    assert auditing.audit().waiting == 1


def test_whoever_looks_on_hears_of_every_stage(archived):
    closed(1), manifests.close(now=tomorrow())
    heard = {}

    def begins(stage, total):
        heard[stage] = [total, 0]
        return lambda done: heard[stage].__setitem__(1, heard[stage][1] + done)

    auditing.audit(begins=begins)
    assert set(heard) == {"entries", "assets", "removed assets", "objects"}
    assert all(total == done for total, done in heard.values())
