"""Makes an API key from the command line."""

from django.core.management.base import BaseCommand, CommandError

from apps.accounts import actions
from apps.accounts.models import User
from apps.accounts.roles import SCOPES
from apps.lib.errors import Refusal


class Command(BaseCommand):
    help = "Creates an API key for a person and prints it, once and alone on a line, so that a script can keep it."

    def add_arguments(self, parser):
        parser.add_argument("email", help="address of the person whose key it is")
        parser.add_argument("--name", default="command line", help="what the key is for (%(default)s)")
        parser.add_argument(
            "--scopes", nargs="+", default=["read", "write", "upload"], choices=list(SCOPES), metavar="SCOPE",
            help=f"of {', '.join(SCOPES)} (read write upload)",
        )  # fmt: skip

    def handle(self, *, email: str, name: str, scopes: list[str], **options):
        user = User.objects.filter(email__iexact=email, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active account {email}.")
        try:
            _, clear = actions.create_key(user=user, name=name, scopes=scopes)
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(clear)
