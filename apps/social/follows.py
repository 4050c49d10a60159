"""Who follows whom (S0-11). Both may be said twice."""

from typing import NamedTuple

from apps.accounts.models import User
from apps.lib.errors import Refusal
from apps.social.models import Follow


class Around(NamedTuple):
    """How many follow a person, and how many they follow."""

    followers: int
    following: int


def follow(*, person: User, by) -> None:
    """Refusal SELF_FOLLOW 400."""
    if person == by:
        raise Refusal("SELF_FOLLOW", "You cannot follow yourself.")
    Follow.objects.bulk_create([Follow(follower=by, followed=person)], ignore_conflicts=True)


def unfollow(*, person: User, by) -> None:
    Follow.objects.filter(follower=by, followed=person).delete()


def follows(person: User, other: User) -> bool:
    """Whether `person`, who may be anonymous, follows the other one."""
    return person.is_authenticated and Follow.objects.filter(follower=person, followed=other).exists()


def around(person: User) -> Around:
    """Of those whose account is on."""
    return Around(
        Follow.objects.filter(followed=person, follower__is_active=True).count(),
        Follow.objects.filter(follower=person, followed__is_active=True).count(),
    )
