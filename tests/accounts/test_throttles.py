"""Rate limits of the API through its door: of whom, for what, and that no view is without (S4-12)."""

import ipaddress
import logging
import secrets
from uuid import uuid4

import pytest
import time_machine
from django.urls import get_resolver

from apps.accounts.roles import SCOPES
from apps.accounts.throttles import Limits
from apps.lib import rates
from tests.make import make_key, make_playable

pytestmark = pytest.mark.django_db

ME, TRACKS = "/api/v1/me", "/api/v1/tracks"


@pytest.fixture
def clock(monkeypatch):
    """Twenty seconds into a minute, standing still."""
    monkeypatch.setattr(rates, "_away_until", 0.0)
    with time_machine.travel("2026-12-01T12:00:20Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def limits(settings, clock):
    """`limits(read=2)` limits this and nothing else."""

    def limit(**numbers: int) -> None:
        settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, 0) | numbers

    return limit


@pytest.fixture
def with_key(as_):
    """`with_key(clear)` is an API client with this key."""

    def client(clear: str):
        made = as_(None)
        made.credentials(HTTP_AUTHORIZATION=f"Bearer {clear}")
        return made

    return client


def statuses(client, path: str, times: int, **headers) -> list[int]:
    return [client.get(path, **headers).status_code for _ in range(times)]


def somewhere() -> str:
    """An address that no other test comes from."""
    return str(ipaddress.IPv4Address(0x0A000000 | secrets.randbits(24)))


def test_every_scope_has_a_limit(settings):
    assert set(settings.RATE_LIMITS) == {*SCOPES, "media", "piece", "anonymous", "wrong_key", "wrong_hook", "report"}


def test_no_view_of_the_api_is_without():
    views = [
        route.callback.cls
        for included in get_resolver("config.api").url_patterns
        for route in getattr(included, "url_patterns", [included])
    ]
    assert len(views) > 10
    assert [view for view in views if Limits not in view.throttle_classes] == []


def test_too_many_requests_are_429_until_the_minute_is_over(as_, ana, limits, clock):
    limits(read=2)
    client = as_(ana)
    assert statuses(client, ME, 2) == [200, 200]
    refused = client.get(ME)
    assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
    assert refused["Content-Type"] == "application/problem+json"
    assert refused["Retry-After"] == "40"
    assert (refused["RateLimit-Policy"], refused["RateLimit"]) == ('"read";q=2;w=60', '"read";r=0;t=40')
    clock.shift(40)
    assert client.get(ME).status_code == 200


def test_every_answer_says_what_is_left(as_, ana, limits):
    limits(read=3, write=2)
    client = as_(ana)
    left = [client.get(ME)["RateLimit"], client.get(f"{TRACKS}/{uuid4()}")["RateLimit"]]
    assert left == ['"read";r=2;t=40', '"read";r=1;t=40']
    assert client.patch(ME, {"bio": "x"}, format="json")["RateLimit"] == '"write";r=1;t=40'


def test_what_is_not_limited_says_nothing(as_, ana, limits):
    limits(read=0)
    assert "RateLimit" not in as_(ana).get(ME)


def test_a_person_counts_once_in_all_browsers_and_beside_others(as_, ana, bob, limits):
    limits(read=1)
    assert [as_(who).get(ME).status_code for who in (ana, ana, bob)] == [200, 429, 200]


def test_each_key_counts_alone(as_, with_key, ana, limits):
    limits(read=1)
    one, other = make_key(ana), make_key(ana)
    assert [with_key(key).get(ME).status_code for key in (one, one, other)] == [200, 429, 200]
    assert as_(ana).get(ME).status_code == 200


def test_each_scope_counts_alone(with_key, ana, limits):
    """A key that may do everything is counted by what each request needs."""
    limits(read=1, write=1, upload=1, archive=1, admin=1)
    client = with_key(make_key(ana, "admin"))
    asks = {
        "read": lambda: client.get(ME),
        "write": lambda: client.patch(ME, {}, format="json"),
        "upload": lambda: client.post("/api/v1/uploads", {}),
        "archive": lambda: client.post("/api/v1/archive/run", {}, format="json"),
        "admin": lambda: client.delete("/api/v1/me/sessions"),
    }
    for scope, ask in asks.items():
        first, second = ask(), ask()
        assert first.status_code != 429, scope
        assert (second.status_code, second["RateLimit-Policy"]) == (429, f'"{scope}";q=1;w=60')


def test_the_anonymous_count_by_network(as_, limits):
    limits(anonymous=1, read=5)
    here = somewhere()
    assert statuses(as_(None), TRACKS, 2, REMOTE_ADDR=here) == [200, 429]
    assert statuses(as_(None), TRACKS, 1, REMOTE_ADDR=somewhere()) == [200]
    household = f"2001:db8:{secrets.randbits(16):x}:{secrets.randbits(16):x}"
    got = [as_(None).get(TRACKS, REMOTE_ADDR=f"{household}::{n}").status_code for n in (1, 2)]
    assert got == [200, 429]


def test_a_listener_jumps_about_without_using_up_reading(as_, ana, limits):
    """Ranges of a file are not requests for the catalogue: neither uses up the other."""
    limits(anonymous=1, read=1, media=10)
    track = make_playable(ana)
    for client, where in ((as_(None), somewhere()), (as_(ana), somewhere())):
        for start in range(0, 10_000, 1000):
            heard = client.get(f"{TRACKS}/{track.pk}/stream", HTTP_RANGE=f"bytes={start}-", REMOTE_ADDR=where)
            assert heard.status_code == 206 and heard.getvalue()
        assert client.get(f"{TRACKS}/{track.pk}/stream", REMOTE_ADDR=where).status_code == 429
        assert client.get(TRACKS, REMOTE_ADDR=where).status_code == 200


def test_without_the_cache_reading_and_writing_go_on(as_, ana, limits, settings):
    """G7: open for reads and writes."""
    away = {**settings.CACHES[rates.CACHE], "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {**settings.CACHES, rates.CACHE: away}
    limits(read=1, write=1)
    client = as_(ana)
    assert statuses(client, ME, 3) == [200, 200, 200]
    assert client.patch(ME, {"bio": "x"}, format="json").status_code == 200


def test_who_asks_too_much_is_named_once_a_minute(as_, ana, limits, caplog):
    limits(read=1)
    with caplog.at_level(logging.WARNING, "apps.accounts.throttles"):
        statuses(as_(ana), ME, 5)
    said = [record.getMessage() for record in caplog.records if record.name == "apps.accounts.throttles"]
    assert said == [f"person/{ana.pk} has used up the limit read of 1 a minute"]


def test_keys_in_addresses_count_as_wrong_ones(as_, ana, limits):
    limits(wrong_key=1)
    clear, here = make_key(ana), somewhere()
    assert [as_(None).get(TRACKS, {"key": clear}, REMOTE_ADDR=here).status_code for _ in "ab"] == [401, 429]


def test_wrong_keys_are_refused_by_network_and_right_ones_pass(with_key, ana, limits):
    limits(wrong_key=2)
    here = somewhere()
    wrong = [f"kt_{'x' * 43}", "kt_no", ""]
    got = [with_key(key).get(ME, REMOTE_ADDR=here) for key in (*wrong, wrong[0])]
    assert [answer.status_code for answer in got] == [401, 401, 429, 429]
    assert (got[2].json()["code"], got[2]["Retry-After"]) == ("RATE_LIMITED", "40")
    assert with_key(make_key(ana)).get(ME, REMOTE_ADDR=here).status_code == 200
    assert with_key(wrong[0]).get(ME, REMOTE_ADDR=somewhere()).status_code == 401
