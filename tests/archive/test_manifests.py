"""Closed days: each day once, each entry in exactly one of them."""

import datetime as dt
import json
import threading
from io import BytesIO

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.archive import manifests, schedule, verifying
from apps.archive.models import ArchiveAsset, LedgerEntry, Manifest
from apps.catalog import sweeper
from apps.lib import storage
from tests.archive.world import closed, entry_at, tomorrow
from tests.make import make_generated

pytestmark = pytest.mark.django_db(transaction=True)


def lines(manifest: Manifest) -> list[dict]:
    with storage.open(manifest.blob.key) as source:
        return [json.loads(line) for line in source]


def test_a_day_is_closed_once_with_its_entries_and_leads_to_the_one_before(ana):
    days = closed(3)
    assert [(m.day, m.entries) for m in days] == [(m.day, 3) for m in days] and len(days) == 3
    assert [m.previous for m in days] == ["", days[0].sha256, days[1].sha256]
    top, *entries = lines(days[1])
    assert (top["count"], top["first"], top["last"]) == (3, days[1].first_seq, days[1].last_seq)
    assert [e["seq"] for e in entries] == list(range(days[1].first_seq, days[1].last_seq + 1))
    assert manifests.head() == {"day": days[2].day, "sha256": days[2].sha256}
    assert manifests.close() == []


def test_a_day_without_entries_and_a_missed_day_are_closed_too():
    now = timezone.now()
    entry_at(now - dt.timedelta(days=4))
    entry_at(now - dt.timedelta(days=2))
    days = manifests.close()
    assert [m.entries for m in days] == [1, 0, 1, 0]
    assert [m.day for m in days] == [now.date() - dt.timedelta(days=n) for n in (4, 3, 2, 1)]


def test_today_stays_open(ana):
    make_generated(ana)
    schedule.plan()
    assert manifests.close() == [] and manifests.head() is None
    assert [m.entries for m in manifests.close(now=tomorrow())] == [1]


def test_an_entry_of_a_clock_that_went_back_is_in_the_next_manifest():
    day = closed(1)[0]
    late = entry_at(timezone.now() - dt.timedelta(days=1))
    (after,) = manifests.close(now=tomorrow())
    assert late > day.last_seq and (after.first_seq, after.entries) == (late, 1)


def test_a_writer_that_commits_after_midnight_while_the_close_waits_is_in_exactly_one_manifest(ana):
    """Its number and its time are drawn long before its commit."""
    track, other = make_generated(ana), make_generated(ana)
    schedule.plan()
    wrote, commit, made = threading.Event(), threading.Event(), []

    def write() -> None:
        with transaction.atomic():
            ArchiveAsset.objects.filter(track=track).update(state="lost")
            wrote.set()
            assert commit.wait(30)
        connection.close()

    def close() -> None:
        made.extend(manifests.close(now=tomorrow()))
        connection.close()

    writer, closer = threading.Thread(target=write), threading.Thread(target=close)
    writer.start()
    assert wrote.wait(30)
    ArchiveAsset.objects.filter(track=other).update(state="lost")  # a later number, committed earlier
    closer.start()
    closer.join(1)
    assert closer.is_alive() and not Manifest.objects.exists()
    commit.set()
    writer.join(30), closer.join(30)
    (manifest,) = made
    assert [e["seq"] for e in lines(manifest)[1:]] == list(
        LedgerEntry.objects.order_by("seq").values_list("pk", flat=True)
    )
    assert manifest.entries == 4


def test_writers_go_on_while_a_close_waits_for_one_of_them(ana):
    first, second = make_generated(ana), make_generated(ana)
    schedule.plan()
    closer = threading.Thread(target=lambda: (manifests.close(now=tomorrow()), connection.close()))
    done = []

    def write() -> None:
        done.append(ArchiveAsset.objects.filter(track=second).update(state="lost"))
        connection.close()

    with transaction.atomic():
        ArchiveAsset.objects.filter(track=first).update(state="lost")
        closer.start()
        writer = threading.Thread(target=write)
        writer.start()
        writer.join(30)
        assert done == [1] and not Manifest.objects.exists()
    closer.join(30)
    assert Manifest.objects.count() == 1


def test_two_closes_at_once_make_one_manifest():
    for n in range(40):
        entry_at(timezone.now() - dt.timedelta(days=2 - n // 20))
    barrier, failures = threading.Barrier(4), []

    def close() -> None:
        barrier.wait(30)
        try:
            manifests.close()
        except Exception as failure:
            failures.append(failure)
        connection.close()

    threads = [threading.Thread(target=close) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join(60) for thread in threads]
    assert not failures and Manifest.objects.count() == 2


def test_no_second_manifest_of_a_day_gets_past_the_database():
    day = closed(1)[0]
    with pytest.raises(IntegrityError), transaction.atomic():
        Manifest.objects.create(day=day.day, sha256="0" * 64, previous="1" * 64, entries=0, blob=day.blob)


def test_the_sweeper_takes_no_manifest():
    """A closed day is held for ever."""
    day = closed(1)[0]
    for days in (0, 3, 30):
        sweeper.sweep(now=timezone.now() + dt.timedelta(days=days))
    assert storage.exists(day.blob.key)


def test_a_day_that_the_store_did_not_take_is_closed_at_the_next_look(settings, tmp_path):
    entry_at(timezone.now() - dt.timedelta(days=1))
    usual = settings.STORAGES
    blocked = tmp_path / "file"
    blocked.write_text("")
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(blocked)}}
    settings.STORAGES = {**usual, "blobs": backend}
    with pytest.raises(storage.StorageFailed):
        manifests.close()
    settings.STORAGES = usual
    assert len(manifests.close()) == 1


def test_closing_says_the_head_so_that_somebody_may_keep_it(caplog):
    caplog.set_level("INFO", logger="apps.archive.manifests")
    day = closed(1)[0]
    assert f"ledger of {day.day} closed: 3 entries, head {day.sha256}" in caplog.text


def test_what_was_exported_proves_itself(tmp_path):
    days = closed(3)
    assert manifests.export(tmp_path) == 3
    proof = verifying.prove([tmp_path])
    assert (proof.problems, proof.days, proof.entries, proof.head) == ([], 3, 9, days[2].sha256)
    spoilt = tmp_path / f"{days[0].day}.ndjson"
    spoilt.write_bytes(b"x" * spoilt.stat().st_size)
    manifests.export(tmp_path)
    assert verifying.prove([tmp_path]).problems == []
    reading = verifying.Reading(BytesIO(spoilt.read_bytes()), lambda line, what: pytest.fail(what))
    assert len(list(reading.entries())) == 3


def test_days_that_are_over_and_not_closed_are_counted_from_the_first():
    now = timezone.now()
    assert manifests.unclosed() == (0, None)
    entry_at(now - dt.timedelta(days=3))
    assert manifests.unclosed() == (3, now.date() - dt.timedelta(days=3))
    manifests.close()
    assert manifests.unclosed() == (0, None)
    assert manifests.unclosed(now=tomorrow()) == (1, now.date())
