"""Roles are code: the table itself."""

import pytest

from apps.accounts.roles import PERMISSIONS, ROLES, SCOPES, Role, scopes_cover


def test_every_role_is_defined_and_described():
    assert set(ROLES) == set(Role)
    assert all(definition.title and definition.description for definition in ROLES.values())


def test_only_admin_and_moderator_enter_the_admin():
    assert {role for role in Role if ROLES[role].allows("admin.enter")} == {Role.ADMIN, Role.MODERATOR}


def held_by(role: Role) -> set[str]:
    return {word for word in PERMISSIONS if ROLES[role].allows(word)}


def test_a_moderator_does_not_reach_people_or_the_gallery():
    """Also not through a pattern that somebody widens."""
    reached = {"admin", "archive", "catalog", "playlists", "social", "uploads"}
    assert {word.partition(".")[0] for word in held_by(Role.MODERATOR)} == reached


def test_a_moderator_neither_adds_nor_deletes():
    assert not [word for word in held_by(Role.MODERATOR) if ".add_" in word or ".delete_" in word]


def test_an_admin_may_everything_and_others_what_their_role_says():
    """S4-12, S2-01: the gallery's owner is no staff."""
    assert held_by(Role.ADMIN) == set(PERMISSIONS)
    assert held_by(Role.GALLERY_OWNER) == {"gallery.sync"}
    assert held_by(Role.USER) == held_by(Role.ARTIST) == set()


@pytest.mark.parametrize("scope", ["read", "write", "upload"])
def test_an_ordinary_scope_brings_none_of_staffs_rights(scope):
    assert not [word for word in PERMISSIONS if scopes_cover(frozenset({scope}), word)]


def test_scopes_cover_what_they_name():
    assert scopes_cover(frozenset({"archive"}), "archive.run")
    assert not scopes_cover(frozenset({"read", "write", "upload"}), "archive.run")
    assert all(scopes_cover(frozenset({"admin"}), word) for word in ("archive.run", "anything.else"))
    assert set(SCOPES) == {"read", "write", "upload", "archive", "admin"}
