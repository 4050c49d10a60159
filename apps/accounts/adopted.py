"""People who come with another community's database: accounts, profiles and addresses made from what it said.

They come without a password: a letter that resets it lets them in. The other house vouched for the addresses, so they
count as proven; who has none gets a placeholder, to which nothing is ever sent, until staff set the right one.
"""

import datetime as dt
import hashlib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection
from django.db.models.functions import Lower

from apps.accounts import letters, places, usernames
from apps.accounts.models import Profile, User

LONGEST_NAME, LONGEST_BIO, LONGEST_EMAIL = 100, 2000, 254
LONGEST_STEM = 21  # so that there is room for what tells two of one name apart


@dataclass(frozen=True)
class Newcomer:
    """What the other house says of a person, as it says it."""

    id: UUID
    created_at: dt.datetime
    username: str = ""
    email: str = ""
    display_name: str = ""
    first_name: str = ""
    last_name: str = ""
    bio: str = ""
    country: str = ""
    timezone: str = ""
    language: str = ""


def bring(people: list[Newcomer]) -> dict[UUID, dict[str, str]]:
    """Make these people, in the caller's transaction; by person what they said that could not be taken as it was.

    The same people in the same order get the same names, however they are cut into lists.
    """
    users, profiles, addresses, mended = [], [], [], {}
    names, emails = _names(people), _emails(people)
    for person in people:
        email, facts = _free_email(person, emails), _facts(person, names)
        now = {"email": email, **facts}
        kept = {name: said for name in now if (said := getattr(person, name)) and _differ(said, now[name])}
        if kept:
            mended[person.id] = kept
        password = f"{UNUSABLE_PASSWORD_PREFIX}{hashlib.sha256(person.id.bytes).hexdigest()[:40]}"
        users.append(User(id=person.id, email=email, password=password, email_verified_at=person.created_at))
        profiles.append(Profile(id=person.id, user_id=person.id, **facts))
        if not letters.is_placeholder(email):
            addresses.append(EmailAddress(user_id=person.id, email=email, verified=True, primary=True))
    User.objects.bulk_create(users)
    Profile.objects.bulk_create(profiles)
    EmailAddress.objects.bulk_create(addresses)
    _keep_times(people)
    return mended


def _differ(said: str, now: str) -> bool:
    return said.strip().lower() != now.strip().lower()


def _keep_times(people: list[Newcomer]) -> None:
    """They are as old as they were: what is made here is of today otherwise."""
    times = [[person.id for person in people], [person.created_at for person in people]]
    with connection.cursor() as cursor:
        for table in ("accounts_user", "accounts_profile"):
            cursor.execute(
                f"""UPDATE {table} SET created_at = said.at, updated_at = said.at
                FROM unnest(%s::uuid[], %s::timestamptz[]) AS said (id, at) WHERE {table}.id = said.id""",
                times,
            )


# --- Addresses ----------------------------------------------------------------------------------------------------
def _emails(people: list[Newcomer]) -> set[str]:
    """Those of their addresses that somebody signs in by, or has proven, already."""
    wanted = {person.email.strip().lower() for person in people}
    rows = (model.objects.annotate(low=Lower("email")).filter(low__in=wanted) for model in (User, EmailAddress))
    return {low for row in rows for low in row.values_list("low", flat=True)}


def _free_email(person: Newcomer, taken: set[str]) -> str:
    email = person.email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        email = ""
    if not email or len(email) > LONGEST_EMAIL or email in taken or letters.is_placeholder(email):
        return f"{person.id}@{letters.PLACEHOLDER}"
    taken.add(email)
    return email


# --- Names and words ----------------------------------------------------------------------------------------------
def _names(people: list[Newcomer]) -> set[str]:
    """Those of the names these people could get that somebody holds already."""
    wanted = {name.lower() for person in people for name in _wishes(person)}
    return set(Profile.objects.annotate(low=Lower("username")).filter(low__in=wanted).values_list("low", flat=True))


def _wishes(person: Newcomer) -> list[str]:
    """Names for somebody, the best first; the last ones are nobody else's by all likelihood."""
    plain = unicodedata.normalize("NFKD", person.username.partition("@")[0])
    stem = re.sub(r"[^A-Za-z0-9_.-]", "", plain)[:30].strip("_.-") or "listener"
    digest = hashlib.sha256(person.id.bytes).hexdigest()
    told_apart = [f"{stem[:LONGEST_STEM].rstrip('_.-')}-{digest[at : at + 8]}" for at in (0, 8, 16)]
    return [person.username.strip(), stem, *told_apart]


def _facts(person: Newcomer, taken: set[str]) -> dict[str, str]:
    username = next(name for name in _wishes(person) if usernames.allowed(name) and name.lower() not in taken)
    taken.add(username.lower())
    shown = person.display_name.strip() or (person.username.strip() if username != person.username.strip() else "")
    return {
        "username": username,
        "display_name": shown[:LONGEST_NAME],
        "first_name": person.first_name.strip()[:LONGEST_NAME],
        "last_name": person.last_name.strip()[:LONGEST_NAME],
        "bio": person.bio[:LONGEST_BIO],
        "country": _checked(person.country.strip().upper(), places.check_country, ""),
        "timezone": _checked(person.timezone.strip(), places.check_timezone, "UTC"),
        "language": _checked(person.language.strip(), places.check_language, "en"),
    }


def _checked(said: str, check: Callable[[str], None], otherwise: str) -> str:
    try:
        check(said)
    except ValidationError:
        return otherwise
    return said or otherwise
