"""`/api/v1/me/keys`: what a new key must be, how many there are, what it gives (S4-12)."""

import datetime as dt

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from apps.accounts import actions, keys
from apps.accounts.models import ApiKey
from tests.lib.threads import side_by_side
from tests.make import make_key, make_user

pytestmark = pytest.mark.django_db

KEYS = "/api/v1/me/keys"


def ask(client, **change):
    return client.post(KEYS, {"name": "laptop", "scopes": ["read"], **change}, format="json")


def in_days(days: int) -> str:
    return (timezone.now() + dt.timedelta(days=days)).isoformat()


def test_a_name_is_trimmed_at_every_door(sure, ana):
    assert ask(sure(ana), name="  nightly import ").json()["details"]["name"] == "nightly import"
    assert actions.create_key(user=ana, name="\tradio ", scopes=["read"])[0].name == "radio"


@pytest.mark.parametrize("change", [{"name": "   "}, {"name": "\u00a0\t"}, {"expires_at": in_days(-1)},
                                    {"expires_at": "tomorrow"}])  # fmt: skip
def test_a_blank_name_and_a_past_end_are_refused(sure, ana, change):
    refused = ask(sure(ana), **change)
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID")
    assert list(refused.json()["errors"]) == list(change)
    assert not ApiKey.objects.exists()


def test_a_key_works_until_its_end(as_, sure, ana):
    made = ask(sure(ana), expires_at=in_days(1)).json()
    client = as_(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {made['key']}")
    assert client.get("/api/v1/me").status_code == 200
    ApiKey.objects.update(expires_at=timezone.now())
    assert client.get("/api/v1/me").status_code == 401


def test_facts_of_a_key_are_not_said_by_its_maker(sure, ana, bob):
    forged = {"user": str(bob.pk), "digest": "0" * 64, "prefix": "kt_forged", "last_used_at": in_days(0),
              "revoked_at": in_days(0), "id": "00000000-0000-7000-8000-000000000000"}  # fmt: skip
    assert ask(sure(ana), **forged).status_code == 201
    key = ApiKey.objects.get()
    assert key.user == ana and key.revoked_at is None and key.last_used_at is None
    assert not {str(key.pk), key.digest, key.prefix} & set(forged.values())


def test_usable_keys_are_limited_and_others_do_not_count(sure, ana, bob, monkeypatch):
    monkeypatch.setattr(keys, "MOST", 2)
    client = sure(ana)
    first = ask(client).json()["details"]["id"]
    ask(client, expires_at=in_days(1))
    refused = ask(client)
    assert (refused.status_code, refused.json()["code"]) == (409, "TOO_MANY_KEYS")
    assert ask(sure(bob)).status_code == 201
    assert client.delete(f"{KEYS}/{first}").status_code == 204
    assert ask(client).status_code == 201
    ApiKey.objects.filter(expires_at__isnull=False).update(expires_at=timezone.now())
    assert ask(client).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_two_at_once_are_not_both_the_last(monkeypatch):
    """Whoever comes while another key is being made waits for it."""
    monkeypatch.setattr(keys, "MOST", 2)
    ana = make_user("ana")
    make_key(ana)

    def impatient():
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        return actions.create_key(user=ana, name="x", scopes=["read"])

    with transaction.atomic():
        make_key(ana)
        (outcome,) = side_by_side(impatient)
    assert isinstance(outcome, OperationalError) and "lock timeout" in str(outcome)
    outcomes = side_by_side(*[lambda: actions.create_key(user=ana, name="x", scopes=["read"])] * 3)
    assert [outcome.code for outcome in outcomes] == ["TOO_MANY_KEYS"] * 3


@pytest.mark.parametrize("scopes", [["read", "write", "upload", "archive"], ["read"]])
def test_a_key_without_the_scope_admin_makes_and_revokes_none(as_, ana, scopes):
    client = as_(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(ana, *scopes)}")
    assert ask(client).status_code == 403
    assert client.delete(f"{KEYS}/{ApiKey.objects.get().pk}").status_code == 403
    assert ApiKey.objects.get().revoked_at is None


def test_the_scope_admin_gives_nobody_more_than_they_are(as_, ana, mod):
    """The same key of a moderator opens what the moderator may see."""
    seen = {}
    for who in (ana, mod):
        client = as_(None)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(who, 'admin')}")
        seen[who] = [client.get(path).status_code for path in ("/api/v1/archive/statistics", "/api/v1/archive/due")]
        assert client.get("/admin/").status_code == 302
    assert seen == {ana: [403, 403], mod: [200, 200]}


@pytest.mark.parametrize("who", ["bob", "boss"])
def test_somebody_elses_key_is_not_there(as_, ana, who, request):
    make_key(ana)
    client = as_(request.getfixturevalue(who))
    assert client.get(KEYS).json()["results"] == []
    assert client.delete(f"{KEYS}/{ApiKey.objects.get().pk}").status_code == 404
    assert ApiKey.objects.get().revoked_at is None


def test_revoking_twice_keeps_the_first_time(as_, ana):
    make_key(ana)
    path = f"{KEYS}/{ApiKey.objects.get().pk}"
    assert as_(ana).delete(path).status_code == 204
    first = ApiKey.objects.get().revoked_at
    assert as_(ana).delete(path).status_code == 204
    assert ApiKey.objects.get().revoked_at == first


def test_a_session_alone_makes_no_key(as_, sure, ana):
    """A stolen session would outlive a new password as a key. `/account/keys` asks just so."""
    refused = ask(as_(ana), scopes=["admin"])
    assert (refused.status_code, refused.json()["code"]) == (403, "CONFIRMATION_NEEDED")
    assert not ApiKey.objects.exists()
    assert ask(sure(ana), scopes=["admin"]).status_code == 201


def test_a_confirmation_counts_for_a_while_only(sure, ana, settings):
    client = sure(ana)
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    assert ask(client).json()["code"] == "CONFIRMATION_NEEDED"


def test_a_key_with_the_scope_admin_makes_keys(as_, ana):
    client = as_(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(ana, 'admin')}")
    assert ask(client).status_code == 201
