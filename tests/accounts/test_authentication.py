"""Keys at the door."""

import datetime as dt

import pytest
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed

from apps.accounts import actions
from apps.accounts.authentication import ApiKeyAuthentication
from apps.accounts.models import ApiKey, User

pytestmark = pytest.mark.django_db


def come(rf, header: str):
    return ApiKeyAuthentication().authenticate(rf.get("/", HTTP_AUTHORIZATION=header))


def test_a_key_brings_its_person_bounded_by_its_scopes(rf, ana):
    key, clear = actions.create_key(user=ana, name="x", scopes=["read", "upload"])
    user, auth = come(rf, f"Bearer {clear}")
    assert (user, auth, user.key_scopes) == (ana, key, {"read", "upload"})


def test_other_schemes_are_somebody_elses(rf):
    assert come(rf, "Basic abc") is None and come(rf, "") is None


def test_expired_revoked_and_orphaned_keys_answer_alike(rf, ana):
    def refused(clear: str) -> str:
        with pytest.raises(AuthenticationFailed) as failure:
            come(rf, f"Bearer {clear}")
        return str(failure.value.detail)

    past = timezone.now() - dt.timedelta(seconds=1)
    _, expired = actions.create_key(user=ana, name="x", scopes=["read"], expires_at=past)
    key, revoked = actions.create_key(user=ana, name="x", scopes=["read"])
    actions.revoke_key(key=key)
    answers = {refused(clear) for clear in (expired, revoked, "kt_unknown")}
    _, orphaned = actions.create_key(user=ana, name="x", scopes=["read"])
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert answers == {refused(orphaned)}


def test_last_use_is_kept_to_the_minute(rf, ana):
    _, clear = actions.create_key(user=ana, name="x", scopes=["read"])
    come(rf, f"Bearer {clear}")
    first = ApiKey.objects.get().last_used_at
    come(rf, f"Bearer {clear}")
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=first - dt.timedelta(minutes=2))
    come(rf, f"Bearer {clear}")
    assert ApiKey.objects.get().last_used_at >= first
