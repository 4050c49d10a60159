"""People, roles and keys."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts import actions
from apps.accounts.models import ApiKey, RoleGrant, User
from apps.accounts.roles import Role
from apps.lib.errors import Forbidden, Refusal
from tests.make import make_user

pytestmark = pytest.mark.django_db


def test_an_address_is_one_regardless_of_case():
    """S4-08, by constraint."""
    make_user("ana")
    with pytest.raises(IntegrityError), transaction.atomic():
        actions.register(email="ANA@EXAMPLE.ORG", password="x" * 12, username="other")
    assert User.objects.count() == 1


def test_a_username_is_made_from_the_address_and_never_taken_twice():
    first = actions.register(email="jo.ann@a.example", password=None)
    second = actions.register(email="jo.ann@b.example", password=None)
    third = actions.register(email="ß@c.example", password=None)
    names = [user.profile.username for user in (first, second, third)]
    assert names[0] == "jo.ann" and len(set(names)) == 3 and names[2].startswith("listener")


def test_only_an_admin_grants_and_nobody_to_themself(ana, bob, mod, boss):
    for by, user in [(ana, bob), (mod, bob), (boss, boss), (ana, ana)]:
        with pytest.raises(Forbidden):
            actions.grant(user=user, role=Role.ADMIN, by=by)
    grant = actions.grant(user=bob, role=Role.MODERATOR, by=boss)
    assert grant.granted_by == boss and Role.MODERATOR in bob.roles and bob.is_staff


def test_a_grant_said_twice_is_one(boss, bob):
    actions.grant(user=bob, role=Role.ARTIST, by=boss)
    actions.grant(user=bob, role=Role.ARTIST, by=boss)
    assert bob.grants.count() == 1


def test_a_role_taken_back_is_gone_at_once(boss, mod):
    actions.withdraw(user=mod, role=Role.MODERATOR, by=boss)
    assert not User.objects.get(pk=mod.pk).is_staff and not mod.is_staff


def test_the_last_admin_stays(boss):
    with pytest.raises(Refusal) as refused:
        actions.withdraw(user=boss, role=Role.ADMIN, by=None)
    assert refused.value.code == "LAST_ADMIN"
    second = make_user("second", roles=[Role.ADMIN])
    actions.withdraw(user=boss, role=Role.ADMIN, by=second)


def test_there_is_one_gallery_owner(ana, bob):
    """S2-01, by constraint."""
    actions.grant(user=ana, role=Role.GALLERY_OWNER, by=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        RoleGrant.objects.create(user=bob, role=Role.GALLERY_OWNER)


def test_a_key_is_shown_once_and_never_kept(ana):
    key, clear = actions.create_key(user=ana, name="laptop", scopes=["read"])
    stored = ApiKey.objects.filter(pk=key.pk).values().get()
    assert clear.startswith(stored["prefix"]) and clear not in map(str, stored.values())


@pytest.mark.parametrize("scopes", [[], ["everything"], ["read", "root"]])
def test_a_key_has_known_scopes(ana, scopes):
    with pytest.raises(Refusal) as refused:
        actions.create_key(user=ana, name="x", scopes=scopes)
    assert "scopes" in refused.value.fields


def test_a_key_ends_by_time_by_revocation_and_with_its_person(ana):
    now = timezone.now()
    key, _ = actions.create_key(user=ana, name="x", scopes=["read"], expires_at=now + dt.timedelta(hours=1))
    usable = ApiKey.objects.usable
    assert usable(now).exists() and not usable(now + dt.timedelta(hours=1)).exists()
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert not usable(now).exists()
    User.objects.filter(pk=ana.pk).update(is_active=True)
    actions.revoke_key(key=key)
    assert not usable(now).exists() and ApiKey.objects.get(pk=key.pk).revoked_at
