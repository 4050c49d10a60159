"""The names by which people are addressed: which may be chosen (S4-11)."""

import re

from django.core.exceptions import ValidationError

# Held by accounts whose address is not proven, until it is.
NAMELESS = re.compile(r"new-[0-9a-f]{16}", re.IGNORECASE)
SHAPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,28}[A-Za-z0-9_-]")
# Names of pages and of the house itself, with which a person could be taken for it; compared without _ . and -.
_WORDS = """
about abuse account accounts admin administrator allauth anonymous anybody api archive auth avatar avatars billing
blob blobs contact everybody feed gallery healthz help hook hooks house info keeptrack legal library login logout mail
mailer me metrics moderator moderators nobody notice notices null official owner people playlist playlists post posts
postmaster privacy readyz register removed resetpassword root search security sessions settings signin signout signup
site staff static status stripe support system team terms track tracks undefined unknown upload uploads user users
verifyemail webmaster www you
"""
RESERVED = frozenset(_WORDS.split())


def check(username: str) -> None:
    """ValidationError for a name that nobody may choose. The shape alone rules out addresses of e-mail and paths."""
    if not SHAPE.fullmatch(username):
        raise ValidationError("Use 2 to 30 of a to z, digits, _ . and -. Begin with a letter or a digit.")
    if re.sub("[_.-]", "", username).lower() in RESERVED or NAMELESS.fullmatch(username):
        raise ValidationError("This name is reserved. Choose another one.")


def allowed(username: str) -> bool:
    try:
        check(username)
    except ValidationError:
        return False
    return True
