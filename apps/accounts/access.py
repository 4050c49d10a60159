"""Who may do what, decided in one place: `may` for verbs, the QuerySet rules for rows."""

from django.conf import settings
from django.db.models import Q

from apps.accounts.roles import ROLES, scopes_cover
from apps.lib.access import AccessQuerySet


def may(user, permission: str) -> bool:
    """True when one of the person's roles holds the permission and the API key in use, if any, covers it.

    Where STAFF_SECOND_FACTOR is set, staff without one have no permission at all.
    """
    return _granted(user, permission) and (not settings.STAFF_SECOND_FACTOR or user.has_second_factor)


def lacks_second_factor(user, permission: str) -> bool:
    """Whether a second factor is all that keeps this person from it."""
    return _granted(user, permission) and not may(user, permission)


def _granted(user, permission: str) -> bool:
    if not (user.is_authenticated and user.is_active):
        return False
    scopes = getattr(user, "key_scopes", None)
    if scopes is not None and not scopes_cover(scopes, permission):
        return False
    return any(ROLES[role].allows(permission) for role in user.roles)


class OwnRows(AccessQuerySet):
    """Rows that only their `user` sees and changes; staff reach them through the admin's own permission."""

    see_all = "accounts.see_all"

    def view_rule(self, user) -> Q:
        if may(user, self.see_all):
            return Q()
        return self.edit_rule(user)

    def edit_rule(self, user) -> Q:
        return Q(user=user) if user.is_authenticated else Q(pk__in=[])
