"""The shape of an API key, 256 random bits behind `kt_`, and the rules for a new one.

A plain SHA-256 suffices for a secret that nobody can guess.
"""

import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Collection

from apps.accounts.roles import SCOPES
from apps.lib.errors import Forbidden, Refusal

PREFIX_LENGTH = 9
NAME_LENGTH = 80
# Usable ones of one person.
MOST = 50
SHAPE = re.compile(r"kt_[A-Za-z0-9_-]{43}")

# For the page where a person chooses.
SCOPE_WORDS = {
    "read": "look at everything that you may see",
    "write": "change your profile, tracks and everything that has no scope of its own",
    "upload": "upload files",
    "archive": "archive tracks, with your staff rights over the archive if you have any",
    "admin": "everything that you may do, also make and revoke keys and end sessions",
}


def generate() -> str:
    return f"kt_{secrets.token_urlsafe(32)}"


def is_shaped(text: str) -> bool:
    """Whether this can be a key at all, whoever made it."""
    return SHAPE.fullmatch(text) is not None


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def check(
    *,
    name: str,
    scopes: Collection[str],
    expires_at: dt.datetime | None,
    held: Collection[str] | None,
    now: dt.datetime,
) -> None:
    """Refusal (INVALID) for what no key may be; Forbidden for scopes beyond `held`, those of the key that asks."""
    if not 1 <= len(name) <= NAME_LENGTH:
        raise _invalid("name", f"Give the key a name of at most {NAME_LENGTH} characters.")
    if not scopes or set(scopes) - set(SCOPES):
        raise _invalid("scopes", f"Choose from {', '.join(SCOPES)}.")
    if expires_at is not None and expires_at <= now:
        raise _invalid("expires_at", "Choose a time to come.")
    if held is not None and "admin" not in held and set(scopes) - set(held):
        raise Forbidden("A key makes no key with more scopes than its own.")


def _invalid(field: str, message: str) -> Refusal:
    return Refusal("INVALID", message, fields={field: [message]})
