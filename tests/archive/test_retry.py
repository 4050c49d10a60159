"""The retry ladder as a table: time is an argument, so fifteen days are a unit test."""

import datetime as dt

import pytest

from apps.archive.retry import Life, again_soon, decide

T0 = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
DAYS, HOUR, MINUTE = dt.timedelta(days=15), dt.timedelta(hours=1), dt.timedelta(minutes=1)


def make_life(span=DAYS, attempts=0, **past) -> Life:
    return Life(seen_at=T0, expires_at=T0 + span, attempts=attempts, **past)


@pytest.mark.parametrize(("attempts", "minutes"), [(0, 1), (1, 6), (2, 36), (3, 156), (4, 360), (40, 360)])
def test_a_long_lived_asset_waits_longer_after_each_failure(attempts, minutes):
    decision = decide("SOURCE_ERROR", make_life(attempts=attempts), now=T0 + HOUR)
    assert decision.state == "retrying"
    assert decision.next_at == T0 + HOUR + minutes * MINUTE
    assert decision.attempts == attempts + 1


@pytest.mark.parametrize(("elapsed_s", "next_s"), [(0, 18), (18, 60), (59, 60), (61, 180), (1000, 1260), (3000, 3240)])
def test_a_short_lived_asset_climbs_a_ladder_of_offsets(elapsed_s, next_s):
    decision = decide("TIMED_OUT", make_life(span=HOUR), now=T0 + dt.timedelta(seconds=elapsed_s))
    assert decision.next_at == T0 + dt.timedelta(seconds=next_s)


def test_a_short_lived_asset_that_gets_one_dead_address_after_the_other_is_not_tried_without_rest():
    decision = decide("GONE", make_life(span=HOUR, attempts=10), now=T0 + dt.timedelta(seconds=2))
    assert decision.next_at == T0 + dt.timedelta(seconds=362)


def test_the_last_try_falls_just_before_expiry_and_not_after_it():
    now = T0 + DAYS - dt.timedelta(hours=2)
    assert decide("SOURCE_ERROR", make_life(attempts=9), now=now).next_at == T0 + DAYS - dt.timedelta(seconds=30)


def test_gone_is_only_suspected_at_first():
    decision = decide("GONE", make_life(), now=T0 + MINUTE)
    assert (decision.state, decision.gone_checks, decision.gone_since) == ("gone_suspect", 1, T0 + MINUTE)


@pytest.mark.parametrize("span", [DAYS, HOUR], ids=["15d", "1h"])
def test_gone_is_not_believed_before_the_expiry_however_often_it_is_said(span):
    """F10. Who refuses everybody for half a day has not deleted what it promised to keep for two weeks."""
    often = make_life(span, attempts=50, gone_checks=50, gone_since=T0)
    decision = decide("GONE", often, now=T0 + span - MINUTE)
    assert (decision.state, decision.gone_checks, decision.gone_since) == ("gone_suspect", 51, T0)
    assert decision.next_at == T0 + span - dt.timedelta(seconds=30)
    assert decide("GONE", often, now=T0 + span).state == "lost"


def test_a_suspect_is_asked_every_six_hours():
    suspect = make_life(attempts=5, gone_checks=5, gone_since=T0)
    assert decide("GONE", suspect, now=T0 + 9 * HOUR).next_at == T0 + 15 * HOUR


def test_another_answer_ends_the_suspicion():
    suspect = make_life(attempts=2, gone_checks=2, gone_since=T0)
    decision = decide("RATE_LIMITED", suspect, now=T0 + 7 * HOUR)
    assert (decision.state, decision.gone_checks, decision.gone_since) == ("retrying", 0, None)


def test_after_expiry_gone_means_lost_and_silence_has_a_grace():
    assert decide("GONE", make_life(span=HOUR), now=T0 + HOUR).state == "lost"
    assert decide("NETWORK_ERROR", make_life(span=HOUR), now=T0 + HOUR).state == "retrying"
    assert decide("NETWORK_ERROR", make_life(span=HOUR), now=T0 + 2 * HOUR).state == "lost"
    assert decide("NETWORK_ERROR", make_life(), now=T0 + DAYS + 23 * HOUR).state == "retrying"
    assert decide("NETWORK_ERROR", make_life(), now=T0 + DAYS + 24 * HOUR).state == "lost"


