"""Answers kept for repeated writes."""

from django.conf import settings
from django.db import models


class IdempotentAnswer(models.Model):
    """What a write answered under a client's `Idempotency-Key`, so that saying it again does nothing twice."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)
    http_status = models.PositiveSmallIntegerField(null=True, help_text="Empty while the first request is at work.")
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotent_answer_once")]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.key}"
