"""`/api/v1/me/sessions`: seen and ended by their owner (S4-09)."""

import datetime as dt
import json

import pytest
from django.conf import settings
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import Session
from tests.make import make_key

pytestmark = pytest.mark.django_db

SESSIONS, ME = "/api/v1/me/sessions", "/api/v1/me"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


def of(client) -> dict:
    """The client's own entry."""
    return next(row for row in client.get(SESSIONS).json()["results"] if row["current"])


def is_in(client) -> bool:
    return client.get(ME).status_code == 200


def test_sessions_are_listed_with_their_facts(as_, ana, bob):
    first, second, _ = as_(ana), as_(ana), as_(bob)
    seen = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    Session.objects.filter(id=of(first)["id"]).update(address="2001:db8::1", agent=FIREFOX, created_at=seen)
    rows = second.get(SESSIONS).json()["results"]
    assert [row["current"] for row in rows] == [True, False]
    other = rows[1]
    assert (other["name"], other["agent"], other["address"]) == ("Firefox on Windows", FIREFOX, "2001:db8::1")
    assert other["created_at"].startswith("2026-01-01T00:00:00")
    assert dt.datetime.fromisoformat(other["expires_at"]) - timezone.now() > dt.timedelta(days=6, hours=23)
    assert set(other) == {"id", "name", "agent", "address", "created_at", "last_activity", "expires_at", "current"}


def test_nothing_that_signs_anybody_in_is_shown(as_, ana):
    client = as_(ana)
    said = json.dumps(client.get(SESSIONS).json())
    row = Session.objects.get(user=ana)
    secrets = (client.cookies[settings.SESSION_COOKIE_NAME].value, row.session_key, row.session_data)
    assert not [secret for secret in secrets if secret in said]


def test_what_has_expired_is_not_listed(as_, ana):
    old, client = as_(ana), as_(ana)
    Session.objects.filter(id=of(old)["id"]).update(expire_date=timezone.now() - dt.timedelta(seconds=1))
    assert len(client.get(SESSIONS).json()["results"]) == 1


def test_another_browser_is_signed_out_at_once(as_, ana):
    lost, client = as_(ana), as_(ana)
    assert client.delete(f"{SESSIONS}/{of(lost)['id']}").status_code == 204
    assert (is_in(lost), is_in(client)) == (False, True)


def test_the_asking_browser_may_be_signed_out_too(as_, ana):
    client = as_(ana)
    answer = client.delete(f"{SESSIONS}/{of(client)['id']}")
    assert answer.status_code == 204
    assert answer.cookies[settings.SESSION_COOKIE_NAME].value == ""
    assert not is_in(client) and not Session.objects.exists()


@pytest.mark.parametrize("who", ["bob", "boss"])
def test_somebody_elses_session_is_not_there(as_, ana, who, request):
    """Neither for strangers nor for staff, whose place for it is the admin."""
    theirs = as_(ana)
    address = f"{SESSIONS}/{of(theirs)['id']}"
    assert as_(request.getfixturevalue(who)).delete(address).status_code == 404
    assert is_in(theirs)


def test_everywhere_else_is_signed_out_in_one_act(as_, ana, bob):
    client, others, stranger = as_(ana), [as_(ana), as_(ana)], as_(bob)
    assert client.delete(SESSIONS).status_code == 204
    assert [is_in(each) for each in (client, *others, stranger)] == [True, False, False, True]


def test_a_key_ends_all_sessions_with_the_scope_admin_and_none_without(as_, ana):
    client = as_(ana)
    with_key = as_(None)
    for scopes, status in ((["read", "write"], 403), (["admin"], 204)):
        with_key.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(ana, *scopes)}")
        assert not any(row["current"] for row in with_key.get(SESSIONS).json()["results"])
        assert with_key.delete(SESSIONS).status_code == status
        assert is_in(client) is (status == 403)


def test_ending_needs_the_csrf_token(ana):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(ana)
    assert client.delete(SESSIONS).status_code == 403
    assert client.delete(f"{SESSIONS}/{of(client)['id']}").status_code == 403
    assert is_in(client)


def test_the_anonymous_have_no_sessions(as_):
    assert as_(None).get(SESSIONS).status_code == 401
    assert as_(None).delete(SESSIONS).status_code == 401
