"""What a day holds: never a byte over, and given back once."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.lib.errors import Refusal
from apps.uploads import intake, quota
from apps.uploads.models import QuotaDay, QuotaGrant
from tests.lib.threads import side_by_side
from tests.make import make_user

pytestmark = pytest.mark.django_db(transaction=True)

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
LIMIT = 100_000_000


def make_grant(user, extra: int, first: dt.date, last: dt.date, by=None) -> QuotaGrant:
    facts = {"starts_on": first, "ends_on": last, "reason": "A whole album.", "granted_by": by}
    return QuotaGrant.objects.create(user=user, extra_bytes=extra, **facts)


def test_exactly_the_limit_fits_and_not_a_byte_more(ana):
    """S1-04: the boundary is inclusive."""
    assert quota.reserve(ana, LIMIT - 1, now=NOON) == NOON.date()
    quota.reserve(ana, 1, now=NOON)
    with pytest.raises(Refusal) as refused:
        quota.reserve(ana, 1, now=NOON)
    assert (refused.value.code, refused.value.status) == ("QUOTA_EXCEEDED", 413)
    assert refused.value.extra == {"left": 0, "limit": LIMIT, "resets_at": "2026-03-02T00:00:00+00:00"}


def test_the_first_of_a_day_may_not_be_over_it_either(ana):
    with pytest.raises(Refusal):
        quota.reserve(ana, LIMIT + 1, now=NOON)
    assert not QuotaDay.objects.exists()


def test_a_day_begins_at_midnight_utc(ana):
    late = dt.datetime(2026, 3, 1, 20, tzinfo=dt.timezone(dt.timedelta(hours=-6)))  # 2 March in UTC
    quota.reserve(ana, LIMIT, now=NOON)
    assert quota.reserve(ana, LIMIT, now=late) == dt.date(2026, 3, 2)
    assert quota.standing(ana, now=NOON).left == 0
    assert quota.standing(ana, now=NOON + dt.timedelta(days=2)) == quota.Standing(
        used=0, limit=LIMIT, left=LIMIT, resets_at=dt.datetime(2026, 3, 4, tzinfo=dt.UTC)
    )


def test_the_limit_is_the_tiers_and_what_staff_granted_for_the_day(settings):
    settings.UPLOAD_QUOTA = {"free": 10, "pro": 20, "enterprise": 30}
    person = make_user(plan="pro")
    make_grant(person, 5, NOON.date(), NOON.date())
    make_grant(person, 7, NOON.date(), NOON.date() + dt.timedelta(days=1))
    days = (NOON + dt.timedelta(days=day) for day in (-1, 0, 1, 2))
    assert [quota.standing(person, now=day).limit for day in days] == [20, 32, 27, 20]
    assert quota.standing(make_user(), now=NOON).limit == 10


def test_a_limit_that_sinks_below_what_is_used_leaves_nothing_and_breaks_nothing(ana, settings):
    quota.reserve(ana, 60, now=NOON)
    settings.UPLOAD_QUOTA = {**settings.UPLOAD_QUOTA, "free": 50}
    assert quota.standing(ana, now=NOON).left == 0
    with pytest.raises(Refusal):
        quota.reserve(ana, 1, now=NOON)


def test_no_raw_write_goes_over(ana):
    quota.reserve(ana, LIMIT, now=NOON)
    with pytest.raises(IntegrityError), transaction.atomic():
        QuotaDay.objects.update(used_bytes=LIMIT + 1)


def test_fifty_at_once_never_take_a_byte_more(ana):
    """F21: fifty of 9 MB, eleven fit into a hundred."""
    for day in range(3):
        now = NOON + dt.timedelta(days=day)
        ends = side_by_side(*[lambda now=now: quota.reserve(ana, 9_000_000, now=now)] * 50)
        assert sum(end == now.date() for end in ends) == 11
        assert {end.code for end in ends if end != now.date()} == {"QUOTA_EXCEEDED"}
        assert quota.standing(ana, now=now).used == 99_000_000


def test_fifty_who_begin_at_once_are_as_many_as_may(ana, settings):
    settings.UPLOADS_AT_ONCE = 7
    begin = lambda: intake.begin(user=ana, way="tus", size=9_000_000, file_name="a.wav")  # noqa: E731
    ends = side_by_side(*[begin] * 50)
    assert sum(not isinstance(end, Exception) for end in ends) == 7
    assert {end.code for end in ends if isinstance(end, Exception)} == {"TOO_MANY_UPLOADS"}
    assert quota.standing(ana).used == 63_000_000


def test_what_is_given_up_is_given_back_once_however_many_give_it_up(ana):
    kept = intake.begin(user=ana, way="tus", size=5, file_name="a.wav")
    upload = intake.begin(user=ana, way="tus", size=7, file_name="b.wav")
    ends = side_by_side(*[lambda: intake.give_up(upload, "EXPIRED", "Too late.")] * 8)
    assert sorted(ends) == [False] * 7 + [True]
    assert quota.standing(ana).used == kept.size_bytes


def test_a_refund_goes_to_the_day_it_was_taken_of(ana):
    upload = intake.begin(user=ana, way="tus", size=7, file_name="b.wav")
    yesterday = timezone.now().date() - dt.timedelta(days=1)
    QuotaDay.objects.update(day=yesterday)
    type(upload).objects.update(reserved_on=yesterday)
    quota.reserve(ana, 3)
    assert intake.give_up(upload, "EXPIRED", "Too late.")
    assert quota.standing(ana).used == 3
    assert QuotaDay.objects.get(day=yesterday).used_bytes == 0
