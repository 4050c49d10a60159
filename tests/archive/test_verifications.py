"""Looks at the ledger that somebody asked for: one at a time, in slices, each begun anew when the worker dies."""

import datetime as dt

import pytest
from django.db import connection
from django.utils import timezone

from apps.archive import auditing, tasks, verifications
from apps.archive.models import ArchiveAsset, Verification
from apps.lib import leases
from tests.archive.test_auditing import superuser
from tests.archive.world import at_provider, closed, run_all
from tests.make import make_generated

pytestmark = pytest.mark.django_db(transaction=True)


def test_who_asks_twice_gets_the_same_look():
    first = verifications.ask()
    assert verifications.ask() == first and verifications.waiting()
    assert verifications.work().state == "whole"
    assert not verifications.waiting() and verifications.ask() != first


def test_a_look_says_how_far_it_is_and_what_it_found(ana, monkeypatch):
    make_generated(ana)
    run_all()
    with superuser() as cursor:
        cursor.execute("UPDATE archive_archiveasset SET crashes = 4")
    monkeypatch.setattr(verifications, "EVERY_S", 0)
    seen, usual = [], auditing._against_last

    def look(*row):
        seen.append(Verification.objects.values_list("state", "stage", "total").get())
        return usual(*row)

    monkeypatch.setattr(auditing, "_against_last", look)
    verifications.ask()
    tasks.verify()
    assert seen == [("running", "assets", 1)]
    found = Verification.objects.get()
    assert (found.state, found.result["assets"], found.result["problems"][0]["line"]) == ("broken", 1, 0)
    assert found.ended_at is not None and found.lease_until is None


def test_a_look_goes_on_in_slices_and_finds_what_one_look_finds(ana, provider, monkeypatch):
    """However large the archive is: no worker is at it for longer than its lease is kept."""
    with connection.cursor() as cursor:  # as many slices whatever ran before
        cursor.execute("SELECT setval(pg_get_serial_sequence('archive_ledgerentry', 'seq'), 1, false)")
    days = closed(3)
    at_provider(provider, ana, cover=True)
    run_all()
    with superuser() as cursor:
        cursor.execute("DELETE FROM archive_ledgerentry WHERE seq = %s", [days[0].first_seq])
        cursor.execute("UPDATE archive_archiveasset SET crashes = 4 WHERE kind = 'cover'")
    once = auditing.audit().told()
    monkeypatch.setattr(auditing, "PAGE", 1)
    monkeypatch.setattr(auditing, "OBJECTS", 1)
    monkeypatch.setattr(verifications, "SLICE_S", -1)
    monkeypatch.setattr(verifications, "EVERY_S", 0)
    verifications.ask()
    stages, done = [], []
    while (found := verifications.work()).state == "due":
        stages.append(found.stage)
        done.append(found.done)
        assert (found.lease_until, found.crashes) == (None, 0)
    assert [stages.count(stage) for stage in ("entries", "assets", "objects")] == [3, 2, 2]
    assert stages == sorted(stages, key=auditing.STAGES.index) and done[-2:] == [1, 2]
    assert found.state == "broken" and found.result == once


def test_nobody_looks_unasked():
    assert verifications.work() is None and not Verification.objects.exists()


def test_a_look_whose_worker_died_begins_anew_and_is_given_up_at_last():
    asked, machine, now = verifications.ask(), Verification.machine, timezone.now()
    rows = Verification.objects.order_by("pk")
    assert leases.claim(rows, machine, limit=1, now=now)
    assert verifications.work(now=now) is None
    for crash in range(1, leases.MOST_CRASHES):
        now += dt.timedelta(minutes=5)
        assert bool(leases.claim(rows, machine, limit=1, now=now)) == (crash < leases.MOST_CRASHES)
    verifications.work(now=now + dt.timedelta(minutes=5))
    asked.refresh_from_db()
    assert asked.state == "failed" and asked.ended_at is not None
    assert ArchiveAsset.objects.count() == 0 and closed(1)


def test_staff_press_a_button_and_see_how_far_it_is_and_what_was_found(as_, mod):
    day = closed(1)[0]
    desk, page = as_(mod), f"/admin/archive/manifest/{day.pk}/change/"
    assert f"/api/v1/archive/manifests/{day.day}" in desk.get(page).content.decode()
    assert "looked at now" in desk.post(f"/admin/archive/manifest/{day.pk}/verify-now/", follow=True).content.decode()
    asked = Verification.objects.get()
    panel = f"/admin/archive/verification/{asked.pk}/panel/"
    shown = desk.get(page).content.decode()
    assert f'data-poll="{panel}"' in shown and "Waiting for a worker" in shown
    Verification.objects.update(state="running", lease_until=timezone.now(), stage="entries", done=5, total=9)
    assert "Entries: 5 of 9" in desk.get(panel).content.decode()
    Verification.objects.update(state="due", lease_until=None)
    with superuser() as cursor:
        cursor.execute("DELETE FROM archive_ledgerentry WHERE seq = %s", [day.first_seq])
    tasks.verify()
    over = desk.get(panel).content.decode()
    assert "data-poll" not in over
    assert f"{day.day} line 2: dropped: entry {day.first_seq} is not in the table" in over
    assert over in desk.get(page).content.decode()
