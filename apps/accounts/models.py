"""People: identity, profile, roles, subscription, API keys (S4-08, S4-11 … S4-13, S2-01)."""

import datetime as dt
from functools import cached_property

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from apps.accounts.access import OwnRows, may
from apps.accounts.roles import ROLES, SCOPES, Role
from apps.lib.records import Record


class UserManager(BaseUserManager):
    def get_by_natural_key(self, email: str):
        """E-mail addresses are one regardless of case (S4-17)."""
        return self.get(email__iexact=email.strip())

    def create_user(self, email: str, password: str | None = None, **fields):
        """A person with a profile, and no more: roles are granted by `actions.grant`."""
        user = self.model(email=self.normalize_email(email).strip(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields):
        """For Django's `createsuperuser`, the only door to the first admin beside `first_staff`."""
        user = self.create_user(email, password, **fields)
        RoleGrant.objects.create(user=user, role=Role.ADMIN)
        return user


class User(AbstractBaseUser, Record):
    email = models.EmailField(max_length=254)
    is_active = models.BooleanField(default=True, help_text="Off: the person cannot sign in; their tracks stay.")
    email_verified_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: list[str] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_unique",
                violation_error_message="This e-mail address is taken.",
            )
        ]

    def __str__(self) -> str:
        return self.email

    @cached_property
    def roles(self) -> frozenset[Role]:
        """The roles granted to this person; `user` is everyone's (S4-12)."""
        return frozenset({Role.USER, *map(Role, self.grants.values_list("role", flat=True))})

    @property
    def tier(self) -> str:
        """free, pro or enterprise, from the subscription that holds now (S1-05, C-10)."""
        return (
            Subscription.objects.holding(timezone.now()).filter(user=self).values_list("plan", flat=True).first()
            or "free"
        )

    @property
    def is_staff(self) -> bool:
        return may(self, "admin.enter")

    def has_perm(self, perm: str, obj=None) -> bool:
        return may(self, perm)

    def has_perms(self, perms, obj=None) -> bool:
        return all(may(self, perm) for perm in perms)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_staff


class Profile(Record):
    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="profile")
    username = models.CharField(
        max_length=30,
        validators=[RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9_.-]{1,29}\Z", "Use 2 to 30 letters, digits, _ . or -.")],
    )
    display_name = models.CharField(max_length=100, blank=True, default="")
    first_name = models.CharField(max_length=100, blank=True, default="")
    last_name = models.CharField(max_length=100, blank=True, default="")
    bio = models.TextField(max_length=2000, blank=True, default="")
    country = models.CharField(max_length=2, blank=True, default="", help_text="ISO 3166-1 alpha-2")
    timezone = models.CharField(max_length=64, default="UTC", help_text="IANA name")
    language = models.CharField(max_length=8, default="en", help_text="BCP 47")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="profile_username_unique",
                violation_error_message="This name is taken.",
            )
        ]
        indexes = [models.Index("display_name", name="profile_display_name")]

    def __str__(self) -> str:
        return self.username

    @property
    def name(self) -> str:
        return self.display_name or self.username


class RoleGrant(Record):
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=20, choices=[(r.value, d.title) for r, d in ROLES.items()])
    granted_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
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


class SubscriptionQuerySet(models.QuerySet):
    def holding(self, now: dt.datetime):
        """Subscriptions that give their plan's access at this moment: active and inside their period (C-10)."""
        open_end = Q(period_end__isnull=True) | Q(period_end__gt=now)
        return self.filter(open_end, status=Subscription.Status.ACTIVE, period_start__lte=now)


class Subscription(Record):
    class Plan(models.TextChoices):
        FREE = "free"
        PRO = "pro"
        ENTERPRISE = "enterprise"

    class Status(models.TextChoices):
        ACTIVE = "active"
        CANCELLED = "cancelled"
        EXPIRED = "expired"
        PAST_DUE = "past_due"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="subscriptions")
    plan = models.CharField(max_length=12, choices=Plan, default=Plan.FREE)
    status = models.CharField(max_length=12, choices=Status, default=Status.ACTIVE)
    period_start = models.DateTimeField(default=timezone.now)
    period_end = models.DateTimeField(null=True, blank=True)
    cancel_at_period_end = models.BooleanField(default=False)
    stripe_customer_id = models.CharField(max_length=64, blank=True, default="", db_index=True)
    stripe_subscription_id = models.CharField(max_length=64, blank=True, default="", db_index=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(plan__in=["free", "pro", "enterprise"]), name="subscription_plan_known"),
            models.CheckConstraint(
                condition=Q(status__in=["active", "cancelled", "expired", "past_due"]),
                name="subscription_status_known",
            ),
            models.CheckConstraint(
                condition=Q(period_end__isnull=True) | Q(period_end__gt=models.F("period_start")),
                name="subscription_period_forward",
            ),
            models.UniqueConstraint(
                fields=["user"], condition=Q(status__in=["active", "past_due"]), name="subscription_one_live"
            ),
        ]
        indexes = [models.Index("status", name="subscription_status")]

    def __str__(self) -> str:
        return f"{self.user} · {self.plan} · {self.status}"


class ApiKeyQuerySet(OwnRows):
    def usable(self, now: dt.datetime):
        unexpired = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
        return self.filter(unexpired, revoked_at__isnull=True, user__is_active=True)


class ApiKey(Record):
    """A key is shown once; only its SHA-256 and its first characters are kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(condition=Q(scopes__contained_by=list(SCOPES)), name="api_key_scopes_known"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class IdempotentAnswer(models.Model):
    """What a write answered under a client's `Idempotency-Key`, so that saying it again does nothing twice."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)
    http_status = models.PositiveSmallIntegerField(null=True, help_text="Empty while the first request is at work.")
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotent_answer_once")]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.key}"
