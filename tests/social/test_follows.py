"""Who follows whom (S0-11)."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.lib.errors import Refusal
from apps.social import follows
from apps.social.models import Follow
from tests.lib.threads import side_by_side

pytestmark = pytest.mark.django_db


def test_following_is_said_once(ana, bob):
    for _ in range(2):
        follows.follow(person=ana, by=bob)
    assert Follow.objects.count() == 1
    assert follows.follows(bob, ana) and not follows.follows(ana, bob) and not follows.follows(AnonymousUser(), ana)
    for _ in range(2):
        follows.unfollow(person=ana, by=bob)
    assert not Follow.objects.exists()


def test_nobody_follows_themselves(ana):
    with pytest.raises(Refusal) as caught:
        follows.follow(person=ana, by=User.objects.get(pk=ana.pk))
    assert (caught.value.code, caught.value.status) == ("SELF_FOLLOW", 400)
    with pytest.raises(IntegrityError), transaction.atomic():
        Follow.objects.create(follower=ana, followed=ana)


def test_those_who_are_switched_off_count_for_nobody(ana, bob, mod):
    follows.follow(person=ana, by=bob)
    follows.follow(person=ana, by=mod)
    follows.follow(person=bob, by=ana)
    assert follows.around(ana) == (2, 1)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert follows.around(ana) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_the_same_follow_ten_times_at_once_is_one(ana, bob):
    assert side_by_side(*[lambda: follows.follow(person=ana, by=bob)] * 10) == [None] * 10
    assert Follow.objects.count() == 1
