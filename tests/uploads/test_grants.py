"""Bytes that staff give on top of the tier's."""

import datetime as dt

import pytest

from apps.accounts.roles import Role
from apps.lib import clock
from apps.lib.errors import Conflict, Forbidden, Refusal
from apps.uploads import grants, quota
from apps.uploads.models import QuotaGrant
from tests.make import make_user

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)
FREE = 100_000_000


@pytest.fixture
def today() -> dt.date:
    return clock.now().date()


def give(user, by, first: dt.date, last: dt.date, *, extra_bytes: int = 5, reason: str = "A long recording"):
    return grants.grant(user=user, extra_bytes=extra_bytes, starts_on=first, ends_on=last, reason=reason, by=by)


def test_a_grant_raises_the_limit_on_its_days_alone(ana, boss, today):
    give(ana, boss, today, today)
    give(ana, boss, today + DAY, today + 2 * DAY, extra_bytes=7)
    assert [quota.limit_of(ana, today + n * DAY) - FREE for n in range(-1, 4)] == [0, 5, 7, 7, 0]


def test_a_withdrawn_grant_holds_no_more_and_past_days_stay_told(ana, boss, today):
    begun, to_come = give(ana, boss, today, today), give(ana, boss, today + DAY, today + DAY)
    QuotaGrant.objects.filter(pk=begun.pk).update(starts_on=today - DAY)
    for given in (begun, to_come):
        grants.withdraw(given=given, by=boss)
        with pytest.raises(Conflict):
            grants.withdraw(given=given, by=boss)
    assert quota.limit_of(ana, today) == FREE
    assert QuotaGrant.objects.get().ends_on == today - DAY


def test_what_makes_no_grant_is_refused(ana, boss, today):
    for facts in (
        {"extra_bytes": 0},
        {"extra_bytes": grants.MOST_BYTES + 1},
        {"reason": " "},
        {"first": today + DAY},
        {"first": today - DAY, "last": today - DAY},
    ):
        with pytest.raises(Refusal):
            give(ana, boss, **{"first": today, "last": today, **facts})
    assert not QuotaGrant.objects.exists()


def test_nobody_gives_without_leave_or_to_themselves(ana, mod, boss, today):
    for by, user in ((ana, ana), (mod, ana), (boss, boss)):
        with pytest.raises(Forbidden):
            give(user, by, today, today)
    given = give(ana, boss, today, today)
    with pytest.raises(Forbidden):
        grants.withdraw(given=given, by=mod)
    assert give(boss, make_user(roles=[Role.ADMIN]), today, today)
