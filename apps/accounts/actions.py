"""What can be done with people. Each is one transaction; `by` is who does it, None the system."""

import contextlib
import datetime as dt
import re
import secrets
from collections.abc import Collection, Iterator

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import ProtectedError, QuerySet
from django.utils import timezone

from apps.accounts import keys, sessions, usernames
from apps.accounts.access import may
from apps.accounts.backends import holder_of
from apps.accounts.models import ApiKey, Profile, RoleChange, RoleGrant, User
from apps.accounts.roles import Role
from apps.lib.errors import Conflict, Forbidden, Refusal

# The usernames of accounts whose address is not proven.
NAMELESS = "^new-[0-9a-f]{16}$"
PROVEN_WITHIN = dt.timedelta(days=7)


@transaction.atomic
def register(*, email: str, password: str | None, username: str = "", vouched: bool = False, **profile) -> User:
    """A new person with a profile; the username is made from the address when none is given.

    `vouched`: staff know the address, so it needs no letter to be believed. Everybody else holds no name until the
    address is proven: a name that is taken now, or a page under it, would tell that the address was unknown before.
    """
    user = User.objects.create_user(email, password)
    if not vouched:
        Profile.objects.create(user=user, username=f"new-{secrets.token_hex(8)}", display_name=username)
        return user
    Profile.objects.create(user=user, username=username or free_username(email), **profile)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    verified(user=user)
    return user


@transaction.atomic
def verified(*, user: User, now: dt.datetime | None = None) -> None:
    """Whoever reads the account's mail has said so (S4-08). The first time the account gets its name."""
    user.email_verified_at = now or timezone.now()
    User.objects.filter(pk=user.pk).update(email_verified_at=user.email_verified_at, updated_at=timezone.now())
    for profile in Profile.objects.filter(user=user, username__regex=NAMELESS):
        profile.username, profile.display_name = free_username(profile.display_name or user.email), ""
        profile.save(update_fields=["username", "display_name", "updated_at"])


def give_way(*, email: str, to: User) -> None:
    """Whoever proves an address has it, whatever somebody else claimed and never proved: such an account goes."""
    with _held(_unproven().filter(email=email).exclude(pk=to.pk)) as claims:
        claims.delete()


def forget_unproven(*, now: dt.datetime | None = None) -> int:
    """Drop accounts whose address nobody proved within a week; returns how many."""
    gone = 0
    for user in _unproven().filter(created_at__lt=(now or timezone.now()) - PROVEN_WITHIN):
        with contextlib.suppress(ProtectedError), _held(User.objects.filter(pk=user.pk)) as claims:
            gone += bool(claims.delete()[0])  # protected: somebody gave it something to keep
    return gone


def doubt(*, email: str) -> User | None:
    """Two signed up with an address that nobody proved: neither password opens the account (S4-08).

    One of them may have come first to have a password of theirs in an account of somebody else's. Whoever reads the
    mail proves the address, and sets a password by a letter. None when there is no such account.
    """
    with _held(_unproven().filter(email=email.strip().lower())) as claims:
        claims.update(password=make_password(None), updated_at=timezone.now())
        return claims.first()


@contextlib.contextmanager
def _held(found: QuerySet[User]) -> Iterator[QuerySet[User]]:
    """Those of them that are unproven still, looked at behind the locks on their rows.

    Whoever proves an address holds the row too, so that an account is either proven or gone.
    """
    with transaction.atomic():
        seen = list(found.values_list("pk", flat=True))
        rows = User.objects.select_for_update().filter(pk__in=seen).order_by("pk")
        held = list(rows.values_list("pk", flat=True))
        yield _unproven().filter(pk__in=held)


def _unproven() -> QuerySet[User]:
    """Accounts of which nobody ever read the mail, and in which nobody ever was."""
    return User.objects.filter(email_verified_at=None, last_login=None, grants=None, api_keys=None)


@transaction.atomic
def set_password(*, user: User, password: str, keep: str | None = None) -> None:
    """A new password; every session ends but the one with the key `keep`.

    Without one the person did not change it where they are signed in: the old one may have been somebody else's, so
    the API keys end too. A change of address that waits is dropped either way: it may be a thief's.

    Compared and set in one statement: of twenty uses of one reset link one wins, the others get a Conflict (S4-10).
    """
    old = user.password
    user.set_password(password)
    rows = User.objects.filter(pk=user.pk, password=old)
    if rows.update(password=user.password, updated_at=timezone.now()) != 1:
        raise Conflict("The password was changed at this moment by somebody else. Ask for a new link.")
    sessions.end_others(user=user, keep=keep)
    drop_change_of_email(user=user)
    if keep is None:
        ApiKey.objects.filter(user=user, revoked_at__isnull=True).update(revoked_at=timezone.now())


def drop_change_of_email(*, user: User) -> None:
    """The link in the letter to an address that the person, or a thief, asked to change to stops working."""
    EmailAddress.objects.filter(user=user, verified=False).exclude(email=user.email).delete()


