"""Who holds which role, and who gave or took it when (S4-12, S2-01)."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.accounts.roles import ROLES, Role
from apps.lib.records import Record


class RoleGrant(Record):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=20, choices=[(r.value, d.title) for r, d in ROLES.items()])
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "role"], name="grant_once"),
            models.CheckConstraint(condition=Q(role__in=[r.value for r in Role]), name="grant_role_known"),
            # S2-01: exactly one gallery owner.
            models.UniqueConstraint(
                fields=["role"], condition=Q(role=Role.GALLERY_OWNER), name="grant_one_gallery_owner"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.role}"


class RoleChange(Record):
    """What happened to somebody's roles; `by` is empty for the system."""

    class Change(models.TextChoices):
        GRANTED = "granted"
        WITHDRAWN = "withdrawn"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="role_changes")
    role = models.CharField(max_length=20, editable=False)
    change = models.CharField(max_length=10, choices=Change, editable=False)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(change__in=["granted", "withdrawn"]), name="role_change_known")
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.change}"
