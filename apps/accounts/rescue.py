"""Somebody cannot get in: why that is, and what staff do about it."""

import datetime as dt
from typing import NamedTuple

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import identify_hasher
from django.db import transaction
from django.utils import timezone

from apps.accounts import actions, lockout, sessions
from apps.accounts.models import User
from apps.lib.errors import Conflict, Forbidden


class Obstacle(NamedTuple):
    """`kind` is off, unverified, password or locked."""

    kind: str
    words: str


def obstacles(*, user: User, now: dt.datetime | None = None) -> list[Obstacle]:
    """Why this person cannot sign in, and what to do; empty when nothing that the house knows is in the way."""
    now = now or timezone.now()
    found = []
    if not user.is_active:
        found.append(Obstacle("off", "The account is switched off. Tick “Is active” and save."))
    if not is_verified(user=user):
        found.append(Obstacle("unverified", "The e-mail address was never verified. Send the letter again."))
    if not _has_password(user):
        found.append(Obstacle("password", "There is no password that could be right. Send a reset link."))
    for row in lockout.of(user.email):
        if row.locked_until and row.locked_until > now:
            until = f"{row.locked_until.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
            found.append(Obstacle("locked", f"Locked out at {row.address} until {until}: too many wrong passwords."))
    return found


def is_verified(*, user: User) -> bool:
    """Whether sign-in believes the address: allauth's row decides, whatever the account's page shows."""
    return EmailAddress.objects.filter(user=user, email=user.email.lower(), verified=True).exists()


def _has_password(user: User) -> bool:
    try:
        return user.has_usable_password() and bool(identify_hasher(user.password))
    except ValueError:  # a hash that came from elsewhere, of a kind that nothing here reads
        return False


def vouch(*, user: User) -> None:
    """Staff know the address: it needs no letter to be believed. A change to another one that waited is dropped."""
    actions.change_email(user=user, email=user.email)


@transaction.atomic
def switch(*, user: User, active: bool) -> None:
    """Let somebody in or keep them out. Out: API keys are refused, and a change of address that waits is dropped.

    Either way every session ends: one that began at the moment of switching off must not open again by switching on.
    """
    if not active:
        actions.keep_an_admin(leaving=user)
    User.objects.filter(pk=user.pk).update(is_active=active, updated_at=timezone.now())
    user.is_active = active
    sessions.end_others(user=user, keep=None)
    if not active:
        actions.drop_change_of_email(user=user)


@transaction.atomic
def drop_second_factor(*, user: User, by: User | None) -> None:
    """For somebody who lost phone and codes. Sessions and a change of address end: they may be a thief's."""
    if by == user:
        message = "Turn your own second factor off in your account, where your password is asked for."
        raise Forbidden(message)
    if not Authenticator.objects.filter(user=user).delete()[0]:
        raise Conflict("There is no second factor.")
    user.__dict__.pop("has_second_factor", None)
    sessions.end_others(user=user, keep=None)
    actions.drop_change_of_email(user=user)
