"""Sessions as rows: whose, from where, since when, and how they end (S4-09)."""

import base64
import datetime as dt
import json
import pickle

import pytest
import time_machine
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from apps.accounts import sessions
from apps.accounts.models import Session, User
from apps.accounts.sessions import SessionStore, digest
from tests.doors.entrance import DOORS, JSON, browser, pages, programs, signed_in, who
from tests.make import make_user

pytestmark = pytest.mark.django_db

MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)
AGENT = "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0"


def row_of(client: Client) -> Session:
    return Session.objects.get(session_key=digest(client.cookies["sessionid"].value))


# --- What a row says --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("door", DOORS)
def test_a_session_knows_its_person_address_browser_and_times(door, ana):
    now = timezone.now()
    client = browser("192.0.2.44", headers={"user-agent": AGENT})
    with time_machine.travel(now, tick=False):
        door.sign_in(client, ana.email)
    row = row_of(client)
    assert (row.user, row.address, row.agent) == (ana, "192.0.2.44", AGENT)
    assert row.created_at == row.last_activity == now
    assert row.expire_date == now + 7 * DAY


@pytest.mark.parametrize("later", [DAY, dt.timedelta(seconds=20)])
def test_a_session_begins_with_the_sign_in_not_with_the_visit(ana, later):
    client, now = browser(), timezone.now()
    with time_machine.travel(now, tick=False) as clock:
        pages.sign_up(client, "new@example.org")
        assert row_of(client).user is None
        clock.shift(later)
        pages.sign_in(client, ana.email)
    assert row_of(client).created_at == row_of(client).last_activity == now + later


def test_last_activity_is_kept_to_the_minute(ana, django_assert_num_queries):
    """Reading pages must not write a row per request; the address and the browser are those of the last minute."""
    client = browser("192.0.2.1")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        pages.sign_in(client, ana.email)
        start = row_of(client).last_activity
        clock.shift(59)
        client.get("/", REMOTE_ADDR="192.0.2.2")
        assert (row_of(client).last_activity, row_of(client).address) == (start, "192.0.2.1")
        clock.shift(2)
        client.get("/", REMOTE_ADDR="192.0.2.2")
        assert (row_of(client).last_activity, row_of(client).address) == (
            start + 61 * dt.timedelta(seconds=1),
            "192.0.2.2",
        )


def test_the_row_holds_neither_the_key_nor_its_content(ana):
    """Whoever reads the table is signed in nowhere, and reads nothing."""
    client = signed_in(pages, ana)
    row, key = row_of(client), client.cookies["sessionid"].value
    stored = str(Session.objects.values().get(pk=row.pk))
    for word in (key, ana.email, SESSION_KEY, HASH_SESSION_KEY):
        assert word not in stored
        assert base64.b64encode(word.encode()).decode().rstrip("=") not in stored
    assert SessionStore(key).load()[SESSION_KEY] == str(ana.pk)
    assert SessionStore(row.session_key).load() == {}


def test_a_long_name_of_a_browser_is_cut(ana):
    client = browser(headers={"user-agent": "x" * 5000})
    pages.sign_in(client, ana.email)
    assert row_of(client).agent == "x" * 300


# --- How a session ends -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("after", [7 * DAY - MINUTE, 7 * DAY + MINUTE])
def test_a_session_lasts_for_seven_days(after, ana):
    """S4-09, S4-17: token and not expired."""
    client = signed_in(pages, ana)
    with time_machine.travel(timezone.now() + after, tick=False):
        assert who(client) == (ana.email if after < 7 * DAY else None)


def test_the_session_check_tells_the_person_and_whether_the_address_is_proven(ana):
    """S4-17."""
    client = signed_in(programs, ana)
    assert client.get(f"{JSON}/auth/session").json()["data"]["user"]["id"] == str(ana.pk)
    assert client.get(f"{JSON}/account/email").json()["data"] == [
        {"email": ana.email, "verified": True, "primary": True}
    ]
    sessions.end(session=row_of(client))
    assert client.get(f"{JSON}/auth/session").status_code == 401


def test_a_session_that_is_ended_is_signed_out_with_its_next_request(ana):
    here, there = signed_in(pages, ana), signed_in(pages, ana)
    sessions.end(session=row_of(there))
    assert (who(here), who(there)) == (ana.email, None)
    assert there.get("/upload").status_code == 302
    assert there.cookies["sessionid"].value == ""


def test_ending_the_others_keeps_one(ana, bob):
    clients = [signed_in(pages, ana) for _ in range(3)]
    strangers = signed_in(pages, bob)
    assert sessions.end_others(user=ana, keep=clients[1].cookies["sessionid"].value) == 2
    assert [who(client) for client in clients] == [None, ana.email, None]
    assert sessions.end_others(user=ana, keep=None) == 1
    assert who(strangers) == bob.email


