"""Password hashes that came from elsewhere."""

import hmac

import bcrypt
from django.contrib.auth.hashers import BasePasswordHasher, mask_hash

LONGEST = 72  # bytes; what lies behind was never hashed


class _Nothing(str):
    """An empty name that Django's check for a name lets pass."""

    def __bool__(self) -> bool:
        return True


class LegacyBcrypt(BasePasswordHasher):
    """Plain bcrypt as other systems store it, `$2b$10$…` (S4-08). It is read, never written: a sign-in upgrades it.

    Django takes what stands before the first `$` for the algorithm's name: here nothing.
    """

    algorithm = _Nothing()
    library = "bcrypt"

    def verify(self, password: str, encoded: str) -> bool:
        """Whether they match; what is no bcrypt hash matches nothing."""
        try:
            found = bcrypt.hashpw(password.encode()[:LONGEST], encoded.encode("ascii"))
        except (ValueError, UnicodeEncodeError):
            return False
        return hmac.compare_digest(found, encoded.encode())

    def encode(self, password: str, salt: str) -> str:
        raise NotImplementedError("Old hashes are read, new ones are never made.")

    def must_update(self, encoded: str) -> bool:
        return True

    def safe_summary(self, encoded: str) -> dict:
        return {"algorithm": "bcrypt", "hash": mask_hash(encoded)}

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Every answer to a sign-in takes the same time: `config.limits.even_time`."""