@transaction.atomic
def change_email(*, user: User, email: str) -> None:
    """Staff's correction of an address, which they vouch for. The person changes it by letter, through allauth."""
    email = email.strip().lower()
    holder = holder_of(email)
    if holder is not None and holder != user:
        message = "This e-mail address is taken."
        raise Refusal("INVALID", message, fields={"email": [message]})
    EmailAddress.objects.filter(user=user).delete()
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    User.objects.filter(pk=user.pk).update(email=email, updated_at=timezone.now())
    user.email = email
    verified(user=user)


def free_username(wish: str) -> str:
    """A username nobody holds yet, made from what was wished for or from an address's local part."""
    stem = re.sub(r"[^A-Za-z0-9_.-]", "", wish.partition("@")[0])[:30].strip("_.-") or "listener"
    taken = not usernames.allowed(stem) or Profile.objects.filter(username__iexact=stem).exists()
    return f"{stem[:20]}-{secrets.token_hex(3)}" if taken else stem


@transaction.atomic
def grant(*, user: User, role: Role, by: User | None) -> RoleGrant:
    """Grant a role. Nobody raises themself, and only who may grant roles grants them."""
    _may_grant(user, by)
    row, new = RoleGrant.objects.get_or_create(user=user, role=role, defaults={"granted_by": by})
    if new:
        RoleChange.objects.create(user=user, role=role, change=RoleChange.Change.GRANTED, by=by)
    user.__dict__.pop("roles", None)
    return row


@transaction.atomic
def withdraw(*, user: User, role: Role, by: User | None) -> None:
    """Take a role back. The last admin cannot be withdrawn: nobody could grant it again."""
    _may_grant(user, by)
    if role == Role.ADMIN:
        keep_an_admin(leaving=user)
    if role == Role.GALLERY_OWNER:
        message = "There is exactly one gallery owner. Hand the gallery to somebody else instead."
        raise Conflict(message, code="GALLERY_OWNER_NEEDED")
    _take(user, role, by)


def keep_an_admin(*, leaving: User) -> None:
    """Conflict(LAST_ADMIN) when nobody else could grant the role again. Inside the caller's transaction.

    Of two admins who go at once one waits at the lock, and looks only behind it.
    """
    grants = RoleGrant.objects.filter(role=Role.ADMIN)
    holders = set(grants.select_for_update().order_by("pk").values_list("user", flat=True))
    others = User.objects.filter(pk__in=holders - {leaving.pk}, is_active=True)
    if leaving.pk in holders and not others.exists():
        raise Conflict("This is the last admin. Grant the role to somebody else first.", code="LAST_ADMIN")


@transaction.atomic
def hand_over_gallery(*, to: User, by: User | None) -> RoleGrant:
    """Make somebody the one gallery owner, in place of whoever is it now (S2-01, C-09)."""
    _may_grant(to, by)
    for held in RoleGrant.objects.select_for_update().filter(role=Role.GALLERY_OWNER).exclude(user=to):
        _take(held.user, Role.GALLERY_OWNER, by)
    return grant(user=to, role=Role.GALLERY_OWNER, by=by)


def _take(user: User, role: Role, by: User | None) -> None:
    if RoleGrant.objects.filter(user=user, role=role).delete()[0]:
        RoleChange.objects.create(user=user, role=role, change=RoleChange.Change.WITHDRAWN, by=by)
    user.__dict__.pop("roles", None)


def _may_grant(user: User, by: User | None) -> None:
    if by is not None and (not may(by, "accounts.grant") or by == user):
        raise Forbidden("Only an admin grants roles, and nobody grants to themself.")


@transaction.atomic
def create_key(
    *,
    user: User,
    name: str,
    scopes: Collection[str],
    expires_at: dt.datetime | None = None,
    now: dt.datetime | None = None,
) -> tuple[ApiKey, str]:
    """The stored key and its clear text, which exists nowhere else and never again.

    Refusals: INVALID; FORBIDDEN when `user` came with a key that holds less; TOO_MANY_KEYS.
    """
    now, name = now or timezone.now(), name.strip()
    keys.check(name=name, scopes=scopes, expires_at=expires_at, held=getattr(user, "key_scopes", None), now=now)
    User.objects.select_for_update(no_key=True).get(pk=user.pk)  # two at once must not both be the last
    if ApiKey.objects.usable(now).filter(user=user).count() >= keys.MOST:
        message = f"Nobody has more than {keys.MOST} keys. Revoke one that you no longer use."
        raise Refusal("TOO_MANY_KEYS", message, status=409)
    clear = keys.generate()
    key = ApiKey.objects.create(
        user=user,
        name=name,
        prefix=clear[: keys.PREFIX_LENGTH],
        digest=keys.digest(clear),
        scopes=sorted(set(scopes)),
        expires_at=expires_at,
    )
    return key, clear


def revoke_key(*, key: ApiKey) -> None:
    """The key stops at once; the row stays as the record of it."""
    ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
