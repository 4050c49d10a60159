"""Pictures of people: re-encoded by us, small, and gone with their person (S4-11)."""

from typing import BinaryIO

from apps.accounts.models import Avatar, User
from apps.lib import picture
from apps.lib.errors import NotFound


def put(*, user: User, content: BinaryIO) -> Avatar:
    """The middle of a JPEG, PNG, WebP or GIF becomes the person's picture; a former one is gone.

    Refusals as `picture.kept`.
    """
    return Avatar.objects.update_or_create(user=user, defaults=picture.kept(content))[0]


def drop(*, user: User) -> None:
    """No picture any more; saying it twice is harmless."""
    Avatar.objects.filter(user=user).delete()


def address(user: User) -> str:
    """The SHA-256 that the picture is served under; empty without one. Does not read the picture itself."""
    return Avatar.objects.filter(user=user).values_list("sha256", flat=True).first() or ""


def image(sha256: str) -> bytes:
    """A picture that somebody has now; NotFound for one that was replaced, dropped or whose person is switched off."""
    found = Avatar.objects.filter(sha256=sha256, user__is_active=True).values_list("image", flat=True).first()
    if found is None:
        raise NotFound
    return bytes(found)
