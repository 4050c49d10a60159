"""Makes the first admin on an empty system."""

import secrets

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from apps.accounts import actions
from apps.accounts.models import Profile, RoleGrant, User
from apps.accounts.roles import Role

NAME = "admin"


class Command(BaseCommand):
    help = (
        "Creates the first admin with a generated password and prints both once; does nothing when an admin exists. "
        "With --reset the account gets a new password and is switched on, for an operator who is locked out."
    )

    def add_arguments(self, parser):
        parser.add_argument("--email", default="admin@keeptrack.local", help="address of the account (%(default)s)")
        parser.add_argument("--reset", action="store_true", help="give the existing account a new password")

    @transaction.atomic
    def handle(self, *, email: str, reset: bool, **options):
        user = User.objects.filter(email__iexact=email).first()
        if RoleGrant.objects.filter(role=Role.ADMIN).exists() and not reset:
            return
        password = secrets.token_urlsafe(12)
        if user is None:
            taken = Profile.objects.filter(username__iexact=NAME).exists()
            user = actions.register(email=email, password=password, username="" if taken else NAME)
        user.set_password(password)
        user.is_active = True
        user.save(update_fields=["password", "is_active"])
        actions.grant(user=user, role=Role.ADMIN, by=None)
        self.stdout.write(
            f"Staff account  {user.email}\nPassword       {password}\nSign in at     {settings.SITE_URL}/admin/"
        )
