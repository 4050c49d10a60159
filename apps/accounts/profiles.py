"""How somebody is shown to others, and what they say about themselves (S4-11)."""

import re
from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Lower

from apps.accounts import actions
from apps.accounts.models import Profile, User
from apps.lib.errors import NotFound
from apps.lib.text import is_blank

# What people write in their own profile.
WRITABLE = ("username", "display_name", "first_name", "last_name", "bio", "country", "timezone", "language", "digest")
LINES = ("display_name", "first_name", "last_name")
# Control characters, and those that turn the direction of the text that follows a name.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")


def of(user: User) -> Profile:
    """Somebody's own profile; an account that was made without one gets it now."""
    profile, _ = Profile.objects.get_or_create(user=user, defaults={"username": actions.free_username(user.email)})
    return profile


@transaction.atomic
def edit(*, user: User, **facts) -> Profile:
    """Change what is named of WRITABLE. ValidationError by field for what cannot be, also for a taken username."""
    profile = of(user)
    for name, value in facts.items():
        setattr(profile, name, _tidy(name, value))
    profile.clean_fields(exclude={field.name for field in Profile._meta.fields} - set(facts))
    if "username" in facts and _named(profile.username).exclude(user=user).exists():
        raise _taken()
    try:
        with transaction.atomic():
            profile.save(update_fields=[*facts, "updated_at"])
    except IntegrityError as meanwhile:
        raise _taken() from meanwhile
    return profile


def _tidy(name: str, value: str) -> str:
    if name in LINES:
        line = " ".join(_UNSEEN.sub(" ", value).split())
        return "" if is_blank(line) else line
    return value.upper() if name == "country" else value


def _taken() -> ValidationError:
    return ValidationError({"username": "This name is taken."})


def _named(username: str):
    """By the index on the lower case: names are one regardless of it."""
    return Profile.objects.alias(lower=Lower("username")).filter(lower=username.lower())


_stats: dict[str, Callable[[User], int]] = {}


def extend_stats(name: str, count: Callable[[User], int]) -> None:
    """A number that an app above tells of a person to everybody, such as `follower_count`.

    Said in the app's `shape` module, which is imported when all models are there.
    """
    _stats[name] = count


def stats(user: User) -> dict[str, int]:
    """Every number that is told of a person."""
    return {name: count(user) for name, count in _stats.items()}


def public(username: str) -> User:
    """The person whom everybody may see under this name, in whatever case; NotFound also for who is switched off."""
    people = User.objects.filter(is_active=True, profile__in=_named(username))
    found = people.select_related("profile", "avatar").defer("avatar__image").first()
    if found is None:
        raise NotFound
    return found
