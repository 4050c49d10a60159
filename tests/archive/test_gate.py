"""The gate of a host as rules: time is an argument, so an hour of outage is a unit test."""

import datetime as dt
from dataclasses import replace

import pytest

from apps.archive.gate import (
    CLOSED,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    MOST_PATIENCE,
    PROBE_PATIENCE,
    TRIPS_AFTER,
    Breaker,
    Bucket,
    Failure,
    Pace,
    fresh,
    passes,
    trips_after,
)

T0 = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
SECOND, MINUTE, HOUR, DAYS = (dt.timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
PACE = Pace(rate=10, burst=20)


BROKEN = Failure("NETWORK_ERROR")


def tripped(now=T0, times: int = TRIPS_AFTER) -> Breaker:
    breaker = CLOSED
    for _ in range(times):
        breaker = breaker.failed(now)
    return breaker


def asked(seconds: float) -> Failure:
    return Failure("RATE_LIMITED", 429, seconds)


def test_a_rested_bucket_gives_its_burst_and_no_more():
    bucket = Bucket(20, T0)
    assert bucket.level(T0 + HOUR, PACE) == 20
    assert bucket.take(20, T0 + HOUR, PACE).filled(T0 + HOUR, PACE) == T0 + HOUR + SECOND / 10


def test_a_batch_may_take_more_than_there_is_and_the_debt_is_waited_off():
    bucket = Bucket(5, T0).take(32, T0, PACE)
    assert bucket.level(T0, PACE) == -27
    assert bucket.filled(T0, PACE) == T0 + 2.8 * SECOND


def test_a_clock_that_goes_back_gives_no_tokens():
    bucket = Bucket(0, T0).take(1, T0 - HOUR, PACE)
    assert (bucket.tokens, bucket.filled_at) == (-1, T0)


def test_a_few_failures_leave_the_breaker_closed_and_an_answer_forgets_them():
    host = fresh(T0, PACE)
    for _ in range(TRIPS_AFTER - 1):
        host = host.heard(BROKEN, T0, left=DAYS)
    assert host.shut_until(T0, PACE) is None
    assert host.heard(None, T0, left=DAYS).heard(BROKEN, T0, left=DAYS).breaker == Breaker(failures=1)


def test_ten_failures_in_a_row_open_it():
    assert tripped() == Breaker(0, 1, T0 + FIRST_PAUSE)


def test_what_was_under_way_when_it_opened_does_not_open_it_further():
    assert tripped(times=TRIPS_AFTER + 30) == tripped()


def test_each_failed_probe_doubles_the_pause_up_to_the_longest():
    breaker, now, pauses = tripped(), T0, []
    for _ in range(8):
        now = breaker.open_until
        breaker = breaker.probed(now).failed(now)
        pauses.append(breaker.open_until - now)
    assert pauses[:4] == [2 * FIRST_PAUSE, 4 * FIRST_PAUSE, 8 * FIRST_PAUSE, LONGEST_PAUSE]
    assert set(pauses[3:]) == {LONGEST_PAUSE} and LONGEST_PAUSE <= HOUR


def test_one_probe_goes_and_the_others_wait_for_it():
    host = fresh(T0, PACE)
    for _ in range(TRIPS_AFTER):
        host = host.heard(BROKEN, T0, left=DAYS)
    opens = T0 + FIRST_PAUSE
    assert host.shut_until(opens - SECOND, PACE) == opens and not host.wants_probe(opens - SECOND, PACE)
    assert host.wants_probe(opens, PACE)
    host = host.probe(opens)
    assert not host.wants_probe(opens, PACE) and host.shut_until(opens, PACE) == opens + PROBE_PATIENCE
    assert host.wants_probe(opens + PROBE_PATIENCE, PACE), "a probe that died with its worker is sent again"


def test_the_first_answer_closes_it():
    host = fresh(T0, PACE)
    for _ in range(TRIPS_AFTER):
        host = host.heard(BROKEN, T0, left=DAYS)
    assert host.probe(T0 + MINUTE).heard(None, T0, left=DAYS).breaker == CLOSED


@pytest.mark.parametrize(
    ("asked_s", "left", "waits"),
    [(30, DAYS, 30 * SECOND), (10**5, DAYS, MOST_PATIENCE), (3600, 8 * MINUTE, 2 * MINUTE), (60, -HOUR, 0 * SECOND)],
    ids=["as asked", "ten minutes at most", "a quarter of what is left", "dead"],
)
def test_retry_after_makes_the_whole_host_wait_within_bounds(asked_s, left, waits):
    host = fresh(T0, PACE).heard(asked(asked_s), T0, left=left)
    assert (host.shut_until(T0, PACE) or T0) == T0 + waits


def test_a_shorter_wish_does_not_end_a_longer_one():
    host = fresh(T0, PACE).heard(asked(300), T0, left=DAYS).heard(asked(10), T0, left=DAYS)
    assert host.shut_until(T0, PACE) == T0 + 5 * MINUTE


def test_what_would_be_dead_before_the_gate_opens_goes_and_the_dead_wait():
    until = T0 + 5 * MINUTE
    assert passes(T0 + 4 * MINUTE, now=T0, until=until) and passes(until, now=T0, until=until)
    assert not passes(T0 + 6 * MINUTE, now=T0, until=until)
    assert not passes(T0 - MINUTE, now=T0, until=until)


def test_the_openings_in_a_row_tell_how_long_a_host_was_shut():
    assert trips_after(dt.timedelta(0)) == 1
    assert trips_after(FIRST_PAUSE) == 2
    breaker, now = tripped(), T0
    for _ in range(trips_after(HOUR) - 1):
        now = breaker.open_until
        breaker = breaker.probed(now).failed(now)
    assert breaker.trips == trips_after(HOUR) and HOUR <= now - T0 < HOUR + LONGEST_PAUSE


@pytest.mark.parametrize("code", ["DISK_FULL", "STORAGE_FAILED", "IO_ERROR", "URL_REFUSED"])
def test_a_try_that_ended_with_us_says_nothing_of_the_host(code):
    """Neither that it is down nor, by a probe, that it is well again."""
    for breaker in (CLOSED, tripped(), tripped().probed(T0)):
        host = replace(fresh(T0, PACE), breaker=breaker)
        assert host.heard(Failure(code), T0, left=DAYS) == host
