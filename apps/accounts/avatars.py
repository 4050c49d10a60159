"""Pictures of people: re-encoded by us, small, and gone with their person (S4-11)."""

import hashlib
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from apps.accounts.models import Avatar, User
from apps.lib import picture, spool
from apps.lib.errors import NotFound, Refusal

SIDE = 512  # pixels
MOST = 200_000  # bytes
PIECE = 1 << 18


def put(*, user: User, content: BinaryIO) -> Avatar:
    """The middle of a JPEG, PNG, WebP or GIF becomes the person's picture; a former one is gone.

    Refusals: EMPTY_FILE, INVALID_PICTURE and PICTURE_TOO_COMPLEX 400, FILE_TOO_LARGE 413. Nothing is kept of those.
    """
    with spool.workspace(needed=settings.AVATAR_MAX_BYTES) as folder:
        _write(content, folder / "picture")
        image = picture.square(folder / "picture", side=SIDE, most=MOST)
    facts = {"image": image, "sha256": hashlib.sha256(image).hexdigest()}
    return Avatar.objects.update_or_create(user=user, defaults=facts)[0]


def _write(content: BinaryIO, path: Path) -> None:
    size = 0
    with path.open("wb") as out:
        while piece := content.read(PIECE):
            size += out.write(piece)
            if size > settings.AVATAR_MAX_BYTES:
                raise too_large()
    if not size:
        message = "The file is empty. Choose another one."
        raise Refusal("EMPTY_FILE", message, fields={"file": [message]})


def too_large() -> Refusal:
    message = f"A picture may have {settings.AVATAR_MAX_BYTES // (1024 * 1024)}MB at most."
    return Refusal("FILE_TOO_LARGE", message, status=413, fields={"file": [message]})


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
