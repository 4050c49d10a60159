"""Who somebody is (S4-08)."""

from functools import cached_property

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from apps.accounts import tiers
from apps.accounts.access import may
from apps.accounts.models.grant import RoleGrant
from apps.accounts.roles import Role
from apps.lib.records import Record


class UserManager(BaseUserManager):
    def get_by_natural_key(self, email: str):
        """E-mail addresses are one regardless of case (S4-17)."""
        return self.get(email__iexact=email.strip())

    def create_user(self, email: str, password: str | None = None, **fields):
        """A person with a profile, and no more: roles are granted by `actions.grant`."""
        user = self.model(email=email.strip().lower(), **fields)
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

    @cached_property
    def tier(self) -> str:
        """free, pro or enterprise (S1-05, C-10); asked once per request, forgotten by `subscriptions`."""
        return tiers.tier_of(self)

    @cached_property
    def has_second_factor(self) -> bool:
        return self.authenticator_set.filter(type="totp").exists()

    @property
    def is_staff(self) -> bool:
        return may(self, "admin.enter")

    def has_perm(self, perm: str, obj=None) -> bool:
        return may(self, perm)

    def has_perms(self, perms, obj=None) -> bool:
        return all(may(self, perm) for perm in perms)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_staff
