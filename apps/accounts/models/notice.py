"""What the house has to tell one person."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.accounts.access import OwnRows
from apps.lib.records import Record


class Notice(Record):
    """Said once per subject and day, however often it happens."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=40, editable=False, help_text="Such as archive.lost.")
    subject = models.CharField(max_length=100, editable=False, help_text="What it is about, such as a track's id.")
    day = models.DateField(editable=False)
    title = models.CharField(max_length=200, editable=False)
    message = models.CharField(max_length=2000, editable=False)
    link = models.CharField(max_length=500, blank=True, default="", editable=False, help_text="A path of this site.")
    read_at = models.DateTimeField(null=True, blank=True, editable=False)
    mailed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = OwnRows.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "subject", "day"], name="notice_once_a_day"),
            models.CheckConstraint(condition=Q(link="") | Q(link__regex=r"^/([^/\\]|$)"), name="notice_link_is_ours"),
        ]
        indexes = [
            models.Index("user", models.F("id").desc(), name="notice_newest"),
            models.Index("user", condition=Q(read_at__isnull=True), name="notice_unread"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def read(self) -> bool:
        return self.read_at is not None
