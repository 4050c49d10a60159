"""Who asks, with what every page wants to know of them: their roles and their tier, in one query."""

import datetime as dt
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import OuterRef, QuerySet
from django.utils import timezone

from apps.accounts import tiers
from apps.accounts.models import RoleGrant, User
from apps.accounts.roles import Role
from apps.lib.again import Again

COLUMNS = [column.attname for column in User._meta.concrete_fields]


def person(pk: UUID | str) -> User | None:
    """The person as they are now; None for who is gone or switched off."""
    for *row, roles, tier in _people(pk, timezone.now()):
        user = User.from_db(connection.alias, COLUMNS, row)
        user.roles = frozenset({Role.USER, *map(Role, roles)})
        user.tier = tier
        return user
    return None


def _rows(pk: UUID, now: dt.datetime) -> QuerySet:
    grants = RoleGrant.objects.filter(user=OuterRef("pk")).values("role")
    people = User.objects.filter(pk=pk, is_active=True)
    return people.annotate(granted=ArraySubquery(grants), tier_now=tiers.tier(now)).values_list(
        *COLUMNS, "granted", "tier_now"
    )


_people = Again(_rows, UUID(int=0), dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
