"""What a form has shown: nothing is written over what somebody changed meanwhile, in another tab for instance."""

import hashlib

from apps.lib.errors import Refusal


def mark(*values: object) -> str:
    """Stands for these values in a form; other values have another one."""
    return hashlib.sha256(repr(values).encode(errors="surrogatepass")).hexdigest()[:16]


def unchanged(sent: str | None, *values: object) -> None:
    """Refusal CONFLICT 412 when the form was made of other values. A program that sends no mark means what it says."""
    if sent and sent != mark(*values):
        message = "This was changed since the page was loaded. Load it again, then repeat what you wanted."
        raise Refusal("CONFLICT", message, status=412)
