"""`/users/{username}/follow` through the door."""

import pytest

from apps.accounts.models import User

pytestmark = pytest.mark.django_db
PATH = "/api/v1/users/{}/follow"


def test_following_may_be_said_twice_and_tells_how_many_do(as_, ana, bob):
    client = as_(bob)
    assert client.get(PATH.format("ana")).json() == {"following": False, "follower_count": 0}
    for _ in range(2):
        assert client.put(PATH.format("Ana")).json() == {"following": True, "follower_count": 1}
    assert client.get(PATH.format("ana")).json()["following"] is True
    for _ in range(2):
        assert client.delete(PATH.format("ana")).json() == {"following": False, "follower_count": 0}


def test_nobody_follows_themselves_or_whom_there_is_not(as_, ana, bob):
    answer = as_(ana).put(PATH.format("ana"))
    assert (answer.status_code, answer.json()["code"]) == (400, "SELF_FOLLOW")
    User.objects.filter(pk=bob.pk).update(is_active=False)
    for name in ("nobody", "bob"):
        assert as_(ana).put(PATH.format(name)).status_code == 404
    assert as_(None).put(PATH.format("ana")).status_code == 401
