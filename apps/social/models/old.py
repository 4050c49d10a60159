"""Who still uses the API in the old way (S0-37). Goes with `compat` in v2.0."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.accounts.access import OwnRows
from apps.accounts.models import ApiKey


class DeprecatedUse(models.Model):
    """How often one key, person or network asked in one old way on one day; dropped after `compat.KEPT`."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+", editable=False
    )
    key = models.ForeignKey(ApiKey, null=True, on_delete=models.CASCADE, related_name="+", editable=False)
    network = models.CharField(max_length=45, editable=False, help_text="Of visitors; empty where there is a person.")
    day = models.DateField(editable=False)
    what = models.CharField(max_length=20, editable=False)
    count = models.PositiveIntegerField(editable=False)

    objects = OwnRows.as_manager()

    class Meta:
        verbose_name = "old use of the API"
        verbose_name_plural = "old uses of the API"
        constraints = [
            models.UniqueConstraint(
                fields=["day", "what", "user", "key", "network"], nulls_distinct=False, name="deprecated_use_once_a_day"
            ),
            models.CheckConstraint(condition=Q(count__gt=0), name="deprecated_use_counts"),
            models.CheckConstraint(
                condition=Q(user__isnull=False, network="") | Q(user__isnull=True, key__isnull=True) & ~Q(network=""),
                name="deprecated_use_of_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.what} on {self.day}: {self.count}"
