"""How somebody is shown to others (S4-11)."""

from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from apps.accounts import places, usernames
from apps.accounts.models.user import User
from apps.lib.records import Record


class Profile(Record):
    class Digest(models.TextChoices):
        OFF = "off"
        DAILY = "daily"
        WEEKLY = "weekly"

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="profile")
    username = models.CharField(max_length=30, validators=[usernames.check])
    display_name = models.CharField(max_length=100, blank=True, default="", help_text="Shown instead of the username.")
    first_name = models.CharField(max_length=100, blank=True, default="", help_text="Not shown on your page.")
    last_name = models.CharField(max_length=100, blank=True, default="", help_text="Not shown on your page.")
    bio = models.TextField(max_length=2000, blank=True, default="", validators=[MaxLengthValidator(2000)])
    country = models.CharField(
        max_length=2, blank=True, default="", validators=[places.check_country], help_text="ISO 3166-1 alpha-2"
    )
    timezone = models.CharField(max_length=64, default="UTC", validators=[places.check_timezone], help_text="IANA name")
    language = models.CharField(max_length=35, default="en", validators=[places.check_language], help_text="BCP 47")
    digest = models.CharField(
        "e-mail digest", max_length=6, choices=Digest, default=Digest.DAILY, help_text="Unread notices by e-mail."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="profile_username_unique",
                violation_error_message="This name is taken.",
            ),
            models.CheckConstraint(condition=Q(digest__in=["off", "daily", "weekly"]), name="profile_digest_known"),
        ]
        indexes = [models.Index("display_name", name="profile_display_name")]

    def __str__(self) -> str:
        return self.username

    @property
    def name(self) -> str:
        return self.display_name or self.username


class Avatar(Record):
    """A square picture, re-encoded by us. It is small, so it lives and dies with its person's row."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="avatar")
    image = models.BinaryField(db_comment="WebP")
    sha256 = models.CharField(max_length=64, editable=False, db_index=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="avatar_sha256_hex"),
        ]

    def __str__(self) -> str:
        return f"avatar of {self.user_id}"
