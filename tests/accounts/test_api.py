"""`/api/v1/me` and its keys."""

import pytest

from apps.accounts.models import ApiKey
from tests.make import make_key

pytestmark = pytest.mark.django_db


def test_me_is_who_asks(as_, ana, mod):
    body = as_(ana).get("/api/v1/me").json()
    assert (body["email"], body["username"], body["tier"], body["roles"]) == (
        "ana@example.org",
        "ana",
        "free",
        ["user"],
    )
    assert as_(mod).get("/api/v1/me").json()["roles"] == ["moderator", "user"]
    refused = as_(None).get("/api/v1/me")
    assert (refused.status_code, refused.json()["code"]) == (401, "SIGN_IN_REQUIRED")


def test_a_profile_changes_its_words_and_nothing_else(as_, ana):
    body = (
        as_(ana)
        .patch(
            "/api/v1/me",
            {"display_name": "Ana B.", "email": "x@y.example", "tier": "pro", "roles": ["admin"], "id": "1"},
            format="json",
        )
        .json()
    )
    assert (body["display_name"], body["email"], body["tier"], body["roles"]) == (
        "Ana B.",
        "ana@example.org",
        "free",
        ["user"],
    )


@pytest.mark.parametrize(
    "change", [{"username": "BOB"}, {"username": "a b"}, {"username": ""}, {"username": "x"}, {"bio": "x" * 2001}]
)
def test_bad_profile_words_are_400(as_, ana, bob, change):
    refused = as_(ana).patch("/api/v1/me", change, format="json")
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID"), refused.content


def test_a_key_is_made_shown_once_used_and_revoked(as_, sure, ana):
    made = sure(ana).post("/api/v1/me/keys", {"name": "laptop", "scopes": ["read"]}, format="json")
    assert made.status_code == 201 and made["Cache-Control"] == "no-store"
    clear, details = made.json()["key"], made.json()["details"]
    assert "key" not in as_(ana).get("/api/v1/me/keys").json()["results"][0]
    client = as_(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {clear}")
    assert client.get("/api/v1/me").json()["username"] == "ana"
    assert ApiKey.objects.get().last_used_at
    assert as_(ana).delete(f"/api/v1/me/keys/{details['id']}").status_code == 204
    assert client.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize(
    "body", [{}, {"name": "x"}, {"name": "x", "scopes": []}, {"name": "x", "scopes": ["root"]}, {"scopes": ["read"]},
             {"name": "x" * 81, "scopes": ["read"]}, {"name": "x", "scopes": "read"}]
)  # fmt: skip
def test_a_wrong_key_request_is_400(sure, ana, body):
    refused = sure(ana).post("/api/v1/me/keys", body, format="json")
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID")
    assert not ApiKey.objects.exists()


def test_keys_are_their_persons_alone(as_, ana, bob):
    make_key(ana)
    key = ApiKey.objects.get()
    assert as_(bob).get("/api/v1/me/keys").json()["results"] == []
    assert as_(bob).delete(f"/api/v1/me/keys/{key.pk}").status_code == 404
    assert ApiKey.objects.get().revoked_at is None


def test_a_key_cannot_make_a_stronger_one(as_, ana):
    client = as_(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(ana, 'read', 'write')}")
    assert client.post("/api/v1/me/keys", {"name": "x", "scopes": ["admin"]}, format="json").status_code == 403


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer kt_", "Bearer \xff", "bearer kt_x", "Bearer a b c"])
def test_a_malformed_key_is_401(as_, header):
    refused = as_(None).get("/api/v1/me", HTTP_AUTHORIZATION=header)
    assert refused.status_code == 401 and refused.json()["code"] == "AUTHENTICATION_FAILED"
    assert refused["WWW-Authenticate"].startswith("Bearer")


def test_a_session_needs_its_csrf_token_to_write(ana):
    from rest_framework.test import APIClient

    client = APIClient(enforce_csrf_checks=True)
    client.force_login(ana)
    assert client.get("/api/v1/me").status_code == 200
    assert client.patch("/api/v1/me", {"bio": "x"}, format="json").status_code == 403
