"""Text at rest that only this site reads: authenticated encryption under a key derived from SECRET_KEY."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from apps.lib.errors import Refusal


def seal(text: str) -> str:
    """The sealed text, URL-safe base64 (Fernet: AES-128-CBC with HMAC-SHA256)."""
    return _box().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """What was sealed, also under one of SECRET_KEY_FALLBACKS. Refusal(UNREADABLE) when no known key opens it."""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken as wrong:
        raise Refusal("UNREADABLE", "This was sealed under another SECRET_KEY.", status=500) from wrong


def _box() -> MultiFernet:
    return MultiFernet([Fernet(_key(secret)) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(f"apps.lib.seal:{secret}".encode()).digest())
