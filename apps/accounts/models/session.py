"""Where somebody is signed in (S4-09)."""

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone

from apps.accounts.access import OwnRows
from apps.lib.records import uuid7


class Session(AbstractBaseSession):
    """One browser. The key is the SHA-256 of what the cookie holds: whoever reads this table is signed in nowhere."""

    session_key = models.CharField(max_length=64, primary_key=True, editable=False)
    id = models.UUIDField(unique=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="sessions", editable=False,
        help_text="Empty before sign-in.",
    )  # fmt: skip
    address = models.GenericIPAddressField(null=True, editable=False)
    agent = models.CharField(max_length=300, blank=True, default="", editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_activity = models.DateTimeField(default=timezone.now, editable=False, db_index=True)

    objects = OwnRows.as_manager()

    def __str__(self) -> str:
        return f"session {self.id}"
