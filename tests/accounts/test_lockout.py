"""How long whoever guesses waits, and when it is forgotten; what signing in makes of it is tested at its doors."""

import datetime as dt

import pytest
from django.utils import timezone

from apps.accounts import lockout
from apps.accounts.models import Lockout

pytestmark = pytest.mark.django_db

EMAIL, HERE, ELSEWHERE = "ana@example.org", "192.0.2.1", "198.51.100.1"
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)


def fail(times: int, now: dt.datetime, *, email: str = EMAIL, address: str = HERE) -> None:
    for _ in range(times):
        lockout.count(email=email, address=address, now=now)


def locked_for(now: dt.datetime, email: str = EMAIL, address: str = HERE) -> dt.timedelta:
    """How long the next try waits; nothing is counted when it need not wait long."""
    try:
        lockout.count(email=email, address=address, now=now)
    except lockout.Locked as locked:
        return locked.until - now
    return dt.timedelta(0)


def test_the_lock_grows_from_a_quarter_of_an_hour_to_a_day():
    """S4-08."""
    now, waits = timezone.now(), []
    for _ in range(9):
        fail(5, now)
        waits.append(locked_for(now) / MINUTE)
        now += dt.timedelta(minutes=waits[-1])
    assert waits == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]


def test_the_number_and_the_first_wait_are_settings(settings):
    settings.LOCKOUT_FAILURES, settings.LOCKOUT = 2, 3 * MINUTE
    now = timezone.now()
    fail(2, now)
    assert locked_for(now) == 3 * MINUTE


def test_a_try_while_locked_out_makes_the_lock_no_longer():
    now = timezone.now()
    fail(5, now)
    assert [locked_for(now + n * MINUTE) for n in range(15)] == [(15 - n) * MINUTE for n in range(15)]
    fail(1, now + 15 * MINUTE)


def test_after_a_day_in_peace_all_is_forgotten():
    """Counted from the end of the lock: one that lasts for a day must not be forgotten as it ends."""
    now = timezone.now()
    for wait in (15, 30):
        fail(5, now)
        now += wait * MINUTE
    fail(5, now + DAY - MINUTE)
    assert locked_for(now + DAY - MINUTE) == HOUR
    now += DAY + HOUR
    fail(5, now + DAY)
    assert locked_for(now + DAY) == 15 * MINUTE


def test_account_and_place_count_together():
    now = timezone.now()
    fail(5, now)
    fail(4, now, address=ELSEWHERE)
    fail(4, now, email="bob@example.org")
    assert locked_for(now) and not locked_for(now + MINUTE, address="203.0.113.1")


@pytest.mark.parametrize("email", [" ANA@example.org", "ana@EXAMPLE.org "])
def test_an_address_in_another_case_is_the_same(email):
    now = timezone.now()
    fail(5, now, email=email)
    assert locked_for(now)


def test_a_household_counts_as_one():
    now = timezone.now()
    fail(5, now, address="2001:db8::1")
    assert locked_for(now, address="2001:db8::ffff:1") and not locked_for(now, address="2001:db8:0:1::1")


def test_an_address_longer_than_any_account_has_is_counted_too():
    fail(3, timezone.now(), email="x" * 5000 + "@example.org")
    assert Lockout.objects.get().failures == 3


def test_a_success_forgets_the_pair_and_lifting_forgets_the_account():
    now = timezone.now()
    for address in (HERE, ELSEWHERE, "203.0.113.1"):
        fail(5, now, address=address)
    lockout.succeeded(email="ANA@example.org", address=HERE)
    assert not locked_for(now) and locked_for(now, address=ELSEWHERE)
    assert [row.address for row in lockout.of(EMAIL)][-1] in (ELSEWHERE, "203.0.113.1", HERE)
    assert lockout.lift(email=EMAIL.upper()) == 3
    assert not lockout.of(EMAIL).exists()


def test_rows_that_no_longer_count_are_dropped():
    now = timezone.now()
    fail(5, now - 3 * DAY)
    fail(1, now, address=ELSEWHERE)
    assert lockout.forget(now=now) == 1
    assert lockout.of(EMAIL).get().address == ELSEWHERE
