"""What can be done with people. Each is one transaction; `by` is who does it, None the system."""

import datetime as dt
import re
import secrets

from django.db import transaction
from django.utils import timezone

from apps.accounts.access import may
from apps.accounts.keys import PREFIX_LENGTH, digest, generate
from apps.accounts.models import ApiKey, Profile, RoleGrant, User
from apps.accounts.roles import SCOPES, Role
from apps.lib.errors import Forbidden, Refusal


@transaction.atomic
def register(*, email: str, password: str | None, username: str = "", **profile) -> User:
    """A new person with a profile; the username is made from the address when none is given."""
    user = User.objects.create_user(email, password)
    Profile.objects.create(user=user, username=username or free_username(email), **profile)
    return user


def free_username(email: str) -> str:
    """A username nobody holds yet, made from the address's local part."""
    stem = re.sub(r"[^A-Za-z0-9_.-]", "", email.partition("@")[0])[:20].lstrip("_.-") or "listener"
    taken = Profile.objects.filter(username__iexact=stem).exists() or len(stem) < 2
    return f"{stem}-{secrets.token_hex(3)}" if taken else stem


@transaction.atomic
def grant(*, user: User, role: Role, by: User | None) -> RoleGrant:
    """Grant a role. Nobody raises themself, and only who may grant roles grants them."""
    _may_grant(user, by)
    row, _ = RoleGrant.objects.get_or_create(user=user, role=role, defaults={"granted_by": by})
    user.__dict__.pop("roles", None)
    return row


@transaction.atomic
def withdraw(*, user: User, role: Role, by: User | None) -> None:
    """Take a role back. The last admin cannot be withdrawn: nobody could grant it again."""
    _may_grant(user, by)
    admins = RoleGrant.objects.select_for_update().filter(role=Role.ADMIN).values_list("user", flat=True)
    if role == Role.ADMIN and list(admins) == [user.pk]:
        raise Refusal("LAST_ADMIN", "This is the last admin. Grant the role to somebody else first.", status=409)
    RoleGrant.objects.filter(user=user, role=role).delete()
    user.__dict__.pop("roles", None)


def _may_grant(user: User, by: User | None) -> None:
    if by is not None and (not may(by, "accounts.grant") or by == user):
        raise Forbidden("Only an admin grants roles, and nobody grants to themself.")


def create_key(
    *, user: User, name: str, scopes: list[str], expires_at: dt.datetime | None = None
) -> tuple[ApiKey, str]:
    """The stored key and its clear text, which exists nowhere else and never again."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        message = f"Choose from {', '.join(SCOPES)}."
        raise Refusal("INVALID", message, fields={"scopes": [message]})
    clear = generate()
    key = ApiKey.objects.create(
        user=user,
        name=name,
        prefix=clear[:PREFIX_LENGTH],
        digest=digest(clear),
        scopes=sorted(set(scopes)),
        expires_at=expires_at,
    )
    return key, clear


def revoke_key(*, key: ApiKey) -> None:
    """The key stops at once; the row stays as the record of it."""
    ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
