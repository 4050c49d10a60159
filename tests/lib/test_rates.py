"""Counting uses per minute, in the real cache and in none."""

import logging
import socket
from contextlib import closing
from uuid import uuid4

import pytest
from django.core.cache import caches

from apps.lib import rates
from tests.lib.threads import side_by_side

NOON = 1_800_000_000 // 60 * 60  # the start of a minute


@pytest.fixture(autouse=True)
def cache_was_there(monkeypatch):
    monkeypatch.setattr(rates, "_away_until", 0.0)


@pytest.fixture
def subject() -> str:
    return f"test/{uuid4()}"


def test_uses_are_counted_up_to_the_limit_and_beyond(subject):
    used = [rates.use(subject, 2, now=NOON + 20) for _ in range(4)]
    assert [(each.used, each.left, each.exceeded, each.just_exceeded) for each in used] == [
        (1, 1, False, False), (2, 0, False, False), (3, 0, True, True), (4, 0, True, False),
    ]  # fmt: skip
    assert {each.resets_in for each in used} == {40}


def test_a_minute_and_a_subject_count_alone(subject):
    first = rates.use(subject, 1, now=NOON + 59)
    next_minute, other = rates.use(subject, 1, now=NOON + 60), rates.use(f"{subject}x", 1, now=NOON + 59)
    assert [each.used for each in (first, next_minute, other)] == [1, 1, 1]
    assert (first.resets_in, next_minute.resets_in) == (1, 60)


def test_no_limit_counts_nothing(subject):
    assert rates.use(subject, 0) is None


def test_uses_at_the_same_moment_are_all_counted(subject):
    used = side_by_side(*[lambda: rates.use(subject, 5, now=NOON)] * 12)
    assert sorted(each.used for each in used) == list(range(1, 13))


def test_whoever_is_second_at_the_first_use_of_a_minute_counts_too(subject, monkeypatch):
    cache = caches[rates.CACHE]
    count = cache.incr

    def overtaken(key: str) -> int:
        monkeypatch.setattr(cache, "incr", count)
        assert rates.use(subject, 5, now=NOON).used == 1
        raise ValueError("there was none when it was asked for")

    monkeypatch.setattr(cache, "incr", overtaken)
    assert rates.use(subject, 5, now=NOON).used == 2


def test_a_cache_that_hangs_refuses_nobody_and_is_asked_once(settings, subject, caplog):
    """The first use waits for it, the others of this process do not; the log says it once."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        silent.settimeout(0)
        options = {"socket_timeout": 0.02, "socket_connect_timeout": 0.02}
        away = {"LOCATION": f"redis://127.0.0.1:{silent.getsockname()[1]}/0", "OPTIONS": options}
        settings.CACHES = {**settings.CACHES, rates.CACHE: {**settings.CACHES[rates.CACHE], **away}}
        with caplog.at_level(logging.WARNING, rates.__name__):
            assert [rates.use(subject, 1) for _ in range(20)] == [None] * 20
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()
    assert len(caplog.records) == 1


def test_a_cache_that_is_back_is_asked_again(settings, subject, monkeypatch):
    there = settings.CACHES
    settings.CACHES = {**there, rates.CACHE: {**there[rates.CACHE], "LOCATION": "redis://127.0.0.1:1/0"}}
    assert rates.use(subject, 1, now=NOON) is None
    settings.CACHES = there
    assert rates.use(subject, 1, now=NOON) is None
    later = rates.time.monotonic() + rates.AWAY_S
    monkeypatch.setattr(rates.time, "monotonic", lambda: later)
    assert rates.use(subject, 1, now=NOON).used == 1


def test_the_cache_is_waited_for_less_than_half_a_second(settings):
    """G7: what a request pays when the cache hangs, once in AWAY_S per process."""
    options = settings.CACHES[rates.CACHE]["OPTIONS"]
    assert options["socket_timeout"] <= 0.25 and options["socket_connect_timeout"] <= 0.25


def test_refused_requests_do_not_fill_the_log():
    handlers = [h for h in logging.getLogger().handlers if any(isinstance(f, rates.Quiet) for f in h.filters)]
    assert handlers
    record = logging.makeLogRecord({"msg": "Too Many Requests: /api/v1/me", "status_code": 429})
    assert not handlers[0].filter(record)
    assert handlers[0].filter(logging.makeLogRecord({"msg": "Unauthorized: /api/v1/me", "status_code": 401}))
    assert handlers[0].filter(logging.makeLogRecord({"msg": "anything else"}))
