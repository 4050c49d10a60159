"""`/me`: reading, changing and leaving, as a program does."""

import pytest
from rest_framework.test import APIClient

from apps.accounts.models import Lockout, Session, User
from tests.accounts.test_avatars import picture
from tests.make import PASSWORD, make_key

pytestmark = pytest.mark.django_db

ME = "/api/v1/me"
OWN = {"password": PASSWORD, "tracks": "remove"}


def with_key(user, *scopes) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(user, *scopes)}")
    return client


def leave(client, **body):
    return client.delete(ME, {**OWN, **body}, format="json")


def test_me_shows_everything_that_may_be_written_and_the_picture(as_, ana):
    client = as_(ana)
    body = client.get(ME).json()
    assert (body["username"], body["digest"], body["timezone"], body["avatar_url"]) == ("ana", "daily", "UTC", None)
    client.put(f"{ME}/avatar", {"file": picture()}, format="multipart")
    assert client.get(ME).json()["avatar_url"].startswith("http://testserver/avatars/")


def test_a_profile_changes_by_what_is_named(as_, ana):
    facts = {"username": "Ana.B", "country": "pt", "language": "pt-PT", "digest": "weekly", "first_name": " Ana "}
    body = as_(ana).patch(ME, facts, format="json").json()
    assert {name: body[name] for name in facts} == {**facts, "country": "PT", "first_name": "Ana"}
    assert (body["bio"], body["email"]) == ("", "ana@example.org")


@pytest.mark.parametrize(
    ("fact", "value"),
    [("username", "BOB"), ("username", "admin"), ("username", ""), ("username", "a b"), ("username", None),
     ("country", "XX"), ("timezone", ""), ("language", "x-klingon"), ("digest", "hourly"), ("bio", "x" * 2001),
     ("display_name", "x" * 101), ("display_name", "a\x00b"), ("first_name", ["x"])],
)  # fmt: skip
def test_a_wrong_fact_is_400_by_its_name(as_, ana, bob, fact, value):
    refused = as_(ana).patch(ME, {fact: value, "last_name": "kept out"}, format="json")
    assert (refused.status_code, refused.json()["code"], list(refused.json()["errors"])) == (400, "INVALID", [fact])
    assert as_(ana).get(ME).json()["last_name"] == ""


def test_who_leaves_is_signed_out_everywhere_and_known_no_more(as_, ana):
    here, there = as_(ana), as_(ana)
    key = with_key(ana, "read")
    assert leave(here).status_code == 204
    assert not User.objects.exists() and not Session.objects.exists()
    for client in (here, there, key):
        assert client.get(ME).status_code == 401


def test_leaving_asks_for_the_password_and_counts_wrong_ones(as_, ana, settings):
    client = as_(ana)
    for _ in range(settings.LOCKOUT_FAILURES):
        refused = leave(client, password="wrong")
        assert (refused.status_code, refused.json()["code"]) == (403, "WRONG_PASSWORD")
    refused = leave(client)
    assert (refused.status_code, refused.json()["code"]) == (429, "LOCKED_OUT")
    assert User.objects.exists() and Lockout.objects.get().locked_until


@pytest.mark.parametrize("body", [{"tracks": "burn"}, {"tracks": None}, {"password": ""}, {"password": None}])
def test_a_request_to_leave_that_lacks_a_word_is_400(as_, ana, body):
    refused = leave(as_(ana), **body)
    assert (refused.status_code, refused.json()["code"], list(refused.json()["errors"])) == (400, "INVALID", list(body))
    assert User.objects.exists()


@pytest.mark.parametrize(("scopes", "status"), [(("read", "write", "upload"), 403), (("admin",), 204)])
def test_a_key_lets_leave_only_with_the_scope_admin(ana, scopes, status):
    assert leave(with_key(ana, *scopes)).status_code == status
    assert User.objects.exists() is (status == 403)


def test_the_last_admin_is_told_what_to_do_first(as_, boss):
    refused = leave(as_(boss))
    assert (refused.status_code, refused.json()["code"]) == (409, "LAST_ADMIN")
    assert "Grant the role to somebody else first" in refused.json()["detail"]
