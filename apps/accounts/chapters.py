"""What the house keeps of a person, app by app: each says how it is exported and what becomes of it when they leave.

An app registers in a module of its own called `chapters`, which is imported when all models are there; so accounts
know of nobody above them.
"""

import datetime as dt
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db.models import Model, Q, QuerySet

from apps.accounts import stripe_events as stripe
from apps.accounts.models import Avatar, IdempotentAnswer, Letter, Lockout, StripeEvent, User


@dataclass(frozen=True)
class StoredFile:
    """A file of the export: its path there, and how it is opened (a Refusal when it cannot be)."""

    path: str
    open: Callable[[], BinaryIO]
    sha256: str


def _none(user: User) -> Iterable[StoredFile]:
    return ()


@dataclass(frozen=True)
class Chapter:
    """One JSON file of the export, `<name>.json`, and the files that belong to it.

    `version` is raised when a row loses a key or a key changes its meaning.
    """

    name: str
    about: str
    rows: Callable[[User], Iterable[dict]]
    files: Callable[[User], Iterable[StoredFile]] = _none
    version: int = 1


@dataclass(frozen=True)
class Parting:
    """Somebody leaves now. `tracks` is their choice for what they made: `remove` it or leave it to the `library`."""

    user: User
    tracks: str
    now: dt.datetime


CHAPTERS: list[Chapter] = []
STEPS: list[Callable[[Parting], None]] = []


def register(*chapters: Chapter, part: Callable[[Parting], None] | None = None) -> None:
    """Add to the export, and to what happens when somebody leaves.

    Steps run in the order of the floors, inside one transaction that holds the person's row; a step that raises a
    Refusal lets nobody leave.
    """
    CHAPTERS.extend(chapters)
    if part is not None:
        STEPS.append(part)


def columns(row: Model, *, but: tuple[str, ...] = ()) -> dict:
    """A row as it is exported: every column but those named, so that a new one is not forgotten."""
    names = (field.attname for field in row._meta.concrete_fields)
    return {name: getattr(row, name) for name in names if name not in but}


# --- Our own ------------------------------------------------------------------------------------------------------
def addresses(user: User) -> list[str]:
    """The person's own e-mail addresses. One that waits to be confirmed may be anybody's, so it is not among them."""
    known = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    return sorted({user.email.lower(), *(email.lower() for email in known)})


def stripe_events(user: User) -> QuerySet[StripeEvent]:
    """What Stripe told of the person's subscriptions, and every checkout that names them."""
    bought = user.subscriptions.exclude(stripe_subscription_id="").values("stripe_subscription_id")
    theirs = Q(customer_id__in=stripe.customers(user)) | Q(subscription_id__in=bought)
    return StripeEvent.objects.filter(theirs | Q(facts__person=str(user.pk)))


def letters(user: User) -> QuerySet[Letter]:
    """What was written to the person."""
    return Letter.objects.filter(recipient__in=addresses(user))


def _all(name: str, *but: str) -> Callable[[User], Iterator[dict]]:
    """The person's rows of one kind, the oldest first."""
    left_out = ("user_id", *but)
    return lambda user: (columns(row, but=left_out) for row in getattr(user, name).order_by("pk").iterator(500))


def _profile(user: User) -> Iterator[dict]:
    known = columns(user.profile, but=("id", "user_id")) if hasattr(user, "profile") else {}
    yield {**known, **columns(user, but=("password",)), "tier": user.tier, "roles": sorted(user.roles)}


def _avatar(user: User) -> Iterator[StoredFile]:
    for row in Avatar.objects.filter(user=user):
        yield StoredFile("avatar.webp", lambda image=bytes(row.image): io.BytesIO(image), row.sha256)


def _emails(user: User) -> Iterator[dict]:
    return (columns(row, but=("user_id",)) for row in EmailAddress.objects.filter(user=user).order_by("pk"))


def _factors(user: User) -> Iterator[dict]:
    return (columns(row, but=("user_id", "data")) for row in Authenticator.objects.filter(user=user).order_by("pk"))


def _failures(user: User) -> Iterator[dict]:
    return (columns(row) for row in Lockout.objects.filter(email__in=addresses(user)).order_by("pk"))


def _letters(user: User) -> Iterator[dict]:
    return (columns(row, but=("sealed", "token", "lease_until")) for row in letters(user).order_by("pk").iterator(500))


def _payments(user: User) -> Iterator[dict]:
    return (columns(row) for row in stripe_events(user).order_by("said_at", "pk").iterator(500))


def _answers(user: User) -> Iterator[dict]:
    rows = IdempotentAnswer.objects.filter(user=user).order_by("pk")
    return (columns(row, but=("user_id", "fingerprint")) for row in rows.iterator(500))


register(
    Chapter("profile", "who you are, and avatar.webp if you have a picture", _profile, _avatar),
    Chapter("emails", "your addresses", _emails),
    Chapter("roles", "the roles you hold", _all("grants", "granted_by_id")),
    Chapter("role_history", "roles that were given to you and taken from you", _all("role_changes", "by_id")),
    Chapter("subscriptions", "what you pay for", _all("subscriptions")),
    Chapter("tier_overrides", "access that staff gave you", _all("tier_overrides", "given_by_id")),
    Chapter("payments", "what Stripe told about your subscriptions", _payments),
    Chapter("sessions", "where you are signed in", _all("sessions", "session_key", "session_data")),
    Chapter("sign_in_failures", "wrong passwords for your addresses, and from where", _failures),
    Chapter("second_factors", "your second factors, without their secrets", _factors),
    Chapter("api_keys", "your API keys by their first characters", _all("api_keys", "digest")),
    Chapter("answers", "answers of the API that are kept for two days, by Idempotency-Key", _answers),
    Chapter("notices", "what the house told you", _all("notices")),
    Chapter("letters", "e-mail to you, without its content", _letters),
)
