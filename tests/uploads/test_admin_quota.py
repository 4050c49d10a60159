"""Quota in the admin: the days, the grants, and where a person stands."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from apps.lib import clock
from apps.uploads import quota
from apps.uploads.models import QuotaDay, QuotaGrant

pytestmark = pytest.mark.django_db

GRANTS = "/admin/uploads/quotagrant/"


@pytest.fixture
def desk(boss) -> Client:
    client = Client()
    client.force_login(boss)
    return client


def a_grant(user, **other) -> dict:
    today = clock.now().date().isoformat()
    return {"user": user.pk, "extra_bytes": 5_000_000, "starts_on": today, "ends_on": today, "reason": "A mix", **other}


def test_staff_give_more_with_a_reason_and_take_it_back(desk, ana, boss):
    assert desk.post(f"{GRANTS}add/", a_grant(ana)).status_code == 302
    given = QuotaGrant.objects.get()
    assert (given.granted_by, given.reason, quota.standing(ana).limit) == (boss, "A mix", 105_000_000)
    assert "A mix" in desk.get(GRANTS).content.decode()
    assert LogEntry.objects.filter(object_id=str(given.pk)).exists()
    desk.post(f"{GRANTS}{given.pk}/withdraw-grant/")
    assert quota.standing(ana).limit == 100_000_000


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"reason": " "}, "This field is required"),
        ({"extra_bytes": 0}, "one byte or more"),
        ({"extra_bytes": 2**62}, "1,000,000,000,000,000 at most"),
        ({"ends_on": "2020-01-01"}, "This day is over"),
        ({"starts_on": "2999-01-02", "ends_on": "2999-01-01"}, "or before the first one"),
    ],
)
def test_what_is_wrong_is_said_and_gives_nothing(desk, ana, wrong, words):
    assert words in desk.post(f"{GRANTS}add/", a_grant(ana, **wrong)).content.decode()
    assert not QuotaGrant.objects.exists()


def test_a_persons_page_says_where_they_stand_and_nobody_gives_to_themselves(desk, ana, boss):
    quota.reserve(ana, 40_000_000)
    page = desk.get(f"/admin/accounts/user/{ana.pk}/change/").content.decode().replace("\xa0", " ")
    assert "40 MB of 100 MB" in page and f"{GRANTS}add/?user={ana.pk}" in page
    assert f"{GRANTS}add/?user=" not in desk.get(f"/admin/accounts/user/{boss.pk}/change/").content.decode()


def test_days_are_listed_with_what_is_left(desk, ana):
    QuotaDay.objects.create(user=ana, day=clock.now().date(), used_bytes=1_000_000, limit_bytes=3_500_000)
    shown = desk.get("/admin/uploads/quotaday/", {"when": "today"}).content.decode().replace("\xa0", " ")
    assert "ana" in shown and "2.5 MB" in shown
