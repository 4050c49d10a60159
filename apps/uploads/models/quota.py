"""What somebody takes of a day, and what staff give on top (S1-04)."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.lib import sizes
from apps.lib.records import Record
from apps.uploads.access import QuotaDayAccess, QuotaGrantAccess


class QuotaDay(models.Model):
    """What a person brought in on a UTC day, and how much they might: never a byte over (S1-04)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="quota_days")
    day = models.DateField(help_text="UTC")
    used_bytes = models.BigIntegerField()
    limit_bytes = models.BigIntegerField(help_text="As it was when something last came in.")

    objects = QuotaDayAccess.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "day"], name="quota_day_once"),
            models.CheckConstraint(
                condition=Q(used_bytes__gte=0, used_bytes__lte=F("limit_bytes")), name="quota_day_within"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.day}: {self.used_bytes} of {self.limit_bytes}"


class QuotaGrant(Record):
    """Bytes a day on top of the tier's, from one day to another, with the reason that staff gave."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="quota_grants")
    extra_bytes = models.BigIntegerField()
    starts_on = models.DateField(help_text="UTC")
    ends_on = models.DateField(help_text="UTC; the last day that it holds.")
    reason = models.CharField(max_length=500)
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    objects = QuotaGrantAccess.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(extra_bytes__gt=0), name="quota_grant_positive"),
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="quota_grant_in_order"),
            models.CheckConstraint(condition=Q(reason__regex=r"\S"), name="quota_grant_reasoned"),
        ]
        indexes = [models.Index("user", "ends_on", name="quota_grant_of_user")]

    def __str__(self) -> str:
        return f"{sizes.words(self.extra_bytes)} more a day until {self.ends_on}"
