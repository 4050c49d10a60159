"""What is on its way, and what could not be sent, for an operator."""

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count

from apps.accounts import letters
from apps.accounts.models import Letter
from apps.accounts.tasks import post
from apps.lib import nudges
from apps.lib.errors import Refusal


class Command(BaseCommand):
    help = (
        "Lists letters that wait or were given up, the newest first, with a count by state. With --again a letter that "
        "was given up is put into the queue once more, or all of them. What a letter says is never shown."
    )

    def add_arguments(self, parser):
        parser.add_argument("--limit", type=int, default=50, help="lines at most (%(default)s)")
        parser.add_argument("--again", metavar="ID", help="id of a letter, or all")

    def handle(self, *, limit: int, again: str | None, **options):
        if again:
            self._again(again)
        for state, count in Letter.objects.order_by("state").values_list("state").annotate(Count("pk")):
            self.stdout.write(f"{count:>8}  {state}")
        for row in Letter.objects.exclude(state="sent").order_by("-id")[: max(limit, 0)]:
            self.stdout.write(
                f"{row.pk}  {row.created_at:%Y-%m-%d %H:%M}  {row.state:<8}  {row.recipient}  {row.subject}  "
                f"{row.error_code} {row.error_message}".rstrip()
            )

    def _again(self, which: str) -> None:
        rows = Letter.objects.filter(state="failed")
        try:
            chosen = list(rows if which == "all" else rows.filter(pk=which))
            for letter in chosen:
                letters.again(letter=letter)
        except (Refusal, ValidationError) as refused:
            raise CommandError(f"--again: {which}: {refused}") from refused
        if which != "all" and not chosen:
            raise CommandError(f"--again: no letter {which} was given up.")
        nudges.send(post)
        self.stdout.write(f"{len(chosen)} on their way again")
