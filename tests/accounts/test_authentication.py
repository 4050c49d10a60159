"""Keys at the door."""

import datetime as dt

import pytest
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIClient

from apps.accounts import actions
from apps.accounts.authentication import ApiKeyAuthentication
from apps.accounts.models import ApiKey, Profile, User
from tests.make import make_key

pytestmark = pytest.mark.django_db

ME = "/api/v1/me"


def come(rf, header: str):
    return ApiKeyAuthentication().authenticate(rf.get("/", HTTP_AUTHORIZATION=header))


def test_a_key_brings_its_person_bounded_by_its_scopes(rf, ana):
    key, clear = actions.create_key(user=ana, name="x", scopes=["read", "upload"])
    user, auth = come(rf, f"Bearer {clear}")
    assert (user, auth, user.key_scopes) == (ana, key, {"read", "upload"})


def test_other_schemes_are_somebody_elses(rf):
    assert come(rf, "Basic abc") is None and come(rf, "") is None and come(rf, "  ") is None


def test_expired_revoked_and_orphaned_keys_answer_alike(rf, ana):
    def refused(clear: str) -> str:
        with pytest.raises(AuthenticationFailed) as failure:
            come(rf, f"Bearer {clear}")
        return str(failure.value.detail)

    past = timezone.now() - dt.timedelta(seconds=1)
    before = past - dt.timedelta(days=1)
    _, expired = actions.create_key(user=ana, name="x", scopes=["read"], expires_at=past, now=before)
    key, revoked = actions.create_key(user=ana, name="x", scopes=["read"])
    actions.revoke_key(key=key)
    answers = {refused(clear) for clear in (expired, revoked, "kt_unknown", f"kt_{'x' * 43}")}
    _, orphaned = actions.create_key(user=ana, name="x", scopes=["read"])
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert answers == {refused(orphaned)}


def test_a_key_that_opens_nothing_is_not_used(rf, ana):
    key, clear = actions.create_key(user=ana, name="x", scopes=["read"])
    actions.revoke_key(key=key)
    with pytest.raises(AuthenticationFailed):
        come(rf, f"Bearer {clear}")
    assert ApiKey.objects.get().last_used_at is None


def test_last_use_is_kept_to_the_minute(rf, ana, django_assert_num_queries):
    _, clear = actions.create_key(user=ana, name="x", scopes=["read"])
    come(rf, f"Bearer {clear}")
    first = ApiKey.objects.get().last_used_at
    with django_assert_num_queries(2):
        come(rf, f"Bearer {clear}")
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=first - dt.timedelta(minutes=2))
    come(rf, f"Bearer {clear}")
    assert ApiKey.objects.get().last_used_at >= first


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer\t", "BEARER  x", "Bearer kt_", "Bearer \xff\xfe", "Bearer kt_x y", "Bearer ,",
     "Bearer " + "x" * 100_000, f"Bearer kt_{'é' * 43}", f"Bearer {{'kt_': '{'x' * 43}'}}"],
)  # fmt: skip
def test_a_malformed_key_is_refused_before_the_database_is_asked(as_, header, django_assert_num_queries):
    with django_assert_num_queries(0):
        refused = as_(None).get(ME, HTTP_AUTHORIZATION=header)
    assert (refused.status_code, refused.json()["code"]) == (401, "AUTHENTICATION_FAILED")
    assert refused["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", [ME, "/api/v1/tracks"])
@pytest.mark.parametrize("name", ["key", "access_token", "q"])
def test_a_key_in_the_address_is_refused(as_, ana, path, name):
    """Also where nobody needs one, and beside a right header: addresses end up in logs."""
    clear = make_key(ana)
    for client in (as_(None), as_(ana), with_key(clear)):
        refused = client.get(path, {name: clear})
        assert (refused.status_code, refused.json()["code"]) == (401, "AUTHENTICATION_FAILED")
        assert clear not in refused.content.decode()


def with_key(clear: str) -> APIClient:
    client = APIClient(enforce_csrf_checks=True)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {clear}")
    return client


def test_a_key_goes_before_a_session_and_needs_no_csrf_token(ana, bob):
    client = with_key(make_key(ana, "write", "read"))
    client.force_login(bob)
    assert client.get(ME).json()["username"] == "ana"
    assert client.patch(ME, {"bio": "by key"}, format="json").status_code == 200
    assert list(Profile.objects.exclude(bio="").values_list("username", "bio")) == [("ana", "by key")]


def test_a_wrong_key_is_refused_even_beside_a_good_session(bob):
    client = with_key("kt_wrong")
    client.force_login(bob)
    assert client.get(ME).status_code == 401
    assert client.get("/api/v1/tracks").status_code == 401
