"""`/me/avatar` and where it is served."""

import io

import pytest

from apps.accounts.models import Avatar, User
from tests.accounts.test_avatars import picture
from tests.make import make_key

pytestmark = pytest.mark.django_db

MINE = "/api/v1/me/avatar"


def put(client, content=None, **options):
    return client.put(MINE, {"file": content or picture()}, format="multipart", **options)


def test_a_picture_is_put_served_and_dropped(as_, ana):
    client = as_(ana)
    answer = put(client)
    assert answer.status_code == 200
    address = answer.json()["avatar_url"]
    served = as_(None).get(address)
    assert (served.status_code, served["Content-Type"]) == (200, "image/webp")
    assert served.getvalue() == bytes(Avatar.objects.get().image)
    assert client.delete(MINE).status_code == 204
    assert client.delete(MINE).status_code == 204
    assert as_(None).get(address).status_code == 404


def test_a_picture_may_be_kept_for_a_year_and_is_never_run(as_, ana):
    address = put(as_(ana)).json()["avatar_url"]
    served = as_(None).get(address)
    assert served["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (served["X-Content-Type-Options"], served["Content-Security-Policy"]) == (
        "nosniff",
        "sandbox; default-src 'none'",
    )
    assert as_(None).get(address, HTTP_IF_NONE_MATCH=served["ETag"]).status_code == 304
    assert as_(None).head(address).status_code == 200 and as_(None).post(address).status_code == 405


def test_only_pictures_that_somebody_has_now_are_served(as_, ana):
    old = put(as_(ana)).json()["avatar_url"]
    new = put(as_(ana), picture("blue")).json()["avatar_url"]
    assert [as_(None).get(address).status_code for address in (old, new)] == [404, 200]
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert as_(None).get(new).status_code == 404
    for name in ("0" * 64, "x", "%2e%2e"):
        assert as_(None).get(f"/avatars/{name}").status_code == 404


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (lambda: io.BytesIO(b""), 400, "EMPTY_FILE"),
        (lambda: io.BytesIO(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), 400, "INVALID_PICTURE"),
        (lambda: io.BytesIO(bytes(5 * 1024 * 1024 + 1)), 413, "FILE_TOO_LARGE"),
    ],
    ids=["empty", "svg", "too large"],
)
def test_what_is_no_picture_is_refused_with_its_code(as_, ana, content, status, code):
    refused = put(as_(ana), content())
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert list(refused.json()["errors"]) == ["file"] and not Avatar.objects.exists()


def test_a_request_without_a_file_is_400(as_, ana):
    assert as_(ana).put(MINE, {"file": "words"}, format="multipart").json()["code"] == "INVALID"
    assert as_(ana).put(MINE, {}, format="multipart").json()["code"] == "INVALID"
    assert as_(ana).put(MINE, {}, format="json").status_code == 415


def test_a_key_needs_the_scope_write(as_, ana):
    for scope, status in (("read", 403), ("write", 200)):
        assert put(as_(None), HTTP_AUTHORIZATION=f"Bearer {make_key(ana, scope)}").status_code == status
    assert put(as_(None)).status_code == 401


def test_a_body_that_announces_more_than_a_picture_has_is_refused_unread(client):
    refused = client.put(MINE, CONTENT_LENGTH=str(7 * 1024 * 1024))
    assert (refused.status_code, refused.json()["code"]) == (413, "FILE_TOO_LARGE")
    assert client.post("/account/avatar", CONTENT_LENGTH=str(7 * 1024 * 1024)).status_code == 413
