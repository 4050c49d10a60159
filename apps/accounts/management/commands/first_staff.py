"""Makes the first admin on an empty system."""

import contextlib
import secrets

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from apps.accounts import actions, lockout, rescue
from apps.accounts.backends import holder_of
from apps.accounts.models import Profile, RoleGrant, User
from apps.accounts.roles import Role
from apps.lib.errors import Conflict

NAME = "admin"


class Command(BaseCommand):
    help = (
        "Creates the first admin with a generated password and prints both once; does nothing when an admin exists. "
        "With --reset, for an operator who is locked out, the account gets a new password, is switched on, and loses "
        "its second factor, its lock-outs and all its sessions."
    )

    def add_arguments(self, parser):
        parser.add_argument("--email", default="admin@keeptrack.local", help="address of the account (%(default)s)")
        parser.add_argument("--reset", action="store_true", help="give the existing account a new password")

    @transaction.atomic
    def handle(self, *, email: str, reset: bool, **options):
        user = holder_of(email)
        if RoleGrant.objects.filter(role=Role.ADMIN).exists() and not reset:
            return
        password = secrets.token_urlsafe(12)
        if user is None:
            taken = Profile.objects.filter(username__iexact=NAME).exists()
            user = actions.register(email=email, password=password, username="" if taken else NAME, vouched=True)
        else:
            self.let_in(user, password)
        actions.grant(user=user, role=Role.ADMIN, by=None)
        self.stdout.write(
            f"Staff account  {user.email}\nPassword       {password}\nSign in at     {settings.SITE_URL}/admin/"
        )

    def let_in(self, user: User, password: str) -> None:
        """Whatever stood in the way goes; so does whoever else was in."""
        rescue.switch(user=user, active=True)
        rescue.vouch(user=user)
        with contextlib.suppress(Conflict):  # there is none
            rescue.drop_second_factor(user=user, by=None)
        actions.set_password(user=user, password=password)
        lockout.lift(email=user.email)
