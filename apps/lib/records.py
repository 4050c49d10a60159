"""What every table shares: a time-ordered identity and two timestamps."""

import datetime as dt
import secrets
import time
import uuid

from django.db import models


def uuid7() -> uuid.UUID:
    """A UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, 12 bits of their fraction, 62 random bits."""
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | secrets.randbits(62))


def least_key(when: dt.datetime) -> uuid.UUID:
    """Below every key that is made from this moment on, so that the key's own index answers questions of age."""
    return uuid.UUID(int=int(when.timestamp() * 1000) << 80)


class Record(models.Model):
    """Abstract. The key is not editable, so that no form can name another row (CVE-2026-87975)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True, editable=False)

    class Meta:
        abstract = True
