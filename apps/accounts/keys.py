"""The shape of an API key: 256 random bits behind `kt_`. A plain SHA-256 suffices for a secret nobody can guess."""

import hashlib
import secrets

PREFIX_LENGTH = 9


def generate() -> str:
    return f"kt_{secrets.token_urlsafe(32)}"


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