@pytest.mark.parametrize("jitter", [0.9, 1.0, 1.1])
def test_no_jitter_moves_the_last_chance_past_expiry(jitter):
    for span, left in [(DAYS, 5 * HOUR), (HOUR, 3 * MINUTE), (DAYS, 2 * MINUTE)]:
        now = T0 + span - left
        decision = decide("NETWORK_ERROR", make_life(span=span, attempts=4), now=now, jitter=jitter)
        assert now < decision.next_at <= T0 + span - dt.timedelta(seconds=30)


def test_jitter_spreads_what_failed_together():
    waits = {decide("SOURCE_ERROR", make_life(attempts=3), now=T0, jitter=j).next_at for j in (0.9, 1.0, 1.1)}
    assert len(waits) == 3


@pytest.mark.parametrize("code", ["DISK_FULL", "STORAGE_FAILED", "IO_ERROR"])
def test_our_own_faults_never_count_nor_lose(code):
    late = make_life(attempts=3, gone_checks=2, gone_since=T0)
    decision = decide(code, late, now=T0 + 2 * DAYS)
    assert (decision.state, decision.attempts, decision.gone_checks) == ("retrying", 3, 2)
    assert decision.next_at == T0 + 2 * DAYS + MINUTE


@pytest.mark.parametrize(("left_s", "waits_s"), [(61, 60), (60, 30), (50, 25), (8, 4), (1.5, 1), (0, 60), (-100, 60)])
def test_a_fault_of_our_own_never_skips_the_last_chance(left_s, waits_s):
    now = T0 + HOUR - dt.timedelta(seconds=left_s)
    decision = decide("STORAGE_FAILED", make_life(span=HOUR), now=now)
    assert decision.next_at == now + dt.timedelta(seconds=waits_s)


@pytest.mark.parametrize(
    ("asked_s", "waits_s"), [(30, 60), (600, 600), (10**9, 900), (0, 60)], ids=["less", "more", "forever", "now"]
)
def test_retry_after_is_honoured_up_to_a_quarter_of_what_is_left(asked_s, waits_s):
    now = T0 + DAYS - HOUR
    decision = decide("RATE_LIMITED", make_life(), now=now, retry_after=asked_s)
    assert decision.next_at == now + dt.timedelta(seconds=waits_s)


def test_every_asset_ends_lost_or_tries_again_before_its_end():
    """No chain of failures leaves an asset waiting for ever."""
    for span in (HOUR, dt.timedelta(days=1), DAYS):
        for code in ("GONE", "SOURCE_ERROR", "TIMED_OUT", "MEDIA_UNREADABLE"):
            life, now = make_life(span=span), T0
            for _ in range(300):
                decision = decide(code, life, now=now)
                if decision.state == "lost":
                    break
                assert decision.next_at > now
                now = decision.next_at
                life = make_life(
                    span, decision.attempts, gone_checks=decision.gone_checks, gone_since=decision.gone_since
                )
            assert decision.state == "lost", (span, code)


@pytest.mark.parametrize(
    ("code", "status", "asked", "again"),
    [
        ("NETWORK_ERROR", None, None, True), ("SOURCE_ERROR", 500, None, True), ("SOURCE_ERROR", 502, None, True),
        ("RATE_LIMITED", 503, None, True), ("RATE_LIMITED", 503, 5.0, False), ("RATE_LIMITED", 429, None, False),
        ("SOURCE_ERROR", 401, None, False), ("GONE", 404, None, False), ("TOO_LARGE", 200, None, False),
        ("URL_REFUSED", None, None, False), ("TIMED_OUT", None, None, False), ("DISK_FULL", None, None, False),
    ],
)  # fmt: skip
def test_only_what_passes_within_seconds_is_asked_for_once_more_in_the_same_attempt(code, status, asked, again):
    assert again_soon(code, status, asked) is again
