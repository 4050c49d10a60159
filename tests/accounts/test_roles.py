"""Roles are code: the table itself."""

import pytest

from apps.accounts.roles import ROLES, SCOPES, Role, scopes_cover


def test_every_role_is_defined_and_described():
    assert set(ROLES) == set(Role)
    assert all(definition.title and definition.description for definition in ROLES.values())


def test_only_admin_and_moderator_enter_the_admin():
    assert {role for role in Role if ROLES[role].allows("admin.enter")} == {Role.ADMIN, Role.MODERATOR}


@pytest.mark.parametrize(
    "permission", ["accounts.grant", "accounts.change_user", "accounts.view_apikey", "gallery.sync"]
)
def test_a_moderator_does_not_reach_people_or_the_gallery(permission):
    assert not ROLES[Role.MODERATOR].allows(permission)


def test_scopes_cover_what_they_name():
    assert scopes_cover(frozenset({"archive"}), "archive.run")
    assert not scopes_cover(frozenset({"read", "write", "upload"}), "archive.run")
    assert all(scopes_cover(frozenset({"admin"}), word) for word in ("archive.run", "anything.else"))
    assert set(SCOPES) == {"read", "write", "upload", "archive", "admin"}
