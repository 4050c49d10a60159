"""Who asks is known by one query."""

import datetime as dt
import uuid

import pytest
from django.utils import timezone

from apps.accounts import actions, asking, subscriptions
from apps.accounts.models import User
from apps.accounts.roles import Role
from tests.make import make_key, make_user

pytestmark = pytest.mark.django_db


def test_a_person_comes_with_roles_and_tier_in_one_query(django_assert_num_queries, ana):
    boss = make_user("boss", roles=[Role.ADMIN])
    actions.grant(user=ana, role=Role.MODERATOR, by=boss)
    until = timezone.now() + dt.timedelta(days=1)
    subscriptions.override(user=ana, plan="pro", until=until, reason="A gift.", by=boss)
    asking.person(ana.pk)
    with django_assert_num_queries(1):
        found = asking.person(ana.pk)
        assert (found, found.roles, found.tier) == (ana, {Role.USER, Role.MODERATOR}, "pro")
    plain = User.objects.get(pk=ana.pk)
    assert (found.roles, found.tier) == (plain.roles, plain.tier)
    assert [getattr(found, name) for name in asking.COLUMNS] == [getattr(plain, name) for name in asking.COLUMNS]


def test_what_was_taken_is_not_had_by_the_next_request(client, ana):
    boss = make_user("boss", roles=[Role.ADMIN])
    actions.grant(user=ana, role=Role.MODERATOR, by=boss)
    assert Role.MODERATOR in asking.person(ana.pk).roles
    actions.withdraw(user=ana, role=Role.MODERATOR, by=boss)
    assert asking.person(ana.pk).roles == {Role.USER}


def test_who_is_gone_or_switched_off_does_not_ask(client):
    ben = make_user("ben")
    key = make_key(ben)
    assert asking.person(str(ben.pk)) == ben
    assert asking.person(uuid.uuid4()) is None
    User.objects.filter(pk=ben.pk).update(is_active=False)
    assert asking.person(ben.pk) is None
    assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {key}"}).status_code == 401
