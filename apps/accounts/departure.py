"""Leaving: an account goes at once and for good, with everything that says whose it was (GDPR, article 17; C-07).

What becomes of the tracks is the person's choice: tombstones, or the house's library, where they stay without a name.
"""

import datetime as dt

from django.apps import apps
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone

from apps.accounts import actions, chapters, lockout, staff_log
from apps.accounts.backends import matches
from apps.accounts.chapters import Parting
from apps.accounts.models import Letter, RoleGrant, Subscription, User
from apps.accounts.models.subscription import LIVE
from apps.accounts.roles import Role
from apps.lib.errors import Conflict, NotFound, Refusal

REMOVE, LIBRARY = "remove", "library"
TRACKS = {REMOVE: "Remove my tracks", LIBRARY: "Leave my tracks to the library, without my name"}


def leave(*, user: User, password: str, tracks: str, address: str, now: dt.datetime | None = None) -> None:
    """Whoever says the right password leaves. `address` is where they say it from: a wrong one counts (S4-08).

    Refusals: WRONG_PASSWORD 403, LOCKED_OUT 429, LAST_ADMIN and GALLERY_OWNER_NEEDED 409, INVALID 400.
    """
    if tracks not in TRACKS:
        message = f"Choose from {', '.join(TRACKS)}."
        raise Refusal("INVALID", message, fields={"tracks": [message]})
    _prove(user, password, address, now)
    part(user=user, tracks=tracks, now=now)


def _prove(user: User, password: str, address: str, now: dt.datetime | None) -> None:
    """Counted before it is looked at, as at sign-in: no session is a place to guess in peace."""
    try:
        lockout.count(email=user.email, address=address, now=now)
    except lockout.Locked as locked:
        message = "Too many wrong passwords from here. Wait a while, or reset the password."
        raise Refusal("LOCKED_OUT", message, status=429, fields={"password": [message]}) from locked
    if not matches(user, password):
        message = "This is not your password."
        raise Refusal("WRONG_PASSWORD", message, status=403, fields={"password": [message]})
    lockout.succeeded(email=user.email, address=address)


@transaction.atomic
def part(*, user: User, tracks: str, now: dt.datetime | None = None) -> None:
    """Everything of the person goes, or nothing does. A last letter says so.

    Whoever writes a row of theirs at this moment comes before the lock and is seen here, or finds nobody behind it.
    """
    actions.keep_an_admin(leaving=user)
    user = User.objects.select_for_update().filter(pk=user.pk).first()
    if user is None:
        raise NotFound
    if refusal := obstacle(user):
        raise refusal
    staff_log.forget_person(user, addresses=chapters.addresses(user), now=now)
    parting = Parting(user=user, tracks=tracks, now=now or timezone.now())
    for step in chapters.STEPS:
        step(parting)
    _forget(user)
    User.objects.filter(pk=user.pk).delete()
    _say_goodbye(user.email, tracks)


def obstacle(user: User) -> Refusal | None:
    """Why this person cannot leave now, and what to do first."""
    rows = RoleGrant.objects.filter(Q(role=Role.ADMIN) | Q(user=user))
    found = list(rows.values_list("role", "user", "user__is_active"))
    if (Role.GALLERY_OWNER, user.pk) in {(role, holder) for role, holder, _ in found}:
        message = "You are the gallery owner. Ask an admin to hand the gallery to somebody else first."
        return Conflict(message, "GALLERY_OWNER_NEEDED")
    holders = {holder for role, holder, _ in found if role == Role.ADMIN}
    if user.pk in holders and not any(active for role, holder, active in found if holder != user.pk):
        return Conflict("You are the last admin. Grant the role to somebody else first.", "LAST_ADMIN")
    return None


def paid_for(user: User) -> Subscription | None:
    """A subscription that goes on at Stripe, whoever leaves here."""
    rests = Q(status="expired", period_end__gt=timezone.now())  # beside another one that counts
    rows = user.subscriptions.filter(Q(status__in=LIVE) | rests, cancel_at_period_end=False)
    return rows.exclude(stripe_subscription_id="").first()


def _forget(user: User) -> None:
    """What names the person without hanging on their row."""
    chapters.stripe_events(user).delete()
    chapters.letters(user).delete()
    for address in chapters.addresses(user):
        lockout.lift(email=address)


def _say_goodbye(email: str, tracks: str) -> None:
    facts = {"tracks": tracks, "site_url": settings.SITE_URL}
    words = render_to_string("accounts/email/gone.txt", facts)
    letter = EmailMultiAlternatives("Your account is gone", words, to=[email])
    letter.attach_alternative(render_to_string("accounts/email/gone.html", facts), "text/html")
    letter.send()


def forget_letters() -> int:
    """Drop letters that are over and whose reader has no account: the last one names somebody who left."""
    known = apps.get_model("account", "EmailAddress").objects.values("email")
    return Letter.objects.filter(state__in=["sent", "failed"]).exclude(recipient__in=known).delete()[0]
