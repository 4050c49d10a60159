"""What a person may do follows from roles, bounded by the API key in use."""

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.contrib.auth.models import AnonymousUser

from apps.accounts.access import lacks_second_factor, may
from apps.accounts.models import ApiKey, User
from tests.doors.entrance import turn_on
from tests.make import make_key

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("permission", "allowed"),
    [
        ("admin.enter", {"mod", "boss"}), ("catalog.curate", {"mod", "boss"}), ("archive.run", {"mod", "boss"}),
        ("accounts.grant", {"boss"}), ("accounts.change_user", {"boss"}), ("catalog.delete_track", {"boss"}),
    ],
)  # fmt: skip
def test_permissions_by_role(ana, mod, boss, permission, allowed):
    people = {"nobody": AnonymousUser(), "ana": ana, "mod": mod, "boss": boss}
    assert {name for name, user in people.items() if may(user, permission)} == allowed


def test_a_switched_off_account_may_nothing(boss):
    boss.is_active = False
    assert not may(boss, "admin.enter")


@pytest.mark.parametrize(
    ("scopes", "permission", "allowed"),
    [
        ({"read", "write"}, "catalog.curate", False), ({"archive"}, "archive.run", True),
        ({"archive"}, "catalog.curate", False), ({"admin"}, "catalog.curate", True), (set(), "archive.run", False),
    ],
)  # fmt: skip
def test_a_keys_scopes_bound_its_owners_roles(boss, scopes, permission, allowed):
    boss.key_scopes = frozenset(scopes)
    assert may(boss, permission) is allowed


def test_a_scope_never_gives_what_the_person_lacks(ana):
    ana.key_scopes = frozenset({"admin", "archive"})
    assert not may(ana, "archive.run")


def test_own_rows_are_the_persons_alone(ana, bob, boss):
    make_key(ana)
    assert ApiKey.objects.visible_to(ana).count() == 1
    assert ApiKey.objects.visible_to(bob).count() == 0
    assert ApiKey.objects.visible_to(AnonymousUser()).count() == 0
    assert ApiKey.objects.visible_to(boss).count() == 1
    assert ApiKey.objects.editable_by(boss).count() == 0


def test_roles_are_read_once_per_person(ana, django_assert_num_queries):
    user = User.objects.get(pk=ana.pk)
    with django_assert_num_queries(1):
        assert not may(user, "admin.enter") and not may(user, "archive.run")


def test_without_the_second_factor_that_is_demanded_staff_may_nothing(boss, mod, settings):
    settings.STAFF_SECOND_FACTOR = True
    assert not may(boss, "admin.enter") and not may(mod, "archive.run") and not boss.is_staff
    assert lacks_second_factor(boss, "admin.enter")
    turn_on(boss)
    boss = User.objects.get(pk=boss.pk)
    assert may(boss, "admin.enter") and not lacks_second_factor(boss, "admin.enter")


def test_a_second_factor_gives_nobody_a_right(ana, settings):
    settings.STAFF_SECOND_FACTOR = True
    assert not lacks_second_factor(ana, "admin.enter") and not lacks_second_factor(AnonymousUser(), "admin.enter")
    turn_on(ana)
    assert not may(User.objects.get(pk=ana.pk), "admin.enter")


def test_recovery_codes_alone_are_no_second_factor(boss, settings):
    settings.STAFF_SECOND_FACTOR = True
    RecoveryCodes.activate(boss)
    assert not may(boss, "admin.enter")


def test_where_none_is_demanded_nobody_asks_for_one(boss, django_assert_num_queries):
    user = User.objects.get(pk=boss.pk)
    with django_assert_num_queries(1):
        assert may(user, "admin.enter") and not lacks_second_factor(user, "admin.enter")