def in_the_middle(monkeypatch, act) -> None:
    """A page that changes its session, and something that happens while it runs."""

    def view(request):
        request.session["seen"] = str(request.user)
        act(request)
        return HttpResponse("done")

    monkeypatch.setattr("config.urls.urlpatterns", [])
    monkeypatch.setattr("django.core.handlers.base.BaseHandler.resolve_request", lambda *_: (view, (), {}))


@pytest.mark.parametrize("cycles", [False, True])
@pytest.mark.parametrize("path", ["/", "/api/v1/x"])
def test_a_request_that_runs_while_its_session_is_ended_does_not_bring_it_back(ana, monkeypatch, cycles, path):
    """Neither by writing it nor by giving it a new key, as a change of password does. It is told so in words."""
    client = signed_in(pages, ana)

    def act(request):
        sessions.end(session=row_of(client))
        if cycles:
            request.session.cycle_key()

    with monkeypatch.context() as patched:
        in_the_middle(patched, act)
        answer = client.get(path)
    assert answer.status_code == 401 and "Sign in, look, and try again" in answer.content.decode()
    assert not Session.objects.exists() and who(client) is None


def test_a_session_whose_key_changes_while_it_is_ended_is_ended(ana):
    """The page of sessions knows the row by its id, which the new key keeps."""
    client = signed_in(pages, ana)
    shown = row_of(client)
    store = SessionStore(client.cookies["sessionid"].value)
    store.cycle_key()
    assert store.session_key != client.cookies["sessionid"].value
    assert Session.objects.get().id == shown.id
    sessions.end(session=shown)
    assert not Session.objects.exists()


def test_an_ended_session_gets_no_new_key(ana):
    client = signed_in(pages, ana)
    store = SessionStore(client.cookies["sessionid"].value)
    assert store[SESSION_KEY] == str(ana.pk)
    sessions.end(session=row_of(client))
    with pytest.raises(SessionInterrupted):
        store.cycle_key()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("known", [False, True])
def test_a_person_who_is_gone_gets_no_session(known):
    """A request that still runs must neither write one nor try for ever to."""
    ana, store = make_user("ana"), SessionStore()
    if known:
        store.create()
    store[SESSION_KEY] = str(ana.pk)
    User.objects.all().delete()
    with pytest.raises(UpdateError):
        store.save()
    assert not Session.objects.filter(user__isnull=False).exists()


def test_expired_sessions_are_swept(ana):
    """By Django's own command."""
    kept, gone = signed_in(pages, ana), signed_in(pages, ana)
    Session.objects.filter(pk=row_of(gone).pk).update(expire_date=timezone.now() - MINUTE)
    call_command("clearsessions")
    assert list(Session.objects.all()) == [row_of(kept)]


# --- Cookies ----------------------------------------------------------------------------------------------------------
class Boom:
    def __reduce__(self):
        return (exec, ("raise SystemExit('unpickled')",))


COOKIES = {
    "garbage": "; drop table --", "short": "a", "long": "a" * 60_000, "unknown": "a" * 32, "NUL": "a" * 20 + "\x00",
    "pickled": base64.b64encode(pickle.dumps(Boom())).decode(), "letters": "\xfc\xc3\xbc" * 8, "bytes": "\xff\xfe" * 10,
    "a row's": None, "JSON": json.dumps({SESSION_KEY: "1"}),
}  # fmt: skip


@pytest.mark.parametrize("kind", COOKIES)
@pytest.mark.parametrize("path", ["/", "/account/sessions", "/api/v1/me", "/admin/", f"{JSON}/auth/session"])
def test_a_cookie_of_nonsense_signs_nobody_in_and_breaks_nothing(kind, path, ana):
    value = COOKIES[kind] or row_of(signed_in(pages, ana)).session_key
    client = browser()
    client.cookies["sessionid"] = value
    assert client.get(path).status_code in (200, 302, 400, 401, 403)
    assert who_with(value) is None


def who_with(value: str) -> str | None:
    client = browser()
    client.cookies["sessionid"] = value
    answer = client.get(f"{JSON}/auth/session")
    return answer.json().get("data", {}).get("user")


def test_content_that_was_sealed_under_another_key_is_nobodys(ana, settings):
    client = signed_in(pages, ana)
    settings.SECRET_KEY = "y" * 50
    assert who(client) is None
    pages.sign_in(client, ana.email)
    assert who(client) == ana.email


def test_content_that_nobody_sealed_is_nobodys(ana):
    client = signed_in(pages, ana)
    for forged in ("", "x", json.dumps({SESSION_KEY: str(ana.pk)}), base64.b64encode(pickle.dumps(Boom())).decode()):
        Session.objects.update(session_data=forged)
        assert who(client) is None


def test_the_cookie_is_for_the_server_alone(ana):
    client = browser()
    pages.sign_in(client, ana.email)
    cookie = client.cookies["sessionid"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/"
    assert cookie["max-age"] == 7 * 24 * 3600


def test_many_sign_ins_are_many_sessions(ana):
    clients = [signed_in(door, ana) for door in DOORS]
    assert len({row_of(client).id for client in clients}) == 2
    assert make_user().sessions.count() == 0
