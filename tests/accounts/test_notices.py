"""Notices: said once per subject and day, read by whom they are for."""

import datetime as dt
from functools import partial

import pytest
from django.db import IntegrityError

from apps.accounts import notices
from apps.accounts.models import Notice
from tests.lib.threads import side_by_side
from tests.make import make_user

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2024, 5, 6, 23, 30, tzinfo=dt.UTC)


def tell(user, subject: str = "one", kind: str = "archive.lost", **facts) -> None:
    words = {"title": "A track is lost", "message": "It cannot be had any more.", "now": NOW}
    notices.tell(user=user, kind=kind, subject=subject, **{**words, **facts})


def test_the_same_is_said_once_a_day(ana, bob):
    """S3-13."""
    for _ in range(3):
        tell(ana)
    assert Notice.objects.count() == 1
    tell(ana, subject="another")
    tell(ana, kind="archive.quarantined")
    tell(bob)
    tell(ana, now=NOW + dt.timedelta(hours=1))
    assert Notice.objects.count() == 5


def test_the_day_is_the_utc_day_whoever_asks(ana):
    east = dt.timezone(dt.timedelta(hours=9))
    tell(ana)
    tell(ana, now=NOW.astimezone(east) - dt.timedelta(hours=20))
    assert [str(row.day) for row in Notice.objects.all()] == ["2024-05-06"]


@pytest.mark.django_db(transaction=True)
def test_eight_workers_at_once_say_it_once():
    ana = make_user("ana")
    assert side_by_side(*[partial(tell, ana) for _ in range(8)]) == [None] * 8
    assert Notice.objects.count() == 1


@pytest.mark.parametrize(
    "link", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "tracks/1"]
)
def test_a_notice_leads_nowhere_but_into_this_site(ana, link):
    with pytest.raises(ValueError, match="path of this site"):
        tell(ana, link=link)
    with pytest.raises(IntegrityError):
        Notice.objects.create(user=ana, kind="x", subject="x", day=NOW.date(), title="x", message="x", link=link)


def test_words_that_are_too_long_are_cut(ana):
    tell(ana, title="t" * 300, message="m" * 3000)
    row = Notice.objects.get()
    assert (len(row.title), len(row.message), row.message[-1]) == (200, 2000, "…")


def test_reading_touches_only_ones_own(ana, bob):
    for who in (ana, bob):
        tell(who)
        tell(who, subject="two")
    everything = list(Notice.objects.values_list("pk", flat=True))
    assert notices.read(user=ana, ids=everything) == 2
    assert notices.read(user=ana) == 0
    assert (notices.unread(ana), notices.unread(bob)) == (0, 2)
    assert notices.read(user=bob, ids=[]) == 0
    assert notices.read(user=bob) == 2


def test_what_was_read_keeps_its_time_and_can_be_unread(ana):
    tell(ana)
    row = Notice.objects.get()
    for moment in (NOW, NOW + dt.timedelta(hours=1)):
        notices.mark(notice=row, read=True, now=moment)
    row.refresh_from_db()
    assert row.read_at == NOW
    notices.mark(notice=row, read=False)
    assert notices.unread(ana) == 1


def test_the_count_ends_at_a_hundred(ana):
    row = {"user": ana, "kind": "x", "day": NOW.date(), "title": "x", "message": "x"}
    Notice.objects.bulk_create([Notice(subject=str(number), **row) for number in range(150)])
    assert notices.unread(ana) == 100


def test_old_notices_are_forgotten(ana):
    tell(ana)
    Notice.objects.update(created_at=NOW)
    assert notices.forget(now=NOW + notices.KEPT) == 0
    assert notices.forget(now=NOW + notices.KEPT + dt.timedelta(seconds=1)) == 1
