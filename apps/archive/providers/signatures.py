"""Signatures of deliveries: over the bytes as they came, compared in constant time, five minutes old at most.

`verify` is the scheme of standard-webhooks.com, which Replicate uses: HMAC-SHA256 over `id.timestamp.body`, keyed with
what follows `whsec_` in base64; the header lists signatures as `v1,BASE64`, so that secrets can be rotated.
"""

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Mapping

from apps.archive.providers.base import ProviderError

TOLERANCE = dt.timedelta(minutes=5)
MOST_SIGNATURES = 10
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


def invalid() -> ProviderError:
    """One answer for all that can be wrong, so that nobody learns which part was right."""
    return ProviderError("SIGNATURE_INVALID", "The signature is missing, wrong, or more than five minutes off.")


def sign(secret: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()


def key(secret: str) -> bytes:
    """The bytes of a secret `whsec_…`."""
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise ProviderError("HOOK_REFUSED", "The webhook secret that is set is not one of this provider's.") from None


def timely(said: str, now: dt.datetime) -> str:
    """The timestamp header as it was signed."""
    if not _SECONDS.fullmatch(said) or abs(int(said) - now.timestamp()) > TOLERANCE.total_seconds():
        raise invalid()
    return said


def same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def verify(headers: Mapping[str, str], body: bytes, *, secret: str, now: dt.datetime) -> None:
    said = timely(headers.get("webhook-timestamp", ""), now)
    content = b".".join([headers.get("webhook-id", "").encode(), said.encode(), body])
    right = sign(key(secret), content)
    given = headers.get("webhook-signature", "").split(" ")[:MOST_SIGNATURES]
    # All of them are compared: how long this takes says nothing of which one was near.
    matches = [same(f"v1,{right}", each) for each in given]
    if not headers.get("webhook-id") or not any(matches):
        raise invalid()
